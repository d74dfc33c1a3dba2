"""What is wrong with a file or an option that holds fields: the sentences of the API."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


def told_faults(error: "ValidationError") -> str:
    """Name every faulty field, what is wrong and what would be right; never its value."""
    return "; ".join(_sentence(**each) for each in faults_in(error))


def faults_in(error: "ValidationError") -> list[dict[str, str]]:
    """Return every fault as the API does: its field, the problem, the fix."""
    from preference_center.systems.api.faults import faults_of

    return faults_of([{**each, "loc": ("body", *each["loc"])} for each in error.errors()])


def _sentence(field: str, problem: str, fix: str) -> str:
    named = "" if field == "body" else f"{field} "
    return f"{named}{problem}: {fix}"
