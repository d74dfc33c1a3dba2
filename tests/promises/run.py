"""One promise run: everything is brought up, attacked while clients work, left alone, and read."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailer.development.places import free_port
from tests.promises.aims import Aims
from tests.promises.clients import Client, OptOuts, World, Yeses, a_world
from tests.promises.clients_log import ClientsLog
from tests.promises.evidence import Evidence, gather
from tests.promises.moved import MovedClocks
from tests.promises.movers import Movers
from tests.promises.nemesis import Nemesis
from tests.promises.plan import Deed, drawn
from tests.promises.system import System, running_system
from tests.promises.test_opt_outs_under_load import people_of
from tests.promises.town import TOPICS, Town
from tests.promises.trade import Importer, Shop, Staff
from tests.promises.verdicts import BOUND, Verdict, judge

PEOPLE = 1600
SETTLED = 300
"""Of them the shop's own: they order, and are neither merged nor moved."""
PACE = 100
"""Messages a second over all workers: a batch waits for its turn, and opt-outs fall there."""
OPT_OUTS, YESES, SHOPS = 14, 7, 2
"""Clients of each kind; of the others there is one. Who said no is of use again after a yes."""
LONGER = 150.0
"""Seconds that a run goes on at most after its last deed, for points where nobody died yet."""
DUE = """
    SELECT count(*) FROM delivery_batch b JOIN delivery_mailing m ON m.id = b.mailing_id
    WHERE b.state = 'handing'
       OR b.state IN ('prepared', 'claimed') AND m.state = 'sending' AND b.not_before < now()
    UNION ALL SELECT count(*) FROM campaigns_campaign WHERE state = 'scheduled'
"""
Say = Callable[[str], None]


@dataclass
class Ran:
    """What a run was, and what the checkers say of it."""

    seed: int
    seconds: float
    """Of trouble, from the first deed to the last."""
    done: Counter[str]
    """Deeds by kind, and what came of them."""
    evidence: Evidence
    verdicts: list[Verdict]
    troubles: list[str]
    """What clients and keeper met that nothing here excuses."""
    ended_by_the_kernel: int

    @property
    def holds(self) -> bool:
        """Say whether every promise was kept, and the run meant something."""
        return not self.troubles and all(each.holds for each in self.verdicts)


def run(folder: Path, *, seed: int, seconds: float, say: Say) -> Ran:
    """Attack everything for so many seconds; read and judge what that left behind.

    Raises NoCompiler.
    """
    deeds = drawn(seed, seconds)
    (folder / "deeds.txt").write_text("".join(f"{deed}\n" for deed in deeds))
    clocks = MovedClocks(folder / "clocks")
    with running_system(folder, is_cut=True) as system:
        system.clocks = clocks
        aims = Aims(folder / "failpoints", seed)
        world = _settled(system, aims)
        say(f"{len(world.town)} people live here; {len(deeds)} deeds are planned")
        system.start_all()
        _wait_until_ready(system, world)
        nemesis = Nemesis(system, aims, seed)
        clients = the_clients(world, seed)
        try:
            fought = _fight(nemesis, clients, deeds, seconds)
            say(f"attacked for {fought:.0f} s; now it must end")
            last_fault = time.monotonic()
            _end_work(world, clients)
            _wait_until_nothing_is_due(system)
            ended_after = time.monotonic() - last_fault
            nemesis.end()
            system.leave()
            evidence = gather(
                system.eye_url,
                witness=system.witness.log,
                clients=world.log.path,
                failpoints=aims.folder,
                ended_after=ended_after,
            )
        finally:
            world.stop.set()
            nemesis.end()
            world.house.end()
            world.eye.close()
            (folder / "story.txt").write_text("".join(f"{line}\n" for line in nemesis.story))
        kernel = system.ended_by_the_kernel()
    troubles = [f"{each.name}: {what}" for each in clients for what in each.troubles]
    troubles += nemesis.faults
    return Ran(seed, fought, nemesis.done, evidence, judge(evidence), troubles, kernel)


def _settled(system: System, aims: Aims) -> World:
    """Tell our processes what they are to obey, and make the people of the town."""
    system.environment |= {
        "MAILER_FAILPOINTS": str(aims.folder),
        "MAILER_PACE_PER_SECOND": str(PACE),
        "MAILER_WEB_THREADS": "30",
    }
    system.second_port = free_port()
    # A web takes seconds to come back: at the steps that it takes, hands of the house die.
    system.for_webs["MAILER_FAILPOINTS"] = ""
    people = people_of(system, PEOPLE, topics=TOPICS).values()
    log = ClientsLog(system.folder / "clients.jsonl")
    log.asked("residents", persons=[each.person_id for each in people])
    return a_world(system, Town(people, SETTLED), log)


def _wait_until_ready(system: System, world: World) -> None:
    """Who is killed before they work proves nothing."""
    world.house.wait_until_open()
    workers = [part for name, part in system.processes.items() if name.startswith("worker")]
    system.wait_for(lambda: all(each.has_said("worker.ready") for each in workers), 60, "workers")


def the_clients(world: World, seed: int) -> list[Client]:
    """Everybody who works while the service is attacked."""
    made: list[Client] = [OptOuts(world, f"{seed} {n}") for n in range(OPT_OUTS)]
    made += [Yeses(world, f"{seed} {n}") for n in range(YESES)]
    made += [Shop(world, f"{seed} {n}") for n in range(SHOPS)]
    made += [Movers(world, f"{seed}"), Staff(world, f"{seed}"), Importer(world, f"{seed}")]
    return made


def _fight(
    nemesis: Nemesis, clients: Sequence[Client], deeds: Sequence[Deed], seconds: float
) -> float:
    nemesis.begin()
    for each in clients:
        each.start()
    begun = time.monotonic()
    nemesis.attack(deeds)
    time.sleep(max(0.0, begun + seconds - time.monotonic()))
    nemesis.finish(LONGER)
    nemesis.relent()
    return time.monotonic() - begun


def _end_work(world: World, clients: Sequence[Client]) -> None:
    world.stop.set()
    for each in clients:
        each.join(60)
        each.leave()
    world.log.close()


def _wait_until_nothing_is_due(system: System) -> None:
    end = time.monotonic() + 2 * BOUND
    while any(count for (count,) in system.seen(DUE)) and time.monotonic() < end:
        time.sleep(0.25)
