"""The tables of this room; nobody else reads them. They hold ids and moments, no browser, no IP.

`origin` is who asked, as `judging` has it; NULL until that was done
(docs/decisions/stored-verdicts.md). Whatever removes a request removes its verdict with it.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger, Text, text
from sqlmodel import Field

from mailer.database import Table

KINDS = "kind IN ('get', 'head', 'prefetch', 'proxy', 'scanner')"
ORIGINS = "origin IN ('person', 'unknown', 'machine')"


def _indexes(table: str) -> tuple[Index, ...]:
    """Find a mail's requests, those of one moment, what is not judged yet, and who is a person."""
    return (
        Index(f"ix_{table}_mailing_at", "mailing_id", "at"),
        Index(f"ix_{table}_mail", "person_id", "mailing_id", "at"),
        Index(f"ix_{table}_fresh", "mailing_id", "at", postgresql_where=text("origin IS NULL")),
        Index(f"ix_{table}_people", "person_id", "at", postgresql_where=text("origin = 'person'")),
    )


class ClickRow(Table, table=True):
    """Somebody or something followed a link of a mail."""

    __tablename__ = "measure_click"
    __table_args__ = (
        CheckConstraint(KINDS, name="kind"),
        CheckConstraint(ORIGINS, name="origin"),
        CheckConstraint("n >= 0", name="n"),
        *_indexes("measure_click"),
    )

    id: UUID = Field(primary_key=True)
    mailing_id: int = Field(sa_type=BigInteger)
    person_id: int = Field(sa_type=BigInteger)
    n: int = Field(sa_type=SmallInteger)
    kind: str = Field(sa_type=Text)
    at: datetime
    origin: str | None = Field(default=None, sa_type=Text)


class OpenRow(Table, table=True):
    """Somebody or something loaded the open pixel of a mail."""

    __tablename__ = "measure_open"
    __table_args__ = (
        CheckConstraint(KINDS, name="kind"),
        CheckConstraint(ORIGINS, name="origin"),
        *_indexes("measure_open"),
    )

    id: UUID = Field(primary_key=True)
    mailing_id: int = Field(sa_type=BigInteger)
    person_id: int = Field(sa_type=BigInteger)
    kind: str = Field(sa_type=Text)
    at: datetime
    origin: str | None = Field(default=None, sa_type=Text)


class DomainRow(Table, table=True):
    """How many people of one domain ever followed a link of a mailing, or opened it."""

    __tablename__ = "measure_domain"

    mailing_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    domain_tag: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    is_click: bool = Field(primary_key=True)
    people: int


class CrowdRow(Table, table=True):
    """A second in which a crowd of one domain asked: a scanner's, as things stand."""

    __tablename__ = "measure_crowd"

    mailing_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    domain_tag: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    is_click: bool = Field(primary_key=True)
    second: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    """Seconds since 1970."""
    people: int
