"""The tables of this room; nobody else reads them."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field

from mailer.database import Table


class StandingRow(Table, table=True):
    """Where a person stands now; its row is the lock that every yes and no of theirs takes."""

    __tablename__ = "permission_standing"

    person_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    version: int = 0
    topics_on: int = 0
    topics_answered: int = 0
    paused_until: datetime | None = None
    frequency: str = "as_it_comes"
    tracking: bool = True
    confirmed: bool = True
    gpc_since: datetime | None = None


class SuppressionRow(Table, table=True):
    """A no that holds for the person, for the address, or for either."""

    __tablename__ = "permission_suppression"
    __table_args__ = (
        CheckConstraint("person_id IS NOT NULL OR address_id IS NOT NULL", name="someone"),
        CheckConstraint("scope IN ('all', 'promotional', 'topic')", name="scope"),
        CheckConstraint("(scope = 'topic') = (topic IS NOT NULL)", name="topic"),
        Index(
            "ix_permission_suppression_person",
            "person_id",
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index(
            "ix_permission_suppression_address",
            "address_id",
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    person_id: int | None = Field(default=None, sa_type=BigInteger)
    address_id: int | None = Field(default=None, sa_type=BigInteger)
    scope: str
    topic: str | None = None
    reason: str
    door: str
    since: datetime
    until: datetime | None = None
    lifted_at: datetime | None = None
    lifted_why: str | None = None


class MoveRow(Table, table=True):
    """That a person was moved, and nobody has settled it yet: the last of their moves."""

    __tablename__ = "permission_move"
    __table_args__ = (Index("ix_permission_move_left_at", "left_at"),)

    person_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    address_id: int = Field(sa_type=BigInteger)
    version: int
    left_at: datetime
    """From when on a sweep settles it, since its door has not."""


class ConsentRow(Table, table=True):
    """One wish, as it was spoken; never altered (C26)."""

    __tablename__ = "permission_consent"
    __table_args__ = (
        Index("ix_permission_consent_person_id_id", "person_id", "id"),
        Index("ix_permission_consent_reference", "reference"),
        Index(
            "ix_permission_consent_mailing_id",
            "mailing_id",
            postgresql_where=text("mailing_id IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    person_id: int = Field(sa_type=BigInteger)
    at: datetime
    act: str
    topic: str | None = None
    value: str | None = None
    door: str
    words: str
    policy_version: str
    version: int
    reference: str
    source: str | None = None
    proof: str | None = None
    mailing_id: int | None = Field(default=None, sa_type=BigInteger)
    """The mailing by whose link it was said, where it was one."""
