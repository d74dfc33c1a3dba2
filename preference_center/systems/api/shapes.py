"""The bodies that shops send and get back about consents and suppressions."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import (
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from mailer.vocabulary import Door, Frequency, Scope, SuppressionReason, Topic
from preference_center.systems.api.forms import (
    Address,
    Answer,
    Form,
    Moment,
    OneLine,
    Page,
    Topics,
)

VERSION_NEEDED = "what asks for more needs the version that the customer's page showed"


class ConsentForm(Form):
    """A customer's wish, passed on by the shop: nos always count, a yes needs its words.

    What asks for more (`on`, `resume`, `tracking`, more often) needs `seen_version` too, so that
    nothing undoes a no that the customer said meanwhile.

    An opt-out here is the same opt-out as on the preference page and is in force when the answer
    arrives (C08).
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"stop_all": True},
                {"off": ["software_updates"], "tracking": False},
                {
                    "on": ["company_news"],
                    "words": "Send me company news by e-mail. I can stop at any time.",
                    "seen_version": 7,
                },
            ]
        }
    )

    stop_all: bool = Field(default=False, description="Stop all promotional mail.")
    off: Topics = Field(default_factory=list, description="Topics to switch off.")
    on: Topics = Field(default_factory=list, description="Topics to switch on.")
    words: Annotated[OneLine, Field(max_length=200)] = Field(
        default="", description="The words that the customer agreed to; needed with `on`."
    )
    frequency: Frequency | None = None
    paused_until: Moment | None = None
    resume: bool = Field(default=False, description="End a pause.")
    tracking: bool | None = Field(default=None, description="May opens and clicks be measured?")
    seen_version: Annotated[int, Field(ge=0, strict=True)] | None = Field(
        default=None,
        validate_default=True,
        description="`version` of the consents that the customer's page showed; needed with what "
        "asks for more mail or measuring. On an older one that is not done but asked again.",
    )

    @field_validator("seen_version", mode="after")
    @classmethod
    def _is_there_for_more(cls, seen: int | None, before: ValidationInfo) -> int | None:
        said = before.data
        more = said.get("on") or said.get("resume") or said.get("tracking")
        if seen is None and (more or said.get("frequency") is Frequency.AS_IT_COMES):
            raise ValueError(VERSION_NEEDED)
        return seen

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not (self.model_fields_set - {"words", "seen_version"}):
            raise ValueError("name at least one wish")
        if self.on and not self.words:
            raise ValueError("a yes needs the words that the customer agreed to")
        if self.stop_all and self.on:
            raise ValueError("stop_all and on contradict each other")
        if set(self.on) & set(self.off):
            raise ValueError("a topic cannot be switched on and off at once")
        return self


class TopicState(Answer):
    """One topic of one customer."""

    topic: Topic
    on: bool
    since: datetime | None


class Consent(Answer):
    """One line of the consent ledger; lines are never altered."""

    id: int
    at: datetime
    act: str
    topic: Topic | None
    value: str | None
    door: Door
    words: str
    policy_version: str
    version: int
    reference: str


class Consents(Answer):
    """What a customer gets and why: the standing now, and the ledger behind it."""

    customer: int
    version: int
    topics: list[TopicState]
    stopped_since: datetime | None
    paused_until: datetime | None
    frequency: Frequency
    tracking: bool
    ledger: list[Consent]


class LeftBefore(Answer):
    """A promotional mailing that was in hand when the wish came; see `GET /messages`."""

    mailing: int
    at: datetime


class Acknowledged(Answer):
    """An opt-out or change is stored and in force."""

    reference: str
    at: datetime
    version: int
    already_since: datetime | None
    left: list[LeftBefore] = Field(description="What had left and cannot be called back.")
    unsure: list[LeftBefore] = Field(description="What may have left; nobody can tell yet.")
    may_still_arrive: bool
    asked_again: list[str] = Field(
        description="What an older page asked more of: topics, `pause`, `frequency`, `tracking`. "
        "It was not done; ask the customer again."
    )


class SuppressionForm(Form):
    """An address that must not be mailed, whether or not a customer has it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"email": "jo@example.com", "scope": "promotional", "reason": "opt_out"}
        }
    )

    email: Address
    scope: Scope = Scope.PROMOTIONAL
    topic: Topic | None = Field(default=None, description="With the scope `topic` only.")
    reason: SuppressionReason = SuppressionReason.OPT_OUT
    until: Moment | None = Field(default=None, description="Leave out for ever.")

    @model_validator(mode="after")
    def _topic_and_scope_agree(self) -> Self:
        if (self.scope is Scope.TOPIC) != (self.topic is not None):
            raise ValueError("scope `topic` and a topic go together")
        if self.reason in {SuppressionReason.ERASURE, SuppressionReason.MINOR}:
            raise ValueError("erasure and minor are written by the removal desk only")
        return self


class LiftForm(Form):
    """Why a suppression ends."""

    model_config = ConfigDict(json_schema_extra={"example": {"why": "The mailbox works again."}})

    why: OneLine = Field(min_length=3)


class SuppressionAnswer(Answer):
    """A suppression; the address itself is never listed."""

    id: int
    customer: int | None
    address_id: int | None
    scope: Scope
    topic: Topic | None
    reason: SuppressionReason
    door: Door
    since: datetime
    until: datetime | None
    lifted_at: datetime | None


class SuppressedAnswer(Answer):
    """What a suppression did: an acknowledgement for each customer, else the bare address's id."""

    suppression: int | None
    acknowledgements: list[Acknowledged]


class SuppressionPage(Page):
    """Standing suppressions by id."""

    suppressions: list[SuppressionAnswer]
