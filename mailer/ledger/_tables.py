"""The one table of the ledger, which the database itself keeps from being altered."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from mailer.database import Table


class LedgerEntry(Table, table=True):
    """One thing that happened; never changed, never deleted."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        CheckConstraint("kind ~ '^[a-z][a-z_.]{0,63}$'", name="kind"),
        CheckConstraint("length(actor) BETWEEN 1 AND 100", name="actor"),
        Index(
            "ix_ledger_entry_person_id_at_id",
            "person_id",
            "at",
            "id",
            postgresql_where=text("person_id IS NOT NULL"),
        ),
        Index(
            "ix_ledger_entry_mailing_id_at_id",
            "mailing_id",
            "at",
            "id",
            postgresql_where=text("mailing_id IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    at: datetime
    kind: str = Field(sa_type=Text)
    actor: str = Field(sa_type=Text)
    person_id: int | None = Field(default=None, sa_type=BigInteger)
    mailing_id: int | None = Field(default=None, sa_type=BigInteger)
    batch_id: int | None = Field(default=None, sa_type=BigInteger)
    detail: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
