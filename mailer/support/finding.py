"""Finding what was acknowledged under a reference: by the consent record, else by the journal."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from mailer import delivery, ledger, permission
from mailer.journal import JournalLine, TornLine, read_journal
from mailer.permission import ConsentRecord
from mailer.vocabulary import PersonId


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What somebody was told under a reference."""

    reference: str
    at: datetime
    person_id: PersonId | None
    """None for an address without a customer."""
    door: str
    acts: tuple[str, ...]
    """As the journal names them: `stop`, `no:company_news`."""
    is_new: bool
    """Whether it stands in the consent record; else it changed nothing there: a no that held already,
    a suppression of the address, a merge or a move."""


def find_acknowledged(
    session: Session, folder: Path, reference: str, *, actor: str, now: datetime
) -> tuple[Acknowledged, ...]:
    """Tell what was acknowledged under a reference; empty where nothing is known of it.

    What is not in the consent record is looked for in this host's journal, all of it. Writes the
    look at each customer to the ledger. Raises JournalBroken.
    """
    asked = reference.strip().upper()
    records = permission.acknowledged_by(session, asked)
    found = (_of_records(asked, records),) if records else _of_journal(folder, asked)
    for each in found:
        if each.person_id is not None:
            ledger.record(session, "support.look", at=now, actor=actor, person_id=each.person_id)
    return found


def _of_records(reference: str, records: list[ConsentRecord]) -> Acknowledged:
    first = records[0]
    acts = tuple(f"{each.act}:{each.topic}" if each.topic else each.act for each in records)
    return Acknowledged(reference, first.at, first.person_id, first.door.value, acts, is_new=True)


def _of_journal(folder: Path, reference: str) -> tuple[Acknowledged, ...]:
    """Who has many addresses has several lines of one reference, which say the same."""
    lines = (each for each in read_journal(folder) if not isinstance(each, TornLine))
    told = (_of_line(each) for each in lines if each.ids.get("reference") == reference)
    return tuple(dict.fromkeys(told))


def _of_line(line: JournalLine) -> Acknowledged:
    ids = line.ids
    number = PersonId(int(ids["person"]))
    return Acknowledged(
        reference=str(ids["reference"]),
        at=line.at,
        person_id=None if number == delivery.NOBODY else number,
        door=str(ids.get("door", "")),
        acts=tuple(filter(None, str(ids["acts"]).split(","))),
        is_new=False,
    )
