"""Finding what was acknowledged under a reference: by the consent record, and by the journal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from mailer import delivery, ledger, people, permission
from mailer.journal import JournalBroken, JournalLine, TornLine, read_journal
from mailer.permission import ConsentRecord, Standing
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
    is_on_record: bool
    """Whether the consent record has it, or a part of it. A no that held already, a suppression of
    an address, a merge and a move are never in it; a wish that a restore lost is not yet."""
    is_in_journal: bool
    """Whether this host's journal has it, which alone names a no that held already."""
    held_already: bool = False
    """Whether all of it is a no that held before it was said again, and does today."""


def find_acknowledged(
    session: Session, folder: Path, reference: str, *, actor: str, now: datetime
) -> tuple[Acknowledged, ...]:
    """Tell what was acknowledged under a reference; empty where nothing is known of it.

    All of this host's journal is read: of a wish that was new in part the consent record has that
    part alone. Writes the look at each customer to the ledger. Raises JournalBroken where the
    consent record does not have it.
    """
    asked = _as_given_out(reference)
    records = permission.acknowledged_by(session, asked)
    if records:
        found: tuple[Acknowledged, ...] = (_of_records(records, _noted_if_readable(folder, asked)),)
    else:
        found = tuple(_as_it_stands(session, each) for each in _noted(folder, asked))
    for each in found:
        if each.person_id is not None:
            ledger.record(session, "support.look", at=now, actor=actor, person_id=each.person_id)
    return found


def _as_given_out(reference: str) -> str:
    """Return a reference as an answer gives it, however it was said on the telephone."""
    said = reference.strip().upper()
    letters = "".join(each for each in said if each.isalnum())
    if len(letters) == 9 and letters.startswith("P"):
        return f"P-{letters[1:5]}-{letters[5:]}"
    return said


def _of_records(records: list[ConsentRecord], noted: Sequence[Acknowledged]) -> Acknowledged:
    first = records[0]
    acts = [f"{each.act}:{each.topic}" if each.topic else each.act for each in records]
    acts += [act for each in noted for act in each.acts]
    return Acknowledged(
        reference=first.reference,
        at=first.at,
        person_id=first.person_id,
        door=first.door.value,
        acts=tuple(dict.fromkeys(acts)),
        is_on_record=True,
        is_in_journal=bool(noted),
    )


def _noted_if_readable(folder: Path, reference: str) -> tuple[Acknowledged, ...]:
    """Return what the journal adds to the record; a broken one takes nothing from its answer."""
    try:
        return _noted(folder, reference)
    except (JournalBroken, OSError):
        return ()


def _noted(folder: Path, reference: str) -> tuple[Acknowledged, ...]:
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
        is_on_record=False,
        is_in_journal=True,
    )


def _as_it_stands(session: Session, said: Acknowledged) -> Acknowledged:
    """Say of what the record lacks whether it held already; a restore may have lost it instead."""
    # A database that is behind may lack a yes from between the no that it has and this one.
    if said.person_id is None or delivery.halts(session):
        return said
    survivor = people.identity_of(session, said.person_id).survivor
    standing = permission.standing_of(session, survivor)
    nos = _nos_of(standing) if standing else {}
    return replace(said, held_already=all(_held(nos.get(act), said.at) for act in said.acts))


def _nos_of(standing: Standing) -> dict[str, datetime | None]:
    """Tell since when each no holds, by the journal's name for it."""
    off = {f"no:{topic}": each.since for topic, each in standing.topics.items() if not each.on}
    return {"stop": standing.stopped_since, **off}


def _held(since: datetime | None, at: datetime) -> bool:
    return since is not None and since <= at
