"""While a campaign runs, people opt out at open batches: nothing begins after their answer.

`PROMISES_PEOPLE` and `PROMISES_OPT_OUTS` (before the gate, and as many after it) set the size; the
default is small enough for every run.
"""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailer import campaigns, delivery
from mailer.campaigns import Audience, CampaignId, NewCampaign
from mailer.delivery import Brake
from mailer.letters import PromotionalContent
from mailer.vocabulary import MailingId, Reason, Topic
from tests.people_of_tests import TestPerson, many_customers
from tests.promises.checkers import examine, promotional
from tests.promises.crowd import Crowd
from tests.promises.system import System, running_system
from tests.promises.witness import Act, read_log

PEOPLE = int(os.environ.get("PROMISES_PEOPLE", "4000"))
OPT_OUTS = int(os.environ.get("PROMISES_OPT_OUTS", "100"))
PACE = os.environ.get("PROMISES_PACE", "500")
SLICE = 500
"""The most people that a sender has in hand."""
UNHURRIED = (Act(step="dot", delay=0.005),)
"""A slice takes long enough that somebody's no is there before their message, on any machine."""
MINUTES = max(5.0, PEOPLE / 10_000)

CONTENT = {
    "subject": "Autumn release for {{ first_name }}",
    "preheader": "What is new in your shop this autumn.",
    "heading": "The autumn release is here",
    "body_markdown": "Dear {{ first_name }},\n\nmany things work better now, in {{ city }} too.",
    "button_label": "See what is new",
    "button_url": "https://shop.focalpointsystem.com/autumn",
}


def people_of(
    system: System, count: int, *, topics: Iterable[Topic] = (Topic.COMPANY_NEWS,)
) -> dict[int, TestPerson]:
    with system.parts.database.transaction() as session:
        now = datetime.now(UTC)
        made = many_customers(session, system.parts.vault, count, topics=topics, now=now)
    return {each.person_id: each for each in made}


def start_campaign(system: System) -> tuple[CampaignId, MailingId]:
    now = datetime.now(UTC)
    with system.parts.database.transaction() as session:
        campaign = campaigns.create(
            session,
            NewCampaign(
                name="Autumn release",
                topic=Topic.COMPANY_NEWS,
                content=PromotionalContent.model_validate(CONTENT),
                audience=Audience(),
                brake=Brake(unknown=100),  # workers are killed: what they leave in doubt is meant
            ),
            brand=system.parts.brand,
            by="test",
            now=now,
        )
        campaigns.approve(
            session, campaign.campaign_id, brand=system.parts.brand, by="second", now=now
        )
        started = campaigns.start(
            session, campaign.campaign_id, brand=system.parts.brand, by="test", now=now
        )
    assert started.mailing_id is not None
    return campaign.campaign_id, started.mailing_id


def books_of(system: System, mailing: MailingId) -> delivery.Books:
    with system.parts.database.reading() as session:
        return delivery.books(session, mailing)


def gate_drops(system: System, mailing: MailingId) -> int:
    """People refused after their batch had gone in hand: their no fell between claim and gate."""
    [(count,)] = system.rows(
        "SELECT count(*) FROM delivery_exception e JOIN delivery_batch b ON b.id = e.batch_id"
        " WHERE b.mailing_id = %s AND e.reason = %s AND e.at >= b.handing_at",
        mailing,
        Reason.NOT_ALL.value,
    )
    return int(count)


@pytest.mark.slow
@pytest.mark.timeout(MINUTES * 60 + 120)
@pytest.mark.clause("C08")
def test_no_hand_over_begins_after_an_acknowledged_opt_out(tmp_path: Path) -> None:
    with running_system(tmp_path, script=UNHURRIED) as system:
        system.environment["MAILER_PACE_PER_SECOND"] = PACE
        # Nobody is killed here, so nobody need be missed soon: a machine may be slow.
        system.environment |= {"MAILER_REPLY_TIMEOUT": "60", "MAILER_LEASE_SECONDS": "60"}
        people = people_of(system, PEOPLE)
        system.start_all()
        _, mailing = start_campaign(system)
        crowd = Crowd(system, system.parts.links, mailing, people, OPT_OUTS)
        crowd.begin()
        system.wait_for(
            lambda: books_of(system, mailing).to_go == 0, MINUTES * 60, "the campaign to end"
        )
        crowd.end()
        books, drops = books_of(system, mailing), gate_drops(system, mailing)
        handed = promotional(read_log(system.witness.log))
        ended = system.ended_by_the_kernel()
        found = examine(handed, crowd.log)
    print(
        f"people {PEOPLE}, opt-outs acknowledged {found.acknowledged}, gate drops {drops}, "
        f"barrier waits not begun {found.begun_after_the_no}, named {found.named}, "
        f"longest wait {found.longest_wait:.2f} s, senders ended {ended}"
    )
    assert found.broken == []
    assert found.twice == []
    assert crowd.failures == []
    assert books.balance
    assert books.audience == PEOPLE
    assert books.rejected == 0
    # A sender that the machine kept from running in the middle of its slice was ended, and rightly.
    assert books.unknown <= ended * SLICE
    taken = len({each.recipient for each in handed if each.accepted})
    assert books.accepted <= taken <= books.accepted + books.unknown
    # A run in which nothing crossed would prove nothing.
    assert drops > 0
    assert found.begun_after_the_no > 0
