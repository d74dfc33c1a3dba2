"""Who comes, and from where: a shop, its customers, and what becomes of their records, at random."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from itertools import count
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from mailer import intake, people, permission
from mailer.delivery import Sender
from mailer.people import AudienceFilter, NewProfile, audience_of
from mailer.permission import Change
from mailer.vocabulary import AddressId, Door, PersonId, Topic
from preference_center.systems.api.who import keep
from tests.campaigns.conftest import Desk
from tests.permission.last_words import LastWords

TOPICS = (Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES, Topic.SERVICE_AND_EVENTS)

somebody = st.integers(0, 5)
somewhere = st.integers(0, 3)
topic = st.sampled_from(TOPICS)
some = st.sets(topic, min_size=1)
examples = count()


class Comings(RuleBasedStateMachine):
    """Customers with four mailboxes between them, who come, move, are merged and erased."""

    def __init__(self, desk: Desk, sender: Sender, folder: Path, met: Counter[str]) -> None:
        super().__init__()
        self.desk, self.sender, self.folder, self.met = desk, sender, folder, met
        self.database, self.opt_outs = desk.database, desk.parts.opt_outs
        self.example, self.step = next(examples), 0
        self.words = LastWords()
        self.number_of: dict[str, AddressId] = {}
        self.since: dict[datetime, int] = {}

    @rule(n=somewhere)
    def register(self, n: int) -> None:
        """A form of the shop's is sent in, with an address and no number of the shop's."""
        self.tick()
        self.kept(NewProfile(email=self.address(n), source="shop"), n)

    @rule(who=somebody, n=somewhere)
    def the_shop_tells_of_a_customer(self, who: int, n: int) -> None:
        """By its own number: somebody new, or somebody known who may have moved."""
        self.tick()
        number = f"c-{self.example}-{who}"
        self.kept(NewProfile(email=self.address(n), source="shop", external_id=number), n)

    def kept(self, profile: NewProfile, n: int) -> None:
        with self.database.transaction() as session:
            done = keep(session, self.desk.parts, profile, actor="api_key:1", now=self.desk.now)
        if done.moved_from is not None:
            self.opt_outs.settle_move(done.person_id, done.address_id)
        self.came(done.person_id, self.address(n))

    def came(self, person: PersonId, at: str) -> None:
        if person not in self.words.people:
            self.words.arrives(person, at)
        elif self.homes()[person] != self.number_of[self.words.people[person].home]:
            self.words.moves(person, at, self.step)
            self.met["moved"] += 1

    @rule(who=somebody, n=somewhere, topics=st.sets(topic))
    def a_file_says_yes_or_nothing(self, who: int, n: int, topics: set[Topic]) -> None:
        self.tick()
        number = f"c-{self.example}-{who}"
        file = self.folder / f"{self.example}-{self.step}.csv"
        words = " ".join(sorted(topics))
        file.write_text(f"external_id,email,topics\n{number},{self.address(n)},{words}\n")
        intake.import_customers(
            self.database,
            self.desk.parts.vault,
            file,
            options=intake.ImportOptions(source="shop", helpers=0),
            now=self.desk.now,
        )
        with self.database.reading() as session:
            [person, *_] = people.find_by_external_id(session, number)
        self.came(person, self.address(n))
        self.words.listed(person, topics, self.step)
        self.met["listed"] += 1

    @rule(who=somebody, n=somewhere)
    def move(self, who: int, n: int) -> None:
        person = self.tick(who)
        if person is None:
            return
        self.opt_outs.change_address(person, self.address(n))
        self.words.moves(person, self.address(n), self.step)
        self.met["moved"] += 1

    @rule(who=somebody, other=somebody)
    def merge(self, who: int, other: int) -> None:
        survivor, merged = self.tick(who), self.tick(other)
        if survivor is None or merged is None or survivor == merged:
            return
        self.opt_outs.merge(survivor=survivor, merged=merged)
        self.words.merge(survivor, merged, self.step)
        self.met["merged"] += 1

    @rule(who=somebody)
    def erase(self, who: int) -> None:
        person = self.tick(who)
        if person is None:
            return
        with self.database.transaction() as session:
            people.erase(session, self.desk.parts.vault, person, now=self.desk.now)
            permission.forget(session, person)
        self.words.people[person].gone = True
        self.met["erased"] += 1

    def tick(self, who: int | None = None) -> PersonId | None:
        """Let a minute pass; return one of those who are there, if anybody is."""
        self.step += 1
        self.desk.later(minutes=1)
        self.since[self.desk.now] = self.step
        living = self.words.living()
        return living[who % len(living)] if who is not None and living else None

    def said(
        self,
        door: Door,
        *,
        on: Collection[Topic] = (),
        off: Collection[Topic] = (),
        **more: object,
    ) -> Change:
        return Change(
            door=door,
            policy_version="2026-11",
            topics_on=frozenset(on),
            topics_off=frozenset(off),
            **more,  # type: ignore[arg-type]
        )

    def homes(self) -> dict[PersonId, AddressId]:
        """Where the product has everybody who is there."""
        everybody = audience_of(AudienceFilter(frozenset(self.words.living())))
        with self.database.reading() as session:
            return {row.person_id: row.address_id for row in session.execute(everybody)}

    def address(self, n: int) -> str:
        return f"mailbox{n}-{self.example}@example.com"
