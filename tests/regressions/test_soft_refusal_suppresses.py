"""Elsewhere refusals that would have passed put a reader on the suppression list, once there were
enough of them (https://github.com/postalserver/postal/issues/2618).

Here only a reply that says that the mailbox does not exist (RFC 3463 X.1.x) suppresses an address; for
every other refusal, however often it comes, the next mail is offered again.
"""

from pathlib import Path

import pytest

from mailer import permission
from mailer.delivery import News
from mailer.providers import Manners, SmtpProvider
from mailer.vocabulary import Heard, Lane
from tests.delivery.conftest import Road
from tests.delivery.conftest import road as road  # noqa: PLC0414 - a fixture
from tests.promises.witness import Act, witness_thread

SOFT = [
    "451 4.7.1 greylisted, come back later",
    "452 4.2.2 mailbox full",
    "550 5.7.1 the reputation of your network is very low",
    "552 5.2.2 mailbox full",
    "554 5.6.0 we do not like this content",
]
HARD = "550 5.1.1 no such mailbox"
ONE = Manners(connections=1, reply_timeout=5)


def deliver(road: Road) -> None:
    """Send what is due, and what is tried again within minutes."""
    for _ in range(3):
        while road.sender.deliver_one(Lane.PROMOTIONAL):
            road.later(seconds=1)
        road.later(minutes=1)


def suppressed_by(road: Road, folder: Path, reply: str) -> int:
    """Let a server refuse somebody again and again; return how many suppressions that makes."""
    jo = road.customer("Jo Example")
    refusal = Act("rcpt", jo.email, reply=reply)
    with witness_thread(folder / "witness.log", script=[refusal]) as witness:
        provider = SmtpProvider(witness.url, manners=ONE)
        road.sender = road.worker(provider=provider)
        for n in range(4):
            mailing = road.campaign(f"campaign:{n}")
            deliver(road)
            code, _, words = reply.partition(" ")
            news = News(mailing, jo.person_id, Heard.BOUNCED, road.now, int(code), words)
            road.opt_outs.hear(news)
            road.later(days=1)
        witness.play([])
        road.campaign("campaign:last")
        deliver(road)
        provider.close()
    with road.database.reading() as session:
        page = permission.suppressions_page(session, address_ids=[jo.address_id])
    assert bool(page) is (witness.accepted() == [])
    return len(page)


@pytest.mark.parametrize("reply", SOFT)
def test_who_is_refused_softly_again_and_again_is_still_offered_the_next_mail(
    road: Road, tmp_path: Path, reply: str
) -> None:
    assert suppressed_by(road, tmp_path, reply) == 0


def test_a_mailbox_that_does_not_exist_is_suppressed(road: Road, tmp_path: Path) -> None:
    assert suppressed_by(road, tmp_path, HARD) == 1
