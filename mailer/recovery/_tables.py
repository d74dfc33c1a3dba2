"""The table of this room; nobody else reads it."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field

from mailer.database import Table


class MarkRow(Table, table=True):
    """How far a journal's file is known: all that stands before it is in this database.

    It is committed after what it vouches for, so that a backup that holds the mark holds that, too.
    """

    __tablename__ = "recovery_mark"

    journal: str = Field(primary_key=True)
    file: str = Field(primary_key=True)
    line: int = Field(sa_type=BigInteger)
    bytes: int = Field(sa_type=BigInteger)
    """Where the next line begins."""
    before: str
    """The sha256 of the last line, which the next one names."""
    at: datetime
