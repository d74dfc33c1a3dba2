"""The tables of this room; nobody else reads them."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from mailer.database import Table


class MailingRow(Table, table=True):
    """One letter to some people."""

    __tablename__ = "delivery_mailing"
    __table_args__ = (
        CheckConstraint("state IN ('sending', 'paused', 'cancelled')", name="state"),
        CheckConstraint("(stream = 'promotional') = (topic IS NOT NULL)", name="topic"),
        Index(
            "ix_delivery_mailing_promotional",
            "id",
            postgresql_where=text("stream = 'promotional' AND letter <> 'test'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    key: str = Field(unique=True)
    letter: str
    stream: str
    topic: str | None = None
    content: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    sealed_fields: bytes | None = Field(default=None, sa_type=LargeBinary)
    targets: list[str] = Field(default_factory=list, sa_type=JSONB)
    state: str = "sending"
    audience: int = 0
    use_by: datetime | None = None
    quiet_hours: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True))
    )
    pace: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    variants: list[dict[str, Any]] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True))
    )
    """The letters that are tried against each other, each whole; NULL for a mailing of one."""
    brake: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    braked: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    """Why the safety brake has stopped it."""
    created_at: datetime


class BatchRow(Table, table=True):
    """Up to 500 people of one mailing that travel together."""

    __tablename__ = "delivery_batch"
    __table_args__ = (
        CheckConstraint(
            "state IN ('prepared', 'claimed', 'handing', 'settled', 'unknown', 'cancelled')",
            name="state",
        ),
        CheckConstraint("accepted + refused + rejected + unknown <= size", name="books"),
        Index(
            "ix_delivery_batch_due",
            "lane",
            "not_before",
            "id",
            postgresql_where=text("state IN ('prepared', 'claimed')"),
        ),
        Index("ix_delivery_batch_handing", "id", postgresql_where=text("state = 'handing'")),
        # The moment stands second, so that it also answers 'has it handed anything over since?'
        Index("ix_delivery_batch_mailing", "mailing_id", "handing_at"),
        Index("ix_delivery_batch_root", "root_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    mailing_id: int = Field(sa_type=BigInteger)
    root_id: int = Field(sa_type=BigInteger)
    attempt: int = Field(default=1, sa_type=SmallInteger)
    doubts: int = Field(default=0, sa_type=SmallInteger, sa_column_kwargs={"server_default": "0"})
    """Of how many of the tries before this one nobody knows what came of them."""
    lane: str
    state: str = "prepared"
    token: uuid.UUID | None = None
    lease_until: datetime | None = None
    not_before: datetime
    handing_at: datetime | None = None
    settled_at: datetime | None = None
    size: int = Field(sa_type=SmallInteger)
    accepted: int = Field(default=0, sa_type=SmallInteger)
    refused: int = Field(default=0, sa_type=SmallInteger)
    rejected: int = Field(default=0, sa_type=SmallInteger)
    unknown: int = Field(default=0, sa_type=SmallInteger)
    variant: int | None = Field(default=None, sa_type=SmallInteger)
    """For which letter its people were drawn; 0 for the hold-out, NULL where there is one letter.

    Of a digest: the set of its items, by their bits."""
    planned: datetime | None = None
    """Of those who wait, or waited, for a split test's choice: when they were to be due."""
    behind_backup: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """Given up since a journal saw it in hand, which a restored database has forgotten.

    What is of unknown fate by a restore says nothing of the provider: the brake never counts it."""
    tried_elsewhere: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """An earlier try, of which nobody knows what came, went to another mailbox or person.

    What is heard of such a mail may be about that one: it proves nothing of this batch."""


class RosterRow(Table, table=True):
    """The people of a batch, beside the state that changes, so that they are written once.

    Both arrays are stored as they are (STORAGE EXTERNAL): to compress them took three quarters of
    the time in which an audience is cut.
    """

    __tablename__ = "delivery_roster"

    batch_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    persons: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    addresses: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))


class PlaceRow(Table, table=True):
    """One mailing's only place for one address: nobody gets a campaign twice."""

    __tablename__ = "delivery_place"

    # The address stands first, so that the one index also answers 'what has this mailbox got?'
    address_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    mailing_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    person_id: int = Field(sa_type=BigInteger)
    batch_id: int = Field(sa_type=BigInteger)
    """The batch that holds the person now: whoever moves to a child takes their place along."""
    taken_at: datetime


class ExceptionRow(Table, table=True):
    """A person whose outcome differs from their batch's main one, and why."""

    __tablename__ = "delivery_exception"
    __table_args__ = (Index("ix_delivery_exception_person", "person_id", "batch_id"),)

    batch_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    person_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    outcome: str
    reason: str
    detail: str = ""
    since: datetime | None = None
    at: datetime


class HeardRow(Table, table=True):
    """What was heard back about one person of a mailing."""

    __tablename__ = "delivery_heard"

    mailing_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    person_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    heard: str = Field(primary_key=True)
    at: datetime
    detail: str = ""


class ThrottleRow(Table, table=True):
    """Where mail leaves slower since a provider or a mailbox asked for it."""

    __tablename__ = "delivery_throttle"

    scope: str = Field(primary_key=True)
    rate: float
    top: float
    slowed_at: datetime


class TallyRow(Table, table=True):
    """People of a mailing by what became of them, for its brake, since that was released last.

    Beside the mailing, whose row is locked by claims.
    """

    __tablename__ = "delivery_tally"

    mailing_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    hard_bounces: int = 0
    refused_later: int = 0
    complaints: int = 0


class LaneRow(Table, table=True):
    """A lane that stands still because the provider's answer was about us."""

    __tablename__ = "delivery_lane"

    lane: str = Field(primary_key=True)
    stopped_until: datetime
    why: str


class ClearanceRow(Table, table=True):
    """A process that has compared this database with its journal may claim promotional mail."""

    __tablename__ = "delivery_clearance"

    token: uuid.UUID = Field(primary_key=True)
    at: datetime


class HaltRow(Table, table=True):
    """A journal that knows more than this database: no promotional mail is claimed."""

    __tablename__ = "delivery_halt"

    journal: str = Field(primary_key=True)
    why: str
    since: datetime
    persons: int = 0
    mailings: int = 0


class PaceRow(Table, table=True):
    """A budget of messages that all workers share; `*` is every mail by the second."""

    __tablename__ = "delivery_pace"
    __table_args__ = (Index("ix_delivery_pace_next_at", "next_at"),)

    budget: str = Field(primary_key=True)
    free_at: datetime
    """When what was reserved by the second will have begun."""
    mailing_id: int | None = Field(default=None, sa_type=BigInteger)
    """Whose batches wait for it; 0 for all that are promotional."""
    next_at: datetime | None = None
    """Before this no batch of these is claimed: the next turn by minute, hour and day."""
    spent: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    """What has begun by minute, hour and day."""
