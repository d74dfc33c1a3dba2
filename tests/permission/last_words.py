"""What each person's and each address's own last word was: the promise, told without the product.

A yes counts when it is the person's own and comes after every no that reaches them; a list's yes
counts for who never said anything. Whoever is not `mailable` here must not be mailed, whatever the
product knows beyond it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from mailer.vocabulary import PersonId, Topic


class Word(NamedTuple):
    """A yes or a no to one topic: when, and by whom; nobody where an address alone was named."""

    at: int
    yes: bool
    by: PersonId | None = None


@dataclass
class Human:
    """A customer: where they live, where they ever lived, what they said last of each topic."""

    home: str
    ever: set[str]
    words: dict[Topic, Word] = field(default_factory=dict)
    paused: int = 0
    """When they paused; 0 while they do not."""
    gone: bool = False
    plain: bool = True
    """Nobody else ever had to do with their mailbox: for them the model knows everything."""


@dataclass
class Block:
    """What staff, a mailbox or a complaint put in the way, wherever it was carried along to."""

    people: set[PersonId]
    addresses: set[str]
    travels: bool = True


class LastWords:
    """Everybody's last words."""

    def __init__(self) -> None:
        self.people: dict[PersonId, Human] = {}
        self.survivor: dict[PersonId, PersonId] = {}
        self.said_at: dict[str, dict[Topic, Word]] = defaultdict(dict)
        self.blocks: dict[int, Block] = {}

    def mailable(self, person: PersonId, topic: Topic) -> bool:
        """Say whether their own last word lets mail of a topic reach them."""
        human = self.people[person]
        own, here = human.words.get(topic), self.said_at[human.home].get(topic)
        if own is None or not own.yes or human.gone or human.paused:
            return False
        if any(human.home in each.addresses or person in each.people for each in self._blocks()):
            return False
        return here is None or here.yes or here.at < own.at

    def arrives(self, person: PersonId, at: str) -> None:
        """Somebody registers; what was said at this address before is not forgotten."""
        others = [each for each in self.people.values() if at in each.ever]
        plain = not others and at not in self.said_at and not self._blocked(at)
        self.people[person] = Human(at, {at}, plain=plain)
        self._mix(others)

    def no(
        self, person: PersonId, topics: Collection[Topic], now: int, *, at: str | None = None
    ) -> None:
        """Somebody says no, by the link of a mail to `at` or otherwise."""
        who = self.whois(person)
        human = self.people[who]
        if human.gone:
            if at is not None:
                self.no_at(at, topics, now)
            return
        for topic in topics:
            human.words[topic] = Word(now, yes=False, by=who)
            for each in human.ever:
                self.said_at[each][topic] = Word(now, yes=False, by=who)
        self._mix(
            each for each in self.people.values() if each is not human and each.ever & human.ever
        )

    def no_at(self, at: str, topics: Collection[Topic], now: int) -> None:
        """Somebody says no for an address, and is nobody whom we know."""
        for topic in topics:
            self.said_at[at][topic] = Word(now, yes=False)
            for human in self._living_at(at):
                human.words[topic] = Word(now, yes=False)
        self._mix(self._living_at(at))

    def yes(self, person: PersonId, topics: Collection[Topic], now: int, *, page: int) -> None:
        """Somebody says yes on a page that was opened at `page`; an older page says nothing."""
        who = self.whois(person)
        human = self.people[who]
        for topic in topics:
            own = human.words.get(topic)
            if human.gone or (own is not None and not own.yes and own.at > page):
                continue
            human.words[topic] = Word(now, yes=True, by=who)
            alone = len(self._living_at(human.home)) == 1
            for each in human.ever:
                said = self.said_at[each].get(topic)
                if said and (said.by == who or (alone and each == human.home)):
                    self.said_at[each][topic] = Word(now, yes=True, by=who)

    def listed(self, person: PersonId, topics: Collection[Topic], now: int) -> None:
        """A list says yes for somebody: it may begin a topic and never answers a no."""
        human = self.people[self.whois(person)]
        for topic in topics:
            nos = [self.said_at[each].get(topic) for each in human.ever]
            if topic not in human.words and all(no is None or no.yes for no in nos):
                human.words[topic] = Word(now, yes=True)

    def moves(self, person: PersonId, to: str, now: int) -> None:
        """Somebody has another address: every no that stands at the old or the new one is theirs."""
        human = self.people[person]
        if to == human.home:
            return
        human.home, human.plain = to, False
        self._mix(each for each in self.people.values() if to in each.ever)
        self._gather(person, human.ever | {to}, [to], now)
        human.ever.add(to)

    def merge(self, survivor: PersonId, merged: PersonId, now: int) -> None:
        """Two are one: the most restrictive wins."""
        kept, lost = self.people[survivor], self.people[merged]
        for topic, word in lost.words.items():
            if not word.yes:
                kept.words[topic] = Word(now, yes=False, by=survivor)
        for said in self.said_at.values():
            for topic, word in said.items():
                said[topic] = word._replace(by=survivor) if word.by == merged else word
        self.survivor |= {each: survivor for each in self.survivor if self.whois(each) == merged}
        self.survivor[merged], lost.gone = survivor, True
        kept.plain, kept.paused = False, max(kept.paused, lost.paused)
        kept.ever |= lost.ever
        for block in self._blocks():
            if merged in block.people:
                block.people.add(survivor)
        self._gather(survivor, kept.ever, kept.ever, now)

    def whois(self, person: PersonId) -> PersonId:
        """Return who somebody is now."""
        return self.survivor.get(person, person)

    def block(
        self, now: int, people: Iterable[PersonId], addresses: Iterable[str], *, travels: bool
    ) -> None:
        """Something comes in the way."""
        self.blocks[now] = Block(set(people), set(addresses), travels)
        reached = self.blocks[now]
        self._mix(
            human
            for who, human in self.people.items()
            if who in reached.people or human.ever & reached.addresses
        )

    def living(self) -> list[PersonId]:
        """Return who can be mailed at all."""
        return [who for who, human in self.people.items() if not human.gone]

    def ever_at(self, at: str) -> list[PersonId]:
        """Return who has or had an address."""
        return [who for who in self.living() if at in self.people[who].ever]

    def _gather(self, person: PersonId, known: Iterable[str], at: Iterable[str], now: int) -> None:
        """Make every no of a person and of these addresses theirs, anew, and `at` these."""
        human, known, at = self.people[person], set(known), set(at)
        for topic in Topic:
            words = [human.words.get(topic), *(self.said_at[each].get(topic) for each in known)]
            if any(word is not None and not word.yes for word in words):
                human.words[topic] = Word(now, yes=False, by=person)
                for each in at:
                    self.said_at[each][topic] = Word(now, yes=False, by=person)
        for block in self._blocks():
            if block.travels and (person in block.people or block.addresses & known):
                block.people.add(person)
                block.addresses |= at

    def _blocks(self) -> list[Block]:
        return list(self.blocks.values())

    def _blocked(self, at: str) -> bool:
        return any(at in each.addresses for each in self._blocks())

    def _living_at(self, at: str) -> list[Human]:
        return [each for each in self.people.values() if each.home == at and not each.gone]

    def _mix(self, people: Iterable[Human]) -> None:
        for each in people:
            each.plain = False
