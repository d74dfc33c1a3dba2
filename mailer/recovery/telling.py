"""What a line of the journal says: a wish, a no, a merge, a move, or a batch in hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from mailer.delivery import InHand
from mailer.journal import JournalLine
from mailer.people import AddressMark
from mailer.permission import NewSuppression, Said
from mailer.vocabulary import (
    AddressId,
    BatchId,
    Door,
    Lane,
    MailingId,
    PersonId,
    Scope,
    SuppressionReason,
    Topic,
)

NAMES_NO_WISH = frozenset({"suppress", "merge", "move"})


@dataclass(frozen=True, slots=True)
class Spoken:
    """A line about a person, or about addresses whose person nobody knows (number 0)."""

    said: Said
    addresses: Mapping[AddressId, AddressMark | None] = field(default_factory=dict)
    """By number, with what each is known again by, where the line says so."""
    silence: NewSuppression | None = None
    merged: PersonId | None = None
    moved: bool = False

    @property
    def person_id(self) -> PersonId:
        """Whom it is about; 0 for nobody who is known."""
        return self.said.person_id

    def nos(self) -> list[NewSuppression]:
        """Return the nos by address that this line is about."""
        nos = [self.silence] if self.silence else [_no(each, self.said) for each in self._refused()]
        return [
            replace(no, person_id=None, address_id=address)
            for no in nos
            for address in self.addresses
        ]

    def _refused(self) -> list[Topic | None]:
        return [topic for name, topic in self.said.acts if name in ("no", "stop")]


@dataclass(frozen=True, slots=True)
class Handed:
    """A line about a batch that went in hand."""

    batch: InHand
    last_person: int = 0
    """The highest number among its people; 0 where an earlier version wrote the line."""
    last_address: int = 0


class LineUnread(Exception):
    """A line is whole, and says what this version cannot read."""


def read_line(line: JournalLine) -> Spoken | Handed | None:
    """Return what a line says; None for a kind that is none of ours. Raises LineUnread."""
    try:
        if line.kind == "handing":
            return _handed(line)
        return _spoken(line) if line.kind in ("no", "yes") else None
    except (KeyError, ValueError, TypeError) as error:
        raise LineUnread(f"{line.file}, line {line.line}: cannot be read") from error


def _handed(line: JournalLine) -> Handed:
    ids = line.ids
    batch, lane = BatchId(int(ids["batch"])), ids.get("lane")
    return Handed(
        InHand(
            batch,
            BatchId(int(ids.get("root", batch))),
            MailingId(int(ids["mailing"])),
            line.at,
            Lane(str(lane)) if lane else None,
            str(ids.get("key", "")),
        ),
        int(ids.get("last_person", 0)),
        int(ids.get("last_address", 0)),
    )


def _spoken(line: JournalLine) -> Spoken:
    ids = line.ids
    acts = str(ids["acts"])
    said = Said(
        person_id=PersonId(int(ids["person"])),
        at=line.at,
        version=int(ids["version"]),
        reference=str(ids["reference"]),
        acts=() if acts in NAMES_NO_WISH else tuple(map(_act, filter(None, acts.split(",")))),
        values={name: str(value) for name, value in ids.items()},
        door=Door(str(ids.get("door", Door.COMMAND_LINE.value))),
        policy_version=str(ids.get("policy", "")),
    )
    return Spoken(
        said,
        _addresses(str(ids.get("addresses", "")), str(ids.get("marks", ""))),
        _silence(ids, said.door) if acts == "suppress" else None,
        PersonId(int(ids["merged"])) if acts == "merge" else None,
        moved=acts == "move",
    )


def _act(told: str) -> tuple[str, Topic | None]:
    name, _, topic = told.partition(":")
    return name, Topic(topic) if topic else None


def _silence(ids: Mapping[str, int | str], door: Door) -> NewSuppression:
    until = ids.get("until")
    return NewSuppression(
        scope=Scope(str(ids["scope"])),
        reason=SuppressionReason(str(ids["reason"])),
        door=door,
        topic=Topic(str(ids["topic"])) if "topic" in ids else None,
        until=datetime.fromisoformat(str(until)) if until else None,
    )


def _no(topic: Topic | None, said: Said) -> NewSuppression:
    scope = Scope.TOPIC if topic else Scope.PROMOTIONAL
    return NewSuppression(scope, SuppressionReason.OPT_OUT, said.door, topic=topic)


def _addresses(numbers: str, marks: str) -> dict[AddressId, AddressMark | None]:
    ids = [AddressId(int(each)) for each in numbers.split(",") if each]
    told = marks.split(",") if marks else [""] * len(ids)
    return {
        address: AddressMark.read(mark) if mark else None
        for address, mark in zip(ids, told, strict=True)
    }
