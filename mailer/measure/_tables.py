"""The tables of this room; nobody else reads them. They hold ids and moments, no browser, no IP."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger, Text
from sqlmodel import Field

from mailer.database import Table

KINDS = "kind IN ('get', 'head', 'prefetch', 'proxy', 'scanner')"


class ClickRow(Table, table=True):
    """Somebody or something followed a link of a mail."""

    __tablename__ = "measure_click"
    __table_args__ = (
        CheckConstraint(KINDS, name="kind"),
        CheckConstraint("n >= 0", name="n"),
        Index("ix_measure_click_mailing_id", "mailing_id"),
        Index("ix_measure_click_person_id", "person_id"),
    )

    id: UUID = Field(primary_key=True)
    mailing_id: int = Field(sa_type=BigInteger)
    person_id: int = Field(sa_type=BigInteger)
    n: int = Field(sa_type=SmallInteger)
    kind: str = Field(sa_type=Text)
    at: datetime


class OpenRow(Table, table=True):
    """Somebody or something loaded the open pixel of a mail."""

    __tablename__ = "measure_open"
    __table_args__ = (
        CheckConstraint(KINDS, name="kind"),
        Index("ix_measure_open_mailing_id", "mailing_id"),
        Index("ix_measure_open_person_id", "person_id"),
    )

    id: UUID = Field(primary_key=True)
    mailing_id: int = Field(sa_type=BigInteger)
    person_id: int = Field(sa_type=BigInteger)
    kind: str = Field(sa_type=Text)
    at: datetime
