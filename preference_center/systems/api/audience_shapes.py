"""The bodies of audiences and lists: rules, their sentence, and how many people they let in."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, StringConstraints, model_validator

from mailer.campaigns.audience import BoundedRule, Rule
from mailer.measure import Published
from mailer.vocabulary import Topic
from preference_center.systems.api.forms import Address, Answer, Form, OneLine, Page, Unfit, Word

RULE_EXAMPLE: dict[str, JsonValue] = {
    "kind": "all",
    "of": [
        {"kind": "country", "any_of": ["US", "CA"]},
        {"kind": "ordered", "product": "POS-PRO", "since": "2026-01-01T00:00:00Z"},
        {"kind": "not", "of": {"kind": "engaged", "within_days": 30}},
    ],
}
MOST_MEMBERS = 1000
Places = list[int]
Name = Annotated[OneLine, StringConstraints(min_length=1)]


class AudienceForm(Form):
    """A rule to be kept under a name. Campaigns take it as it is when they are written."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "New tills, quiet lately", "rule": RULE_EXAMPLE}}
    )

    name: Name
    rule: BoundedRule


class CountForm(Form):
    """A rule, and the topic for which the sender's decision is made."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"topic": "software_updates", "rule": RULE_EXAMPLE}}
    )

    topic: Topic
    rule: BoundedRule


class AudienceAnswer(Answer):
    """A saved audience, with its rule in plain English."""

    id: int
    name: str
    rule: Rule
    sentence: str
    created_at: datetime
    created_by: str
    changed_at: datetime


class AudiencePage(Page):
    """Saved audiences by id."""

    audiences: list[AudienceAnswer]


class CountAnswer(Answer):
    """How many people an audience has, and what would become of them now.

    While `state` is `counting`, the figures are those of the customers looked at so far: ask again
    to go on. A figure of fewer than ten people is withheld, and so is one from which it could be
    worked out (C15).
    """

    state: Literal["counted", "counting"]
    progress: float = Field(description="The part of all customers looked at, from 0 to 1.")
    as_at: datetime
    sentence: str
    notes: list[str] = Field(description="What the rule names and nobody has, such as a product.")
    audience: Published
    allowed: Published
    refused: dict[str, Published]


class ListForm(Form):
    """A list of people, empty at first."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "Trade fair 2026"}})

    name: Name


class MembersForm(Form):
    """Who is put on a list or taken off it: by the shop's ids, by addresses, or both."""

    model_config = ConfigDict(json_schema_extra={"example": {"external_ids": ["C-1042"]}})

    external_ids: list[Word] = Field(default_factory=list, max_length=MOST_MEMBERS)
    emails: list[Address] = Field(default_factory=list, max_length=MOST_MEMBERS)

    @model_validator(mode="after")
    def _names_somebody(self) -> "MembersForm":
        if not self.external_ids and not self.emails:
            raise Unfit("names nobody", "send external_ids, emails or both")
        return self


class ListAnswer(Answer):
    """A list, and how many were put on it."""

    id: int
    name: str
    people: int
    created_at: datetime
    created_by: str


class ListPage(Page):
    """Lists by id."""

    lists: list[ListAnswer]


class MembersAnswer(Answer):
    """What became of a set of names; nobody unknown is named again, only where they stood."""

    list: int
    changed: int = Field(description="Who was not on the list before, or was and is not any more.")
    unknown_external_ids: Places = Field(description="Places in the list sent, from 0.")
    unknown_emails: Places = Field(description="Places in the list sent, from 0.")
