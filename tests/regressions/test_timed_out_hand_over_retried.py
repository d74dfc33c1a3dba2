"""Elsewhere a server took a message and its reply came too late, so that the message counted as
failed and was sent again and again (https://github.com/freescout-help-desk/freescout/issues/5457).

Here silence after the final dot is an outcome of its own, unknown, and promotional mail of unknown
fate is never sent again by itself; the books tell how many there are.
"""

from pathlib import Path

from mailer import delivery
from mailer.providers import Manners, SmtpProvider
from mailer.vocabulary import Lane
from tests.delivery.conftest import Road
from tests.delivery.conftest import road as road  # noqa: PLC0414 - a fixture
from tests.promises.witness import Act, witness_thread

IMPATIENT = Manners(connections=1, reply_timeout=0.3)


def test_a_message_that_was_taken_without_a_reply_is_given_to_the_server_once(
    road: Road, tmp_path: Path
) -> None:
    anna, ben = road.customer("Anna Becker"), road.customer("Ben Example")
    mailing = road.campaign()
    silent = Act("dot", anna.email, delay=30)
    with witness_thread(tmp_path / "witness.log", script=[silent]) as witness:
        provider = SmtpProvider(witness.url, manners=IMPATIENT)
        sender = road.worker(provider=provider)
        for _ in range(5):
            while sender.deliver_one(Lane.PROMOTIONAL):
                pass
            road.sweep()
            road.later(hours=6)
            road.sweep()
        provider.close()
    given = [each.recipient for each in witness.handed() if each.dot is not None]
    assert sorted(given) == [anna.email, ben.email]
    with road.database.reading() as session:
        books = delivery.books(session, mailing)
    assert books.balance
    assert (books.accepted, books.unknown, books.to_go) == (1, 1, 0)
