"""What the protocol costs the database for each person, from pg_stat_statements.

One sender in this process delivers a campaign. Counted is every statement between claim and
settlement; what is read to print the letter (profile, keys) is stated beside it.
"""

from dataclasses import dataclass

from bench import campaign, smtp
from bench.stage import House, Stage
from bench.values import Better, CheckFailed, Measure, Pair, Reading, Scale, Spec
from mailer.delivery import BATCH_SIZE
from mailer.vocabulary import Lane
from mailer.wiring import build_sender

ALL_GOAL, GATE_GOAL, WAL_GOAL = 20.0, 7.0, 250.0
GATE = ("WITH held AS", ", handing_at = $1")
"""How the gate's statement and the step before it, into `handing`, begin or what they say."""
PRINTING = ("vault_person_key", "people_customer.external_id")
OURS = ("bench:", "pg_stat_statements", "campaigns_campaign", "CHECKPOINT")


@dataclass(frozen=True)
class Statement:
    """One statement as pg_stat_statements saw it."""

    calls: int
    us: float
    wal: float
    query: str

    def is_one_of(self, words: tuple[str, ...]) -> bool:
        return any(word in self.query for word in words)


@dataclass(frozen=True)
class Cost:
    """Microseconds and bytes for each person."""

    all: float
    gate: float
    wal: float
    printing: float


def run(stage: Stage, scale: Scale) -> list[Reading]:
    """Deliver the same campaign some times, after one that warms everything up."""
    size = scale.pick(5_000, 50_000)
    with smtp.sink() as taking, stage.house(crowd=size, smtp_port=taking.port) as house:
        costs = [_deliver(house, taking, size) for _ in range(scale.pairs + 1)][1:]
    printing = sorted(cost.printing for cost in costs)[len(costs) // 2]
    note = f"to read profiles and keys for the letter takes {printing:.3g} µs more"
    checked = "every mail counted at the sink, books balanced, a claim for each batch"
    return [
        Reading(size, [Pair(cost.all, ALL_GOAL) for cost in costs], checked, [note]),
        Reading(size, [Pair(cost.gate, GATE_GOAL) for cost in costs], checked,
                ["the barrier itself (O2) runs once for each opt-out, not for each person"]),
        Reading(size, [Pair(cost.wal, WAL_GOAL) for cost in costs], checked),
    ]  # fmt: skip


def _deliver(house: House, taking: smtp.Sink, size: int) -> Cost:
    before, sender = taking.counted, build_sender(house.parts)
    campaign_id = campaign.create(house)
    campaign.start(house, campaign_id)
    house.rows("SELECT pg_stat_statements_reset()")
    while sender.deliver_one(Lane.PROMOTIONAL):
        pass
    statements = _statements(house)
    sender.close()
    report = campaign.report_of(house, campaign_id)
    campaign.check_report(report, people=size, taken=taking.counted - before)
    return _cost(statements, size)


def _statements(house: House) -> list[Statement]:
    found = house.rows(
        "/* bench: */ SELECT calls, total_exec_time * 1000, wal_bytes, query"
        " FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid"
        " WHERE d.datname = current_database()"
    )
    return [Statement(calls, us, float(wal), query) for calls, us, wal, query in found]


def _cost(statements: list[Statement], people: int) -> Cost:
    of_sender = [each for each in statements if not each.is_one_of(OURS)]
    printing = [each for each in of_sender if each.is_one_of(PRINTING)]
    protocol = [each for each in of_sender if not each.is_one_of(PRINTING)]
    gate = [each for each in protocol if each.is_one_of(GATE)]
    if len(gate) != len(GATE) or not printing:
        raise CheckFailed("the gate's statements, or those of printing, were not recognised")
    if max(each.calls for each in gate) < people / BATCH_SIZE:
        raise CheckFailed(f"the gate ran {gate[0].calls} times for {people} people")
    us, wal = (sum(getattr(each, name) for each in protocol) / people for name in ("us", "wal"))
    return Cost(
        all=us,
        gate=sum(each.us for each in gate) / people,
        wal=wal,
        printing=sum(each.us for each in printing) / people,
    )


PROTOCOL = Measure(
    "protocol",
    (
        Spec(
            "protocol's database time for each person, 500 a batch",
            "µs",
            "20 µs",
            1.0,
            Better.LESS,
            is_goal=True,
        ),
        Spec("of it, gate and barrier", "µs", "7 µs", 1.0, Better.LESS, is_goal=True),
        Spec(
            "protocol's WAL for each person", "bytes", "250 bytes", 1.0, Better.LESS, is_goal=True
        ),
    ),
    run,
)
