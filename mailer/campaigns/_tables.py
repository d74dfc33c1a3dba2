"""The table of campaigns: private to this room."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from mailer.campaigns.lifecycle import State
from mailer.database import Table
from mailer.vocabulary import Topic

STATES = ", ".join(f"'{state}'" for state in State)
TOPICS = ", ".join(f"'{topic}'" for topic in Topic)


class CampaignRow(Table, table=True):
    """One letter to many, from its draft to its end."""

    __tablename__ = "campaigns_campaign"
    __table_args__ = (
        CheckConstraint(f"state IN ({STATES})", name="state_is_known"),
        CheckConstraint(f"topic IN ({TOPICS})", name="topic_is_known"),
        CheckConstraint(
            "state <> 'scheduled' OR scheduled_for IS NOT NULL", name="scheduled_has_a_moment"
        ),
        CheckConstraint(
            "state NOT IN ('sending', 'paused', 'finished') OR mailing_id IS NOT NULL",
            name="started_has_a_mailing",
        ),
        Index(
            "ix_campaigns_campaign_due",
            "scheduled_for",
            postgresql_where=text("state = 'scheduled'"),
        ),
        Index(
            "uq_campaigns_campaign_occurrence",
            "series_id",
            "occurrence",
            unique=True,
            postgresql_where=text("series_id IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    name: str
    topic: str
    content: dict[str, Any] = Field(sa_type=JSONB)
    audience: dict[str, Any] = Field(sa_type=JSONB)
    state: str
    mailing_id: int | None = Field(default=None, sa_type=BigInteger, unique=True)
    plan: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    scheduled_for: datetime | None = None
    """When its audience is cut."""
    series_id: int | None = Field(default=None, sa_type=BigInteger)
    """The campaign that repeats, of which this one is an occurrence."""
    was_scheduled: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    """Whether it ever waited for a moment, even if it is a draft again."""
    occurrence: int | None = None
    """Which occurrence it is; of a campaign that repeats, the next one."""
    created_at: datetime
    created_by: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    authors: list[str] = Field(sa_type=JSONB, sa_column_kwargs={"server_default": "[]"})
    """Everybody who wrote, edited or planned it, its lists and its brake: none can approve it."""
    approved_by: str | None = None
    approved_at: datetime | None = None
    approved_revision: str | None = None
    """What it was approved as; a campaign that has become another one is not approved."""
    approved_size: int | None = None
    """People, counted at the approval."""
    list_changes: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How often a list that its rule names was changed before it started."""
    taken_back: str | None = None
    """Why it went back to the drafts, or is paused, by no person's act."""
    copied_from: int | None = Field(default=None, sa_type=BigInteger)
    split: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    choose_at: datetime | None = None
    """When a split test whose remainder waits is looked at next; NULL once the choice is made."""
    looks: int | None = Field(default=None, sa_type=SmallInteger)
    """How often it was looked at."""
    choice: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    audience_size: int | None = None
    """People, counted at the start."""
    pace: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    brake: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    braked: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    """Why the safety brake has stopped it, until it is resumed."""
    digest: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    """What it collects, where it is a digest."""
    counted: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    """How it would have fared, counted at its approval, or at its start where it had none."""


class TestRow(Table, table=True):
    """A mail that showed a campaign to one of staff; their address is sealed with the mailing."""

    __test__ = False
    __tablename__ = "campaigns_test"
    __table_args__ = (Index("ix_campaigns_test_at", "at"),)

    mailing_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    campaign_id: int = Field(sa_type=BigInteger)
    person_id: int | None = Field(default=None, sa_type=BigInteger)
    """The number whose key seals the address; NULL when the key was destroyed."""
    at: datetime
    by: str


class AudienceRow(Table, table=True):
    """A rule that is kept under a name, for campaigns to take."""

    __tablename__ = "campaigns_audience"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    name: str = Field(unique=True)
    rule: dict[str, Any] = Field(sa_type=JSONB)
    created_at: datetime
    created_by: str
    changed_at: datetime


class ListRow(Table, table=True):
    """A list of people that somebody put together by hand."""

    __tablename__ = "campaigns_list"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    name: str = Field(unique=True)
    created_at: datetime
    created_by: str


class ListMemberRow(Table, table=True):
    """That somebody is on a list; who was merged since counts as the survivor."""

    __tablename__ = "campaigns_list_member"

    list_id: int = Field(
        sa_type=BigInteger, primary_key=True, foreign_key="campaigns_list.id", ondelete="CASCADE"
    )
    person_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    added_at: datetime


class CountRow(Table, table=True):
    """A count over an audience that was too large for one answer, as far as it has come."""

    __tablename__ = "campaigns_count"

    key: str = Field(primary_key=True)
    """A digest of the rule, the topic and what else is asked."""
    as_at: datetime
    stepped_at: datetime
    next_person: int = Field(sa_type=BigInteger)
    last_person: int = Field(sa_type=BigInteger)
    portion: int | None = None
    """How many customers' numbers the next step had best decide on at once."""
    audience: int = Field(default=0, sa_type=BigInteger)
    allowed: int = Field(default=0, sa_type=BigInteger)
    held: int = Field(default=0, sa_type=BigInteger)
    refused: dict[str, int] = Field(default_factory=dict, sa_type=JSONB)
