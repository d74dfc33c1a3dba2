"""Workers killed while a digest is cut and while it is sent: nobody is told twice, nobody is missing.

`DIGEST_PEOPLE` and `DIGEST_PACE` set the size.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import psycopg
import pytest

from mailer import campaigns
from mailer.campaigns import Audience, CampaignId, Digest, NewCampaign, Plan
from mailer.delivery import Brake
from mailer.letters import PromotionalContent
from mailer.providers import MemoryProvider
from mailer.settings import read_settings
from mailer.vocabulary import MailingId, Topic
from tests.campaigns.conftest import BOTH, BY, DigestDesk, parts_over
from tests.people_of_tests import TestPerson, many_customers
from tests.promises.system import Part, System, running_system
from tests.promises.test_opt_outs_under_load import books_of
from tests.promises.trouble import SLOW_ANSWERS, aim, check_the_books, people_in_hand
from tests.promises.witness import read_log

UPDATES = Topic.SOFTWARE_UPDATES
KILLS = 3
WAITING = """
    SELECT a.client_port FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE NOT l.granted AND l.relation = 'delivery_roster'::regclass
"""


@contextmanager
def last_week(system: System) -> Iterator[DigestDesk]:
    """The same house nine days ago, when another provider took what was sent."""
    system.environment |= {"MAILER_CAP": "1/7d"}
    time = [datetime.now(UTC) - timedelta(days=9)]
    with parts_over(read_settings(system.environment), time) as parts:
        yield DigestDesk(parts, MemoryProvider(), time)


def held_back_from(desk: DigestDesk, count: int) -> dict[int, TestPerson]:
    """Let the cap hold two campaigns back from everybody, one of them from every third."""
    with desk.database.transaction() as session:
        made = many_customers(session, desk.parts.vault, count, topics=BOTH, now=desk.now)
    for each in made[::3]:
        desk.wish(each, topics_off=frozenset({UPDATES}))
    desk.held_back()
    return {each.person_id: each for each in made}


def due_at_once(desk: DigestDesk) -> CampaignId:
    """Schedule a digest for a moment that will have come before anybody works."""
    desk.time[0] = datetime.now(UTC)
    content = PromotionalContent(
        subject="All in one mail", heading="All in one mail", body_markdown="Here it is."
    )
    new = NewCampaign("Digest", Topic.COMPANY_NEWS, content, Audience(), digest=Digest())
    new = replace(new, brake=Brake(unknown=100))  # what the killed leave in doubt is meant
    with desk.database.transaction() as session:
        made = campaigns.create(session, new, brand=desk.parts.brand, by=BY, now=desk.now)
    desk.do("schedule", made.campaign_id, plan=Plan(at=desk.now + timedelta(seconds=1)))
    return made.campaign_id


def kill_in_mid_cutting(system: System) -> None:
    """kill -9 the worker whose process stands before the rosters of a digest, and let the table go."""
    with psycopg.connect(system.environment["MAILER_DATABASE_URL"]) as keeper:
        keeper.execute("LOCK TABLE delivery_roster IN SHARE MODE")
        system.start_all()
        system.wait_for(lambda: system.rows(WAITING), 30, "a digest to be cut")
        [(port,)] = system.rows(WAITING)
        worker = worker_at(system, port)
        worker.kill()
        assert system.rows("SELECT count(*) FROM delivery_batch WHERE variant > 0") == [(0,)]
    worker.start()


def worker_at(system: System, port: int) -> Part:
    """Return the worker that speaks to the database from a port."""
    for name in ("worker-1", "worker-2"):
        part = system.processes[name]
        assert part.process is not None
        pool = psutil.Process(part.process.pid).children(recursive=True)
        if any(line.laddr.port == port for each in pool for line in each.net_connections("tcp")):
            return part
    raise AssertionError("no worker has this connection")


def kill_while_sending(system: System) -> int:
    """kill -9 the workers in turn while they hand over, and lose every doorbell with each.

    Returns how many people were in hand.
    """
    at_risk = 0
    for n in range(KILLS):
        aim(system)
        worker = system.processes[f"worker-{n % 2 + 1}"]
        worker.kill()
        at_risk += people_in_hand(system)
        system.flush_broker()
        worker.start()
    return at_risk


def mailing_of(system: System, digest: CampaignId) -> MailingId:
    sql = "SELECT mailing_id FROM campaigns_campaign WHERE id = %s AND mailing_id IS NOT NULL"
    system.wait_for(lambda: system.rows(sql, digest), 30, "the digest to be cut after all")
    [(number,)] = system.rows(sql, digest)
    return MailingId(number)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.clause("C07")
def test_a_digest_tells_nobody_twice_and_forgets_nobody_whoever_dies(tmp_path: Path) -> None:
    count = int(os.environ.get("DIGEST_PEOPLE", "300"))
    with running_system(tmp_path, script=SLOW_ANSWERS) as system, last_week(system) as desk:
        system.environment["MAILER_PACE_PER_SECOND"] = os.environ.get("DIGEST_PACE", "60")
        people = held_back_from(desk, count)
        digest = due_at_once(desk)
        kill_in_mid_cutting(system)
        mailing = mailing_of(system, digest)
        at_risk = kill_while_sending(system)
        system.wait_for(lambda: books_of(system, mailing).to_go == 0, 120, "the digest to end")
        books, handed = books_of(system, mailing), read_log(system.witness.log)
        sets = system.rows("SELECT DISTINCT variant FROM delivery_batch WHERE variant > 0")
        desk.time[0] = datetime.now(UTC)
        next_one = desk.ahead(desk.digest(within_days=60))
    print(f"accepted {books.accepted}, unknown {books.unknown}, in hand at a kill {at_risk}")
    assert len(sets) == 2, "two sets, so that both are cut and sent"
    check_the_books(handed, books, people)
    assert at_risk > 0, "a run in which nobody was hit would prove nothing"
    assert books.unknown <= at_risk, "unknown only for people in hand at a kill"
    assert next_one.told_of == (), "who was told, or may have been, is not told by the next one"
