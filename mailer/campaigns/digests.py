"""A campaign that is a digest: one mail about what frequency and cap held back. Pure."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Digest(BaseModel):
    """What a digest collects: what was held back from somebody within so many days."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={"example": {"within_days": 14}},
    )

    within_days: Annotated[int, Field(strict=True, ge=1, le=60)] = Field(
        default=14,
        description="What was held back longer ago is not told of. Longer than the step of its"
        " repetition, so that nothing falls between two.",
    )

    def stored(self) -> dict[str, Any]:
        """Return it as JSON that reads back as the same."""
        return self.model_dump(mode="json")
