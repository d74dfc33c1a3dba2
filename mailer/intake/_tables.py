"""The tables of this room; nobody else reads them."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from mailer.database import Table


class ImportRun(Table, table=True):
    """How far the import of one file has come; written in the commit of each set."""

    __tablename__ = "intake_run"
    __table_args__ = (
        Index(
            "ix_intake_run_fingerprint",
            "fingerprint",
            unique=True,
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    fingerprint: str = Field(sa_type=Text)
    """SHA-256 of the file and of the options that change what its rows mean."""
    started_at: datetime
    finished_at: datetime | None = None
    rows_done: int = Field(default=0, sa_type=BigInteger)
    rejects_bytes: int = Field(default=0, sa_type=BigInteger)
    """How long the rejects file was at the last commit: what is behind it is written again."""
    granted_to: int = Field(default=0, sa_type=BigInteger)
    """The last person whose yeses were handed on."""
    counts: dict[str, int] = Field(default_factory=dict, sa_type=JSONB)
    reasons: dict[str, int] = Field(default_factory=dict, sa_type=JSONB)


class ImportArrival(Table, table=True):
    """That a file spoke of a customer: how often, with which yeses, and on what proof (C24)."""

    __tablename__ = "intake_arrival"

    run_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    person_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    times: int = Field(sa_type=Integer)
    topics: int = Field(sa_type=Integer)
    """The topics that every row of this person said yes to, as bits."""
    source: str = Field(sa_type=Text)
    proof: str = Field(default="", sa_type=Text)
