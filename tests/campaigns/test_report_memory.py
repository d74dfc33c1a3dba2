"""A report and the choice of a winner take the same memory however often people clicked."""

import tracemalloc
from datetime import timedelta

from sqlalchemy import text

from mailer import campaigns, orders
from mailer.campaigns import CampaignId
from mailer.orders import NewOrder
from mailer.vocabulary import MailingId
from tests.campaigns.conftest import Desk
from tests.campaigns.split import a_split, crowd, started

PEOPLE, BUYERS = 100, 40


def test_a_split_tests_report_does_not_grow_with_the_clicks(desk: Desk) -> None:
    campaign_id, mailing_id = _sent_and_ordered(desk)
    _click(desk, mailing_id, times=20)
    _peak_of_a_report(desk, campaign_id)  # what is loaded and kept by the first of all
    few = _peak_of_a_report(desk, campaign_id)
    _click(desk, mailing_id, times=480)
    assert _peak_of_a_report(desk, campaign_id) < few + 50_000


def _sent_and_ordered(desk: Desk) -> tuple[CampaignId, MailingId]:
    people = crowd(desk, PEOPLE)
    campaign_id, mailing_id = started(desk, a_split())
    desk.send_all()
    placed = desk.now + timedelta(days=1)
    with desk.database.transaction() as session:
        for person in people[:BUYERS]:
            new = NewOrder(f"o-{person.person_id}", person.person_id, "EUR", (), 500, placed)
            orders.place(session, desk.parts.vault, new, now=desk.now)
    return campaign_id, mailing_id


def _click(desk: Desk, mailing_id: MailingId, *, times: int) -> None:
    """Let everybody click so many times more, which was judged already."""
    with desk.database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO measure_click (id, mailing_id, person_id, n, kind, at, origin)"
                " SELECT gen_random_uuid(), :mailing_id, c.id, 0, 'get',"
                " CAST(:now AS timestamptz) + k * interval '1 minute', 'person'"
                " FROM people_customer c, generate_series(1, :times) AS g(k)"
            ),
            {"mailing_id": mailing_id, "now": desk.now, "times": times},
        )


def _peak_of_a_report(desk: Desk, campaign_id: CampaignId) -> int:
    """Make the report; return how many bytes that took at most."""
    tracemalloc.start()
    try:
        with desk.database.reading() as session:
            told = campaigns.full_report_of(session, desk.parts.vault, campaign_id, now=desk.now)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert told.figures is not None
    assert told.figures.totals["clicked"] != 0, "withheld, since everybody did, but not nobody"
    assert [each.currency for each in told.figures.money] == ["EUR"]
    return peak
