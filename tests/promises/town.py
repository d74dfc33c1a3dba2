"""Who lives in the town of a promise run, what they want, and which client speaks for whom now."""

import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from mailer.vocabulary import Topic
from tests.people_of_tests import TestPerson

TOPICS = (Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES)
"""What people here have said yes to, and what campaigns are about."""


@dataclass
class Somebody:
    """One customer as the clients know them: every number and address that they ever had."""

    persons: list[int]
    """Whoever answers for them first, then those who were merged into them."""
    addresses: list[str]
    address_ids: list[int]
    wants: set[Topic] = field(default_factory=lambda: set(TOPICS))
    is_settled: bool = False
    """Neither merged nor moved nor refused by the witness: the shop's own customers."""

    @property
    def person(self) -> int:
        """The number that answers for them."""
        return self.persons[0]

    def as_asked(self) -> dict[str, list[Any]]:
        """What a client writes down of whom it speaks for."""
        return {
            "persons": list(self.persons),
            "addresses": list(self.addresses),
            "address_ids": list(self.address_ids),
        }


class Town:
    """Everybody; one client at a time speaks for somebody, so that the order of words is known."""

    def __init__(self, people: Iterable[TestPerson], settled: int) -> None:
        self._everybody = [
            Somebody([each.person_id], [each.email], [each.address_id], is_settled=n < settled)
            for n, each in enumerate(people)
        ]
        self._by_person = {each.person: each for each in self._everybody}
        self._busy: set[int] = set()
        self._lock = threading.Lock()

    def borrow(self, persons: Iterable[int], chance: random.Random) -> Somebody | None:
        """Take one of these people who wants mail and for whom nobody speaks; else None."""
        with self._lock:
            known = [self._by_person[each] for each in persons if each in self._by_person]
            free = [each for each in known if each.wants and id(each) not in self._busy]
            return self._taken(chance.choice(free)) if free else None

    def borrow_silent(self, chance: random.Random) -> Somebody | None:
        """Take somebody who has said no to something."""
        return self._borrow_any(chance, lambda each: len(each.wants) < len(TOPICS))

    def borrow_movable(self, chance: random.Random) -> Somebody | None:
        """Take somebody whose address may change, or who may be merged."""
        return self._borrow_any(chance, lambda each: not each.is_settled)

    def give_back(self, *somebody: Somebody) -> None:
        """Let other clients speak for them."""
        with self._lock:
            self._busy -= {id(each) for each in somebody}

    def merge(self, survivor: Somebody, merged: Somebody) -> None:
        """Make one of two, both of whom are borrowed."""
        with self._lock:
            survivor.persons += merged.persons
            survivor.addresses += merged.addresses
            survivor.address_ids += merged.address_ids
            survivor.wants &= merged.wants
            for each in merged.persons:
                self._by_person[each] = survivor
            self._everybody.remove(merged)

    def settled(self) -> list[Somebody]:
        """The shop's own customers."""
        return [each for each in self._everybody if each.is_settled]

    def silent(self) -> int:
        """How many have said no to everything."""
        with self._lock:
            return sum(not each.wants for each in self._everybody)

    def __len__(self) -> int:
        return len(self._everybody)

    def _borrow_any(
        self, chance: random.Random, is_meant: Callable[[Somebody], bool]
    ) -> Somebody | None:
        with self._lock:
            for _ in range(200):
                each = chance.choice(self._everybody)
                if is_meant(each) and id(each) not in self._busy:
                    return self._taken(each)
            return None

    def _taken(self, each: Somebody) -> Somebody:
        self._busy.add(id(each))
        return each
