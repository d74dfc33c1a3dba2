"""The shop that sells while everything burns, its staff who send campaigns, and files of customers."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from mailer.access import ApiScope
from tests.promises.callers import Caller, NotAnswered, a_key_for
from tests.promises.clients import Client, World
from tests.promises.system import ROOT
from tests.promises.test_opt_outs_under_load import CONTENT
from tests.promises.town import TOPICS, Somebody

AT_ONCE = 6
"""Campaigns under way at a time, of which some may only wait for what became of a dead hand's batch."""
ENOUGH = 4
"""Batches that wait their turn: with fewer another campaign begins, with more the end would be far."""
BY_COMMAND = 4
"""Every so manieth file is imported by the command, which takes a second to start; else by a hand.

What was broken off is always taken up by a hand.
"""
NEW, KNOWN = 10, 40
"""Customers in each file of the shop's: new ones, and ones who are there."""
TRIES = 30
"""How often staff ask for the same thing."""
AT_LENGTH = 150.0
"""Seconds within which a file is imported, however often that is broken off."""
WAITING = """
    SELECT count(*) FROM delivery_batch b JOIN delivery_mailing m ON m.id = b.mailing_id
    WHERE b.lane = 'promotional' AND b.state = 'prepared' AND m.state = 'sending'
"""
NO_BRAKE = {"unknown": 100, "rejected": 100, "hard_bounces": 100, "complaints": 100}
OPEN = """
    SELECT id, state <> 'scheduled' FROM campaigns_campaign
    WHERE state IN ('scheduled', 'sending', 'paused')
"""


class Seller(Client):
    """Whoever sells; an event whose answer was lost is told again."""

    def sell_by_hand(self, who: Somebody) -> None:
        """Place an order and tell that it is confirmed, by the rooms themselves."""
        number = self.a_number()
        self.tell(number, lambda: self._by_hand(number, who))

    def a_number(self) -> str:
        """A number that no other order has."""
        return f"{self.chance.getrandbits(44):x}"

    def tell(self, order: str, tell: Callable[[], tuple[float, int | None]]) -> None:
        """Tell an event until it is answered; told twice, it is one event."""
        log = self.world.log
        while not self.world.stop.is_set():
            number = log.asked("event", event=order)
            try:
                at, mailing = tell()
            except NotAnswered as error:
                log.lost(number, str(error))
                time.sleep(0.05)
                continue
            log.answered(number, at, mailing=mailing)
            return

    def _by_hand(self, order: str, who: Somebody) -> tuple[float, int | None]:
        said = self.hand.do("order", order=order, person=who.person)
        return time.monotonic(), said["mailing"]


class Shop(Seller):
    """Orders are placed and confirmed, for the shop's own customers."""

    def __init__(self, world: World, seed: str) -> None:
        super().__init__(world, seed)
        self.web = Caller(world.system.webs(), a_key_for(world.system, ApiScope.ORDERS))

    def act(self) -> None:
        time.sleep(self.chance.uniform(0.1, 0.5))
        who = self.chance.choice(self.world.town.settled())
        if self.chance.random() < 0.4:
            self.sell_by_hand(who)
            return
        number = self.a_number()
        self._until_done("POST", "/orders", self._order(number, who.addresses[0]))
        self.tell(number, lambda: self._by_api(number))

    def _by_api(self, order: str) -> tuple[float, int | None]:
        body = {"event": "confirmed", "occurred_at": _now()}
        answer = self.web.ask("POST", f"/orders/{order}/events", body)
        answer.refuse_but(202)
        return answer.at, answer.json["mailing"]

    def _until_done(self, method: str, path: str, body: object) -> None:
        while not self.world.stop.is_set():
            try:
                answer = self.web.ask(method, path, body)
            except NotAnswered:
                time.sleep(0.05)
                continue
            answer.refuse_but(200, 201)
            return

    def _order(self, number: str, email: str) -> dict[str, Any]:
        line = {"sku": "POS-1", "name": "Receipt printer", "quantity": 1, "unit_price": 19_900}
        return {
            "number": number,
            "customer": {"email": email},
            "currency": "USD",
            "lines": [line],
            "total": 19_900,
            "placed_at": _now(),
        }


def soon() -> object:
    """When a campaign is scheduled for."""
    return {"at": (datetime.now(UTC) + timedelta(seconds=1.5)).isoformat()}


class Staff(Client):
    """Makes, approves, starts or schedules, pauses, resumes and cancels campaigns, several at once."""

    def __init__(self, world: World, seed: str) -> None:
        super().__init__(world, seed)
        system = world.system
        self.web = Caller(system.webs(), a_key_for(system, ApiScope.CAMPAIGNS, ApiScope.READ))
        self._second = Caller(system.webs(), a_key_for(system, ApiScope.APPROVE, ApiScope.READ))
        self.hand = world.house.hand()
        self.started = 0

    def act(self) -> None:
        time.sleep(self.chance.uniform(0.05, 0.3))
        rows = self.world.system.seen(OPEN)
        under_way = [number for number, has_begun in rows if has_begun]
        if len(rows) < AT_ONCE and self.world.system.seen(WAITING)[0][0] < ENOUGH:
            self._send_another()
        elif under_way and self.chance.random() < 0.25:
            self._steer(self.chance.choice(under_way))

    def leave(self) -> None:
        """Let whatever is paused go on, and hang up."""
        sql = "SELECT id FROM campaigns_campaign WHERE state = 'paused'"
        for (number,) in self.world.system.seen(sql):
            self._insist(self.web, "resume", number, lambda: {"reason": "the run ends"})
        self._second.hang_up()
        super().leave()

    def _send_another(self) -> None:
        self.started += 1
        name = f"Release-{self.started}"
        asked = self.world.log.asked("campaign", campaign=name)
        made = self.web.ask("POST", "/campaigns", self._campaign(name))
        made.refuse_but(201)
        number = made.json["id"]
        self._insist(self._second, "approve", number, None)
        begin = (
            ("schedule", number, soon) if self.chance.random() < 0.4 else ("start", number, None)
        )
        if self._insist(self.web, *begin):
            self.world.log.answered(asked, time.monotonic())

    def _campaign(self, name: str) -> dict[str, Any]:
        """The witness reads in its subject of which campaign a message is."""
        return {
            "name": name,
            "topic": self.chance.choice(TOPICS).value,
            "content": CONTENT | {"subject": name},
            "brake": NO_BRAKE,
        }

    def _steer(self, number: int) -> None:
        if self.chance.random() < 0.1:
            self._insist(self.web, "cancel", number, lambda: {"reason": "not now"})
            return
        self._insist(self.web, "pause", number, None)
        time.sleep(self.chance.uniform(0.05, 1.5))
        self._insist(self.web, "resume", number, lambda: {"reason": "go on"})

    def _insist(
        self, web: Caller, what: str, number: int, body: Callable[[], object] | None
    ) -> bool:
        """Ask until an answer comes; say whether it says that this try did it.

        What an earlier try has done already is refused.

        Whoever is asked may be so slow that a moment to come has passed: then it is another's turn.
        """
        for tries in range(TRIES):
            try:
                if what != "schedule" and self.chance.random() < 0.7:
                    return not self.hand.do("campaign", campaign=number, act=what)
                answer = web.ask("POST", f"/campaigns/{number}/{what}", body() if body else None)
            except NotAnswered:
                time.sleep(0.1)
                continue
            if what == "schedule" and answer.status == 422:
                continue
            if tries == 0:
                answer.refuse_but(200, 409)
            return answer.status == 200
        return False


class Importer(Client):
    """Brings the shop's file in again and again: new customers, and yeses that undo no no."""

    def __init__(self, world: World, seed: str) -> None:
        super().__init__(world, seed)
        self.hand = world.house.hand()
        self.rounds = 0

    def act(self) -> None:
        self.rounds += 1
        path = self.world.system.folder / f"import-{self.rounds}.csv"
        path.write_text("".join(self._rows(self.chance)))
        self._import_until_done(str(path))
        self.world.stop.wait(self.chance.uniform(0.5, 2))

    def _import_until_done(self, path: str) -> None:
        if self.rounds % BY_COMMAND == 0 and self._import(path) == 0:
            return
        end = time.monotonic() + AT_LENGTH
        while time.monotonic() < end:
            if self.world.stop.is_set() or self._is_imported(path):
                return
            time.sleep(0.1)
        self.troubles.append(f"an import was not done in {AT_LENGTH:.0f} s")

    def _is_imported(self, path: str) -> bool:
        try:
            self.hand.do("bring_in", file=path)
        except NotAnswered:
            return False
        return True

    def _rows(self, chance: random.Random) -> list[str]:
        rows = ["external_id,email,name,source,topics\n"]
        for n in range(NEW):
            name = f"shop-{self.rounds}-{n}"
            rows.append(f"{name},{name}@example.com,Customer {n},shop,\n")
        topics = " ".join(topic.value for topic in TOPICS)
        for who in chance.sample(self.world.town.settled(), KNOWN):
            rows.append(f",{who.addresses[0]},Same Customer,shop,{topics}\n")
        return rows

    def _import(self, path: str) -> int:
        with (self.world.system.folder / "import.log").open("ab") as log:
            done = subprocess.Popen(
                [sys.executable, "-m", "mailer", "import", "customers", path, "--json"],
                env=self.world.system.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
            )
        while done.poll() is None:
            if self.world.stop.wait(0.1):
                done.terminate()  # broken off: what is in is in
                return done.wait()
        return done.returncode


def _now() -> str:
    return datetime.now(UTC).isoformat()
