"""How long a mailbox waits for the acknowledgement of an opt-out while a campaign is being sent.

Those who opt out are in none of the batches in hand, so that nothing holds their answer up but
the work itself: two commits, the journal's line on the disk, the look for batches in hand.
"""

import http.client
import time
from urllib.parse import urlsplit

from bench import smtp
from bench.full_rate import full_rate
from bench.pairing import percentile
from bench.stage import House, Stage
from bench.values import Better, CheckFailed, Measure, Pair, Reading, Scale, Spec
from mailer.links import Purpose

GOAL_MS = 50.0
PAUSE = 0.02
BODY = "List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def run(stage: Stage, scale: Scale) -> list[Reading]:
    """Post one-click opt-outs one after the other while campaigns go out at full rate."""
    crowd, each = scale.pick(10_000, 20_000), scale.pick(60, 400)
    runs = scale.pairs
    with (
        smtp.sink() as taking,
        stage.house(crowd=crowd, apart=each * runs, smtp_port=taking.port) as house,
    ):
        house.worker()
        web, tokens = house.web(), _tokens(house, each * runs)
        with full_rate(house, scale.pick(30, 120)) as running:
            waited = [_post_all(web, tokens[n * each : (n + 1) * each]) for n in range(runs)]
            speed = running.end()
        _check(house, each * runs)
    pairs = [Pair(percentile(times, 0.99), GOAL_MS) for times in waited]
    middle = percentile([time for times in waited for time in times], 0.5)
    notes = [f"median {middle:.3g} ms; {speed:,.0f} mails/s meanwhile; a connection each"]
    return [Reading(each, pairs, "each opt-out is in force; books balanced", notes)]


def _tokens(house: House, count: int) -> list[str]:
    rows = house.rows(
        "SELECT id, address_id FROM people_customer WHERE country = 'CH' ORDER BY id LIMIT %s",
        count,
    )
    return [house.parts.links.sign(Purpose.UNSUBSCRIBE, *row, 0) for row in rows]


def _post_all(web: str, tokens: list[str]) -> list[float]:
    times = []
    for token in tokens:
        times.append(_post(urlsplit(web).netloc, token))
        time.sleep(PAUSE)
    return times


def _post(where: str, token: str) -> float:
    """Opt out as a mailbox does it, over a connection of its own; return the milliseconds."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection(where, timeout=30)
    connection.request("POST", f"/u/{token}", BODY, FORM)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 200:
        raise CheckFailed(f"an opt-out was answered with {answer.status}")
    return (time.perf_counter() - began) * 1000


def _check(house: House, count: int) -> None:
    found = house.rows(
        "SELECT count(DISTINCT person_id) FROM permission_suppression WHERE lifted_at IS NULL"
    )
    if found[0][0] != count:
        raise CheckFailed(f"{count} opted out, {found[0][0]} are suppressed")


OPT_OUTS = Measure(
    "opt-outs",
    (
        Spec(
            "opt-out acknowledged, p99, while a campaign runs at full rate",
            "ms",
            "50 ms",
            1.0,
            Better.LESS,
            is_goal=True,
        ),
    ),
    run,
)
