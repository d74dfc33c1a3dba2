"""A very large audience is cut in parts of the customers' numbers, and tells how far it is."""

import pytest

from mailer import campaigns
from mailer.campaigns._starting import stretches
from tests.campaigns.conftest import Desk


@pytest.mark.parametrize(
    ("last", "parts"),
    [(0, [None]), (10, [None]), (11, [(1, 11), (11, 21)]), (20, [(1, 11), (11, 21)])],
)
def test_the_parts_hold_every_number_once(last: int, parts: list[tuple[int, int] | None]) -> None:
    made = stretches(last, size=10)
    assert [each and (each.first, each.end) for each in made] == parts


def test_a_start_tells_how_far_it_is(desk: Desk) -> None:
    desk.customer("Anna Becker")
    campaign_id = desk.draft()
    told: list[tuple[int, int]] = []
    with desk.database.transaction() as session:
        campaigns.start(
            session,
            campaign_id,
            brand=desk.parts.brand,
            by="staff:jo",
            progress=lambda done, of: told.append((done, of)),
            now=desk.now,
        )
    assert told == [(1, 1)]
