"""What people are told by digests, told without the product: docs/decisions/the-digest.md, in memory.

What was handed over and refused is taken over from the play; who is owed what is reckoned here.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from mailer.vocabulary import Topic

WEEK = timedelta(days=7)
"""Within it the cap allows one mail."""
MOST = 6
"""Letters that a digest tells of, the newest ones."""
RHYTHM = {"not.cap", "not.often"}
NOTHING: frozenset[str] = frozenset()


class Person(NamedTuple):
    number: int
    mailbox: int
    email: str


class Outcome(NamedTuple):
    """What has become of somebody of a mailing: `to_go`, or for ever something else."""

    what: str
    reason: str | None = None
    at: datetime | None = None

    @property
    def is_held_back(self) -> bool:
        return self.reason in RHYTHM

    @property
    def may_be_there(self) -> bool:
        return self.what in {"accepted", "unknown"}


@dataclass(eq=False)
class Mailing:
    """A letter that was sent, or a digest that was cut."""

    number: int
    topic: Topic
    letter: str
    """Its subject: the same letter may be sent more than once."""
    sets: dict[int, frozenset[str]] | None = None
    """Of a digest: of which letters it tells whom."""
    state: str = "sending"
    is_finished: bool = False
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    @property
    def stands(self) -> bool:
        return self.state == "sending"

    @property
    def in_line(self) -> set[int]:
        if self.state == "cancelled":
            return set()
        return {who for who, each in self.outcomes.items() if each.what == "to_go"}


@dataclass
class Told:
    """People and their mailboxes, the nos that were said, the mailings and what came of them."""

    people: dict[int, Person] = field(default_factory=dict)
    nos: set[tuple[int, Topic]] = field(default_factory=set)
    """Who said no to what; it reaches all who live at their mailbox."""
    stops: set[int] = field(default_factory=set)
    """Who said no to everything: what they are sent is refused, and for that stays owed."""
    mailings: dict[int, Mailing] = field(default_factory=dict)
    handed: list[tuple[int, int, datetime]] = field(default_factory=list)
    """Which mailing may be in which mailbox, and since when."""
    told: Counter[tuple[int, str]] = field(default_factory=Counter)
    """How often a mailbox was, or may have been, told of a letter by digests."""

    @property
    def letters(self) -> list[Mailing]:
        return [each for each in self.mailings.values() if each.sets is None]

    @property
    def digests(self) -> list[Mailing]:
        return [each for each in self.mailings.values() if each.sets is not None]

    def is_closed(self, who: int, topics: Iterable[Topic]) -> bool:
        """Say whether a no of somebody at a mailbox stands against any of some topics."""
        return any((each, topic) in self.nos for each in self.here(who) for topic in topics)

    def is_stopped(self, who: int) -> bool:
        return not self.stops.isdisjoint(self.here(who))

    def here(self, who: int) -> set[int]:
        """Return everybody at somebody's mailbox."""
        return {each.number for each in self.people.values() if each.mailbox == self.at(who)}

    def at(self, who: int) -> int:
        return self.people[who].mailbox

    def is_at_cap(self, who: int, now: datetime) -> bool:
        return any(at > now - WEEK for _, box, at in self.handed if box == self.at(who))

    def has(self, who: int, mailing: Mailing) -> bool:
        """Say whether a mailing may be in somebody's mailbox, whoever it was for."""
        return any((mailing.number, self.at(who)) == each[:2] for each in self.handed)

    def standing(self, letters: frozenset[str]) -> frozenset[str]:
        """Return which letters may still be told of: neither cancelled nor paused."""
        return frozenset(each for each in letters if self.newest_of(each).stands)

    def newest_of(self, letter: str) -> Mailing:
        return max((each for each in self.letters if each.letter == letter), key=_age)

    def topics_of(self, letters: frozenset[str]) -> set[Topic]:
        return {each.topic for each in self.letters if each.letter in letters}

    # What somebody is owed

    def owed(self, days: int, now: datetime) -> dict[int, frozenset[str]]:
        """Return of which letters a digest would tell whom, if it were cut now."""
        since = now - timedelta(days=days)
        newest = self._held_back(since)
        found = {who: self._owed(who, newest, since) for who in self.people}
        return {who: letters for who, letters in found.items() if letters}

    def _held_back(self, since: datetime) -> list[str]:
        """Return the newest letters of which anything was held back, from anybody."""
        held = [each for each in self.letters if each.stands and _held_from(each, since)]
        in_order = sorted(held, key=_age, reverse=True)
        return list(dict.fromkeys(each.letter for each in in_order))[:MOST]

    def _owed(self, who: int, newest: list[str], since: datetime) -> frozenset[str]:
        held = {
            each.letter for each in self.letters if each.stands and who in _held_from(each, since)
        }
        return frozenset(each for each in newest if each in held and self._is_open(who, each))

    def _is_open(self, who: int, letter: str) -> bool:
        is_closed = self.is_closed(who, self.topics_of(frozenset({letter})))
        return not (is_closed or self._had(who, letter) or self._will_have(who, letter))

    def _had(self, who: int, letter: str) -> bool:
        itself = any(self.has(who, each) for each in self.letters if each.letter == letter)
        return itself or self.told[self.at(who), letter] > 0

    def _will_have(self, who: int, letter: str) -> bool:
        """Say whether somebody at a mailbox waits in line for a letter, itself or in a digest."""
        lines = [
            *(each.in_line for each in self.letters if each.letter == letter),
            *(
                {one for one in each.in_line if letter in (each.sets or {}).get(one, NOTHING)}
                for each in self.digests
            ),
        ]
        return any(self.at(one) == self.at(who) for line in lines for one in line)


def _age(mailing: Mailing) -> int:
    return mailing.number


def _held_from(mailing: Mailing, since: datetime) -> set[int]:
    return {
        who
        for who, each in mailing.outcomes.items()
        if each.is_held_back and each.at and each.at > since
    }
