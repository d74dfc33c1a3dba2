"""How long an order update takes from its event to its hand-over while a campaign is being sent."""

import time
from datetime import UTC, datetime

from bench import smtp
from bench.full_rate import full_rate
from bench.pairing import percentile
from bench.stage import House, Stage, wait_for
from bench.values import Better, CheckFailed, Measure, Pair, Reading, Scale, Spec
from mailer import orders
from mailer.orders import EventKind, Line, NewOrder, OrderEvent
from mailer.vocabulary import Lane, PersonId

GOAL_SECONDS = 2.0
PAUSE = 0.1
WAYS = """
    SELECT extract(epoch FROM b.settled_at - e.created_at), b.accepted
    FROM orders_event e JOIN delivery_batch b ON b.mailing_id = e.mailing_id
    WHERE e.id = ANY(%s) AND b.state = 'settled'
"""


def run(stage: Stage, scale: Scale) -> list[Reading]:
    """Take order events one after the other while campaigns go out at full rate."""
    crowd, each = scale.pick(10_000, 20_000), scale.pick(30, 200)
    with smtp.sink() as taking, stage.house(crowd=crowd, smtp_port=taking.port) as house:
        house.worker()
        buyers = [PersonId(row[0]) for row in house.rows(
            "SELECT id FROM people_customer ORDER BY id LIMIT 100")]  # fmt: skip
        with full_rate(house, scale.pick(30, 120)) as running:
            ways = [_take(house, buyers, n, each) for n in range(scale.pairs)]
            speed = running.end()
    pairs = [Pair(percentile(way, 0.99), GOAL_SECONDS) for way in ways]
    middle = percentile([time for way in ways for time in way], 0.5)
    notes = [
        f"median {middle:.3g} s; {speed:,.0f} promotional mails/s meanwhile",
        "until the provider's answer is settled, which is after the hand-over",
    ]
    return [Reading(each, pairs, "each order update accepted once; books balanced", notes)]


def _take(house: House, buyers: list[PersonId], round_: int, count: int) -> list[float]:
    events = []
    for n in range(count):
        events.append(_an_event(house, buyers[n % len(buyers)], f"B{round_}-{n}"))
        time.sleep(PAUSE)
    wait_for(lambda: len(house.rows(WAYS, events)) == count, 60, "the last order updates")
    rows = house.rows(WAYS, events)
    if any(accepted != 1 for _, accepted in rows):
        raise CheckFailed("an order update was not accepted once")
    return [float(seconds) for seconds, _ in rows]


def _an_event(house: House, buyer: PersonId, number: str) -> int:
    """Take an order and the event that it was received, as the API does, and ring."""
    parts, now = house.parts, datetime.now(UTC)
    line = Line("TP-80", "Receipt printer TP-80", 1, 18_950)
    with parts.database.transaction() as session:
        order = NewOrder(number, buyer, "USD", (line,), 18_950, now)
        orders.place(session, parts.vault, order, now=now)
        event = OrderEvent(EventKind.RECEIVED, now, number=number)
        taken = orders.accept_event(session, parts.vault, event, brand=parts.brand, now=now)
    parts.ring(Lane.ORDERS)
    return taken.event_id


ORDER_UPDATES = Measure(
    "order updates",
    (
        Spec(
            "order update's way, event to hand-over, p99, while a campaign runs at full rate",
            "s",
            "2 s",
            1.0,
            Better.LESS,
            is_goal=True,
        ),
    ),
    run,
)
