"""The clients of a promise run: people who say no, yes, move and merge, aimed at open batches.

Each writes down what it asks before it asks, and what was acknowledged; an answer that did not
come acknowledges nothing, and the client asks again.
"""

import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from mailer import policy
from mailer.access import ApiScope
from mailer.links import Purpose
from tests.promises.callers import Answer, Caller, Hand, House, NotAnswered, a_key_for
from tests.promises.clients_log import ClientsLog
from tests.promises.eye import Eye
from tests.promises.system import System
from tests.promises.town import TOPICS, Somebody, Town

CAME = """
    SELECT b.mailing_id FROM delivery_batch b JOIN delivery_roster r ON r.batch_id = b.id
    WHERE b.lane = 'promotional' AND b.state = 'settled' AND %s = ANY(r.persons)
      AND NOT EXISTS (
          SELECT FROM delivery_exception e WHERE e.batch_id = b.id AND e.person_id = %s
      )
    ORDER BY b.id DESC LIMIT 1
"""
"""A mailing that somebody has had."""
AT_THE_DEAD = 0.005
"""Of the looks for somebody: how many may end at a batch whose sender is gone."""
HANDS = 6
"""Processes that call the rooms as a door does, for whoever has none of their own."""
SILENT_AT_LEAST = 0.15
"""Of the town; the others among those who said no come back."""
SCOPES = (ApiScope.CUSTOMERS, ApiScope.CONSENTS, ApiScope.SUPPRESSIONS, ApiScope.READ)


@dataclass(frozen=True)
class Target:
    """Somebody in an open batch."""

    who: Somebody
    batch: int
    mailing: int


@dataclass(frozen=True)
class Named:
    """What an acknowledgement named; 0 stands for a mailing without a name."""

    at: float
    left: tuple[int, ...] = ()
    unsure: tuple[int, ...] = ()


@dataclass(frozen=True)
class World:
    """What every client has: the service, the town, the log, hands and an eye, an end."""

    system: System
    town: Town
    log: ClientsLog
    house: House
    hands: list[Hand]
    eye: Eye
    key: str
    stop: threading.Event

    def caller(self) -> Caller:
        return Caller(self.system.webs(), self.key)


def a_world(system: System, town: Town, log: ClientsLog) -> World:
    """Everything that clients share."""
    key, stop = a_key_for(system, *SCOPES), threading.Event()
    house = House(system)
    hands = [house.hand() for _ in range(HANDS)]
    return World(system, town, log, house, hands, Eye(system.eye_url), key, stop)


class DoneBefore(Exception):
    """What was asked had been done by an earlier call whose answer was lost; nothing is acknowledged."""


class Client(threading.Thread, ABC):
    """A thread that does its work again and again until the run ends."""

    def __init__(self, world: World, seed: str) -> None:
        super().__init__(name=f"{type(self).__name__} {seed}", daemon=True)
        self.world = world
        self.chance = random.Random(seed)
        self.web = world.caller()
        self.hand = self.chance.choice(world.hands)
        self.troubles: list[str] = []
        """What came back that no client had reason to expect."""

    def run(self) -> None:
        while not self.world.stop.is_set():
            try:
                self.act()
            except (psycopg.Error, NotAnswered):
                time.sleep(0.1)  # a database or a web that is being restarted
            except Exception as error:
                self.troubles.append(repr(error))
                time.sleep(0.5)

    def leave(self) -> None:
        """Do what is left to do for the end of a run, and hang up."""
        self.web.hang_up()

    @abstractmethod
    def act(self) -> None:
        """Do one thing."""

    def insist(self, kind: str, call: Callable[[], Named], **asked: Any) -> bool:
        """Ask until it is acknowledged or the run ends; say whether it is done."""
        while not self.world.stop.is_set():
            number = self.world.log.asked(kind, **asked)
            try:
                named = call()
            except DoneBefore:
                self.world.log.lost(number, "done before")
                return True
            except NotAnswered as error:
                self.world.log.lost(number, str(error))
                time.sleep(0.05)
                continue
            self.world.log.answered(
                number, named.at, left=list(named.left), unsure=list(named.unsure)
            )
            return True
        return False


class OptOuts(Client):
    """People in open batches who say no, by every door there is."""

    def __init__(self, world: World, seed: str) -> None:
        super().__init__(world, seed)
        self._roads = {
            "one_click": (45, self._one_click),
            "preference_page": (12, self._stop_page),
            "api": (8, self._by_api),
            "removal": (8, self._removal),
            "support": (14, self._by_hand),
            "desk": (6, self._at_the_desk),
            "complaint": (7, self._complaint),
        }

    def act(self) -> None:
        target = self._aim()
        if target is None:
            time.sleep(0.01)
            return
        try:
            self._say_no(target)
        finally:
            self.world.town.give_back(target.who)

    def _say_no(self, target: Target) -> None:
        who = target.who
        if self.chance.random() < 0.1:
            topic = self.chance.choice(sorted(who.wants))
            if self._insist_on(target, "topic", lambda: self._off(who, topic), [topic.value]):
                who.wants -= {topic}
            return
        names = list(self._roads)
        [name] = self.chance.choices(names, [self._roads[each][0] for each in names])
        if self._insist_on(target, name, lambda: self._roads[name][1](target), None):
            who.wants.clear()

    def _insist_on(
        self, target: Target, through: str, call: Callable[[], Named], topics: list[str] | None
    ) -> bool:
        return self.insist(
            "no",
            call,
            through=through,
            topics=topics,
            batch=target.batch,
            **target.who.as_asked(),
        )

    def _aim(self) -> Target | None:
        """Take somebody in an open batch; seldom in one whose sender died: they wait the longest."""
        batches = self.world.eye.open_batches()
        if self.chance.random() > AT_THE_DEAD:
            batches = [each for each in batches if each.is_live]
        self.chance.shuffle(batches)
        for each in batches:
            who = self.world.town.borrow(each.persons, self.chance)
            if who is not None:
                return Target(who, each.id, each.mailing)
        return None

    def _one_click(self, target: Target) -> Named:
        token = self._token(Purpose.UNSUBSCRIBE, target.who, target.mailing)
        answer = self.web.post(f"/u/{token}", {"List-Unsubscribe": "One-Click"})
        return as_told(answer)

    def _stop_page(self, target: Target) -> Named:
        """Press the button; where the answer leads to a receipt, that names what had left."""
        token = self._token(Purpose.PREFERENCES, target.who)
        answer = self.web.post(f"/p/{token}", {"act": "stop"})
        if answer.status != 303:
            return as_told(answer)
        said = as_told(self.web.get(answer.leads_to))
        return Named(answer.at, said.left, said.unsure)

    def _by_api(self, target: Target) -> Named:
        path = f"/customers/{target.who.person}/consents"
        return as_listed(self.web.ask("POST", path, {"stop_all": True}))

    def _off(self, who: Somebody, topic: str) -> Named:
        path = f"/customers/{who.person}/consents"
        return as_listed(self.web.ask("POST", path, {"off": [topic]}))

    def _removal(self, target: Target) -> Named:
        body = {"email": target.who.addresses[0], "scope": "promotional", "reason": "opt_out"}
        answer = self.web.ask("POST", "/suppressions", body)
        answer.refuse_but(201)
        each = answer.json["acknowledgements"]
        return Named(answer.at, _mailings(each, "left"), _mailings(each, "unsure"))

    def _by_hand(self, target: Target) -> Named:
        who = target.who
        said = self.hand.do("opt_out", person=who.person, address_id=who.address_ids[0])
        return as_done(said)

    def _at_the_desk(self, target: Target) -> Named:
        """Have an address removed, and before it one that no customer has."""
        self.hand.do("remove", email=f"stranger{self.chance.getrandbits(48):x}@example.com")
        return as_done(self.hand.do("remove", email=target.who.addresses[0]))

    def _complaint(self, target: Target) -> Named:
        """Complain about a mail that came; the mailbox is answered nothing, so they stop as well."""
        came = self.world.system.seen(CAME, target.who.person, target.who.person)
        for (mailing,) in came:
            self.hand.do("hear", person=target.who.person, mailing=mailing)
        return self._by_api(target)

    def _token(self, purpose: Purpose, who: Somebody, *more: int) -> str:
        # The link of a mail that was sent before a merge or a move works as the last one does.
        n = self.chance.randrange(len(who.persons))
        links = self.world.system.parts.links
        return links.sign(purpose, who.persons[n], who.address_ids[n], *more)


class Yeses(Client):
    """People who said no and come back, by their own yes to each topic."""

    def act(self) -> None:
        town, who = self.world.town, None
        if town.silent() > len(town) * SILENT_AT_LEAST:
            who = town.borrow_silent(self.chance)
        if who is None:
            time.sleep(0.05)
            return
        try:
            self._come_back(who)
        finally:
            town.give_back(who)

    def _come_back(self, who: Somebody) -> None:
        if self.insist("yes", lambda: self._yes(who), **who.as_asked()):
            who.wants |= set(TOPICS)

    def _yes(self, who: Somebody) -> Named:
        path = f"/customers/{who.person}/consents"
        page = self.web.ask("GET", path)
        page.refuse_but(200)
        body = {
            "on": [topic.value for topic in TOPICS],
            "words": " ".join(policy.words_for(topic) for topic in TOPICS)[:200],
            "seen_version": page.json["version"],
        }
        answer = self.web.ask("POST", path, body)
        if answer.status == 200 and answer.json["asked_again"]:
            raise NotAnswered("asked again")
        return as_listed(answer)


def as_told(answer: Answer) -> Named:
    """Read what a page or a mailbox's answer says in words: how many, not which."""
    answer.refuse_but(200, 303)
    left = (0,) if "had left" in answer.body or "had already left" in answer.body else ()
    unsure = (0,) if "may still arrive" in answer.body else ()
    return Named(answer.at, left, unsure)


def as_done(said: dict[str, Any]) -> Named:
    return Named(time.monotonic(), tuple(said["left"]), tuple(said["unsure"]))


def as_listed(answer: Answer) -> Named:
    answer.refuse_but(200)
    said = [answer.json]
    return Named(answer.at, _mailings(said, "left"), _mailings(said, "unsure"))


def _mailings(said: list[dict[str, Any]], which: str) -> tuple[int, ...]:
    return tuple(each["mailing"] for one in said for each in one[which])
