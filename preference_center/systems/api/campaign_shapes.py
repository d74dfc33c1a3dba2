"""The bodies of campaigns: what is said, to whom, when, and what became of it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from mailer.campaigns import Act, Audience, Check, Digest, How, Plan, Split, State, ZoneAhead
from mailer.campaigns.audience import ChosenAudience
from mailer.delivery import Brake, Cause, Limits, TestReader
from mailer.letters import PromotionalContent
from mailer.measure import Published
from mailer.vocabulary import Topic
from preference_center.systems.api.forms import Answer, Form, OneLine, Page

REVISION = r"^[0-9a-f]{16}$"
CAMPAIGN_EXAMPLE: dict[str, JsonValue] = {
    "name": "Autumn release",
    "topic": "software_updates",
    "content": {
        "subject": "Version 9 is here",
        "preheader": "Faster tills, clearer reports",
        "heading": "Version 9",
        "body_markdown": "Hello {{ first_name }},\n\nversion 9 is ready for your tills.",
        "button_label": "See what is new",
        "button_url": "https://shop.focalpointsystem.com/version-9",
    },
    "audience": {
        "rule": {
            "kind": "all",
            "of": [
                {"kind": "language", "any_of": ["en"]},
                {"kind": "ordered", "product": "POS-PRO"},
            ],
        }
    },
}


class CampaignForm(Form):
    """A campaign: one letter, one topic, an audience. Saved as a draft; nothing leaves by this."""

    model_config = ConfigDict(json_schema_extra={"example": CAMPAIGN_EXAMPLE})

    name: Annotated[OneLine, StringConstraints(min_length=1)]
    topic: Topic
    content: PromotionalContent
    audience: ChosenAudience = Field(
        default_factory=ChosenAudience,
        description="A `rule`, or a `saved` audience by its id; neither for everybody.",
    )
    pace: Limits | None = Field(
        default=None, description="How fast it may leave; none: as fast as the installation does."
    )
    brake: Brake | None = Field(
        default=None,
        description="Limits of its own for the safety brake; the others are the installation's.",
    )
    split: Split | None = Field(
        default=None,
        description="Variants that are tried against each other, a hold-out, or both.",
    )
    digest: Digest | None = Field(
        default=None,
        description="Makes it a digest: below its content stands what frequency and cap held back.",
    )


class BrakedAnswer(Answer):
    """The safety brake has stopped it: nothing more leaves until it is resumed with a reason."""

    at: datetime
    cause: Cause
    count: Published
    of: int
    limit: float = Field(description="Per cent that were passed.")
    sentence: str


class BrakeFigureAnswer(Answer):
    """What the brake counts for one cause, since it was released last, and its limit in per cent.

    Of how many the fate is unknown it tells exactly, as the books do; the rest from ten people on.
    """

    cause: Cause
    count: Published
    of: int
    limit: float


class StatusAnswer(Answer):
    """What holds its mail back at this moment, and how near the limits of its brake it is."""

    id: int
    state: State
    as_at: datetime
    next_turn: datetime | None = Field(
        description="When its pace lets the next mail go; null: now, or it is not sending."
    )
    slowed: dict[str, float] = Field(
        description="Messages a second where a provider asked for less: a domain, or `*` for all."
    )
    waiting: int = Field(
        description="People whose moment is still to come: asleep, at their own hour, tried again."
    )
    waiting_from: datetime | None = Field(description="The first of these moments.")
    waiting_until: datetime | None = Field(description="The last of them.")
    halted: str | None = Field(
        description="Why no promotional mail leaves at all: the database is older than the journal."
    )
    brake: list[BrakeFigureAnswer] = Field(description="Empty before the start.")
    braked: BrakedAnswer | None


class ReasonForm(Form):
    """Why something is done to it; kept in the ledger, so without addresses."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "The price was wrong."}})

    reason: OneLine = ""


class EditForm(CampaignForm):
    """A campaign as it is to be from now on, and why; kept in the ledger, so without addresses."""

    reason: OneLine = ""


class ScheduleForm(Plan):
    """When a campaign leaves, and why then; kept in the ledger, so without addresses."""

    reason: OneLine = ""

    @property
    def plan(self) -> Plan:
        """The plan alone."""
        said = self.stored()
        said.pop("reason", None)
        return Plan.model_validate(said)


class ApproveForm(ReasonForm):
    """Which revision of the campaign was looked at: another one is not approved by this."""

    model_config = ConfigDict(json_schema_extra={"example": {"revision": "9f2c41d07ab3e658"}})

    revision: Annotated[str, StringConstraints(pattern=REVISION)] | None = None


class PaceForm(ReasonForm):
    """How fast it may leave from now on, and why; kept in the ledger, so without addresses."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"pace": {"per_minute": 300}, "reason": "The relay's queue grows."}
        }
    )

    pace: Limits | None = Field(description="Null: as fast as the installation does.")


class BrakeForm(ReasonForm):
    """What stops it from now on, and why that was changed; the ledger keeps it, without addresses."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"brake": {"complaints": 0.05}, "reason": "A new audience: be careful."}
        }
    )

    brake: Brake | None = Field(description="Null: the installation's limits alone.")


class CloneForm(ReasonForm):
    """What the copy is called; like the first one if left out."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "Winter release"}})

    name: OneLine = ""


class ChoiceForm(ReasonForm):
    """What those get who wait for a split test's choice, chosen by hand."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"variant": "Question", "reason": "It reads better."}}
    )

    variant: OneLine | None = Field(
        description="The name of a variant; null lets everybody go on with what they were drawn for."
    )


class TestForm(ReasonForm):
    """Who of staff gets a test, and what the invented reader is known by."""

    __test__ = False
    model_config = ConfigDict(
        json_schema_extra={"example": {"to": ["anna@focalpointsystem.com"], "reader": "known"}}
    )

    to: list[OneLine] = Field(min_length=1, max_length=10)
    reader: TestReader = Field(
        default=TestReader.KNOWN, description="`unknown` shows what stands for missing fields."
    )
    variant: OneLine | None = Field(
        default=None, description="A variant by its name; left out for the campaign's own letter."
    )


class TestAnswer(Answer):
    """The mailings that carry the tests, one for each address: see GET /messages?mailing=…"""

    __test__ = False

    id: int
    mailings: list[int]


class FindingAnswer(Answer):
    """One thing that a check found: where, what is wrong, and what mends it."""

    check: Check
    field: str
    text: str
    fix: str
    clause: str = Field(description="The row of the privacy policy that asks for it, or empty.")


class ChecksAnswer(Answer):
    """Everything that the checks found at this moment; stops refuse schedule and start."""

    id: int
    as_at: datetime
    audience: Published
    stops: list[FindingAnswer]
    warnings: list[FindingAnswer]


class ChoiceAnswer(Answer):
    """What the remainder of a split test got, and how that came about."""

    variant: str | None = Field(
        description="Null: all went on, each with what they were drawn for."
    )
    how: How
    at: datetime
    by: str
    why: str
    people: int = Field(description="How many had waited for it.")


class CampaignAnswer(Answer):
    """A campaign on file, and what may be done to it now."""

    id: int
    name: str
    topic: Topic
    content: PromotionalContent
    audience: Audience
    state: State
    possible: list[Act]
    mailing: int | None
    plan: dict[str, JsonValue] | None = Field(description="By what plan it leaves, as it was sent.")
    scheduled_for: datetime | None = Field(description="When its audience is cut.")
    series: int | None = Field(description="The campaign that repeats, of which this is one time.")
    occurrence: int | None
    created_at: datetime
    created_by: str
    started_at: datetime | None
    ended_at: datetime | None
    revision: str = Field(description="A digest of what it says, to whom and when.")
    approved_by: str | None = Field(
        description="Who approved it as it stands now; another revision takes that away."
    )
    approved_by_name: str | None = Field(
        description="The same by the name that staff gave to the key; `approved_by` for who is no"
        " key, or one that is gone."
    )
    approved_at: datetime | None
    approved_size: Published | None = Field(description="People in its audience at the approval.")
    taken_back: str | None = Field(
        description="Why it did not start at its moment, or is paused though nobody paused it, and"
        " what mends it; null once scheduled or resumed."
    )
    copied_from: int | None
    pace: dict[str, JsonValue] | None = Field(description="How fast it may leave, as it was sent.")
    split: Split | None
    choose_at: datetime | None = Field(
        description="When the sample of its split test is looked at next; a remainder waits for it."
    )
    choice: ChoiceAnswer | None
    brake: dict[str, JsonValue] | None = Field(description="Its brake's own limits, likewise.")
    braked: BrakedAnswer | None
    digest: Digest | None


class ApprovalAnswer(CampaignAnswer):
    """A campaign that is approved, and whether it was so before."""

    already_approved: str | None = Field(
        description="Who approved it before this key did, in a sentence: the first approval stands."
    )


class CampaignPage(Page):
    """Campaigns by id."""

    campaigns: list[CampaignAnswer]


class PreviewAnswer(Answer):
    """How a campaign would fare if it started now; nothing leaves by asking.

    While it is still counting, the numbers are those of the customers looked at so far.
    """

    id: int
    state: Literal["counted", "counting"]
    progress: float = Field(description="The part of all customers that was looked at.")
    as_at: datetime
    audience: Published
    allowed: Published
    held: Published = Field(
        description="In their quiet hours at this moment: they would get it later."
    )
    refused: dict[str, Published]


class ChangeAnswer(Answer):
    """The clocks of a zone are moved."""

    at: datetime
    minutes: int = Field(description="Forward, as in spring; below zero: back, as in autumn.")


class ZoneAnswer(Answer):
    """The people of one zone, and when they are due."""

    zone: str
    people: Published
    at: datetime
    local: str = Field(description="The same moment by their own clock.")
    last: datetime = Field(
        description="The last moment of them: that of a split test's later variant or its remainder."
    )
    change: ChangeAnswer | None = Field(description="Where that day has 23 or 25 hours, say.")
    late: bool = Field(
        description="The deadline will have passed by `last`: who is due after it would be refused."
    )


class ForesightAnswer(Answer):
    """How a schedule would go as things stand; those who will be refused are counted, too.

    What concerns fewer than ten people is withheld, and what would give it away; of fewer than ten
    in all, neither zones nor moments are told (C15).
    """

    id: int
    as_at: datetime
    begins: datetime = Field(description="When the audience is cut.")
    first: datetime | None
    last: datetime | None
    audience: Published
    without_zone: Published = Field(description="People for whom the plan's `zone` counts.")
    late: Published
    zones: list[ZoneAnswer]
    occurrences: list[datetime] = Field(
        description="When the next twelve times of a repetition begin, the first one included."
    )
    choice: datetime | None = Field(
        description="When the winner of its split test is chosen; the remainder leaves after it."
    )


def zone_answer(ahead: ZoneAhead, people: Published) -> ZoneAnswer:
    """Tell of one zone, and how many people it has as far as that may be shown."""
    change = ahead.change
    return ZoneAnswer(
        zone=ahead.zone,
        people=people,
        at=ahead.at,
        local=ahead.local.isoformat(),
        last=ahead.last,
        change=ChangeAnswer(at=change.at, minutes=int(change.shift.total_seconds() // 60))
        if change
        else None,
        late=ahead.is_late,
    )
