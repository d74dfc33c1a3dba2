"""WHAT HAPPENED: the append-only record of who did what to whom, by ids alone."""

from mailer.ledger.entries import (
    Entry,
    NewEntry,
    PersonalDetail,
    entries_of_mailing,
    record,
    record_many,
    story_of,
)

__all__ = [
    "Entry",
    "NewEntry",
    "PersonalDetail",
    "entries_of_mailing",
    "record",
    "record_many",
    "story_of",
]
