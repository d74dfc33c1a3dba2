"""What a statement of facts told of a batch, put together by person. Reads rows, asks nothing."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import repeat
from typing import Any

from mailer import permission
from mailer.delivery.states import MailingState
from mailer.permission import Facts
from mailer.vocabulary import AddressId, PersonId


class Part(StrEnum):
    """What a row of a statement of facts tells of."""

    BATCH = "batch"
    """Who is in it, and how its mailing stands."""
    REACH = "reach"
    """Who has which address now, and who is gone."""
    WISHES = "wishes"
    NOS = "nos"
    HISTORY = "history"
    """What mailboxes got lately."""


@dataclass(frozen=True, slots=True)
class SameFacts:
    """Some people of a batch of whom one statement told the same, so that one decision is theirs."""

    versions: Mapping[PersonId, int]
    """Each of them, and the version of what letters print about them."""
    tracking: bool
    facts: Facts


@dataclass(frozen=True, slots=True)
class InHand:
    """A batch as the gate's statement found it."""

    mailing_state: MailingState
    use_by: datetime | None
    same: Sequence[SameFacts]


def read_gate(rows: Sequence[Any]) -> InHand | None:
    """Read what the gate's statement told; None where the batch is not in hand under its token."""
    batch = next((row for row in rows if row.part == Part.BATCH), None)
    if batch is None:
        return None
    roster = dict(zip(batch.persons, batch.addresses, strict=True))
    state = MailingState(batch.mailing_state)
    return InHand(state, batch.use_by, read_facts(rows, roster))


def read_facts(rows: Iterable[Any], roster: Mapping[PersonId, AddressId]) -> list[SameFacts]:
    """Read what a statement of facts told of a roster; everybody of it is in the answer once.

    Who is in no row of people is gone; who is in no row of wishes was never admitted.
    """
    of: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        of[row.part].append(row)
    reach, wishes, histories = of[Part.REACH], of[Part.WISHES], of[Part.HISTORY]
    current = _current(reach)
    wish, history = _by_person(wishes), _by_person(histories)
    nos = permission.suppressions_from((no for row in of[Part.NOS] for no in row.nos or ()), roster)
    same: dict[_Same, dict[PersonId, int]] = defaultdict(dict)
    for who, prepared_for in roster.items():
        version, address, n = current.get(who, _UNKNOWN)
        moved = address is not None and address != prepared_for
        same[n, moved, wish.get(who), history.get(who), nos.get(who, ())][who] = version
    return [_same_facts(key, versions, reach, wishes, histories) for key, versions in same.items()]


_Same = tuple[int | None, bool, int | None, int | None, tuple[permission.Suppression, ...]]
"""By number which rows tell of somebody, whether they have moved, and what stands against them."""
_UNKNOWN = (0, None, None)


def _current(reach: Sequence[Any]) -> dict[PersonId, tuple[int, int | None, int | None]]:
    """Give each customer's version, address, and the number of their row."""
    current: dict[PersonId, tuple[int, int | None, int | None]] = {}
    for n, row in enumerate(reach):
        told = zip(row.versions, row.addresses, repeat(n))
        current.update(zip(row.persons, told, strict=True))
    return current


def _by_person(rows: Sequence[Any]) -> dict[PersonId, int]:
    """Give the number of the row that tells of each person."""
    return {who: n for n, row in enumerate(rows) for who in row.persons}


def _same_facts(
    key: _Same,
    versions: Mapping[PersonId, int],
    reach: Sequence[Any],
    wishes: Sequence[Any],
    histories: Sequence[Any],
) -> SameFacts:
    at, moved, wish, history, nos = key
    stand = None if wish is None else wishes[wish]
    facts = replace(
        Facts() if stand is None else permission.standing_from(stand),
        gone=at is None or reach[at].gone,
        moved=moved,
        zone="" if at is None else reach[at].zone or "",
        suppressions=nos,
    )
    if history is not None:
        facts = with_history(facts, histories[history])
    return SameFacts(versions, stand is None or stand.tracking, facts)


def with_history(facts: Facts, row: Any) -> Facts:
    """Return facts with what a row tells of the mailbox's mail."""
    return replace(
        facts,
        hand_overs=tuple(row.hand_overs or ()),
        older_in_hand=row.older_in_hand,
        younger_in_hand=row.younger_in_hand,
    )
