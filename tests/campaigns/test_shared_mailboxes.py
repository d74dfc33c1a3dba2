"""Several customers at one mailbox get a campaign once, and every count says so before."""

import pytest

from mailer import campaigns, people, permission
from mailer.campaigns.audience import count_step
from mailer.delivery.doubles import _corrected
from mailer.people import NewProfile
from mailer.permission import Change
from mailer.vocabulary import Door, PersonId, Reason, Topic
from tests.campaigns.conftest import Desk, new_campaign


def at_the_till(desk: Desk, count: int) -> list[PersonId]:
    """Make customers who share a mailbox, each with a number of the shop's, strangers between."""
    made = []
    for number in range(count):
        made.append(_with_number_of_their_own(desk, f"till-{number}"))
        desk.customer(f"Stranger {number}")
    return made


def _with_number_of_their_own(desk: Desk, number: str) -> PersonId:
    profile = NewProfile(
        email="till@example.com", name="The Till", source="shop", external_id=number
    )
    yes = Change(
        door=Door.PREFERENCE_PAGE,
        policy_version="2026-11",
        topics_on=frozenset([Topic.COMPANY_NEWS]),
        words="Send me these.",
    )
    with desk.database.transaction() as session:
        made = people.upsert(session, desk.parts.vault, profile, now=desk.now)
        permission.admit(session, [made.person_id], now=desk.now)
        permission.apply(
            session,
            person_id=made.person_id,
            address_ids=[made.address_id],
            change=yes,
            reference=f"P-{number}",
            now=desk.now,
        )
    return made.person_id


def test_preview_count_and_books_agree_on_a_shared_mailbox(desk: Desk) -> None:
    at_the_till(desk, 3)
    campaign_id = desk.draft()
    with desk.database.transaction() as session:
        previewed = campaigns.preview_step(session, campaign_id, now=desk.now)
        counted = count_step(
            session, new_campaign().audience.rule, topic=Topic.COMPANY_NEWS, now=desk.now
        )
        at_once = campaigns.preview(session, campaign_id, brand=desk.parts.brand, now=desk.now)
    assert previewed == counted == at_once
    assert (previewed.audience, previewed.allowed) == (6, 4)
    assert previewed.refused == {Reason.NOT_SAME: 2}
    desk.do("start", campaign_id)
    desk.send_all()
    report = desk.report(campaign_id)
    assert (report.books.accepted, report.books.refused) == (4, {Reason.NOT_SAME: 2})
    assert report.drift is not None
    assert (report.drift.accepted, report.drift.refused) == (0, {Reason.NOT_SAME: 0})


def test_who_would_not_get_it_anyway_takes_it_from_nobody(desk: Desk) -> None:
    first, *_ = at_the_till(desk, 2)
    stop = Change(
        door=Door.PREFERENCE_PAGE,
        policy_version="2026-11",
        topics_off=frozenset([Topic.COMPANY_NEWS]),
    )
    desk.parts.opt_outs.change(first, stop)
    campaign_id = desk.draft()
    with desk.database.transaction() as session:
        counted = campaigns.preview_step(session, campaign_id, now=desk.now)
    desk.do("start", campaign_id)
    desk.send_all()
    books = desk.report(campaign_id).books
    assert (books.accepted, books.refused) == (counted.allowed, counted.refused)


@pytest.mark.parametrize(
    ("mailbox", "allowed", "held"),
    [
        ([False], 0, 0),
        ([True], 0, 0),
        ([False, False, False], -2, 0),
        ([True, True], 0, -1),
        ([False, True], 0, -1),
        ([False, False, True], -1, -1),
    ],
)
def test_who_is_held_gives_way_to_who_gets_it_now(
    mailbox: list[bool], allowed: int, held: int
) -> None:
    corrected = _corrected([mailbox])
    assert (corrected.allowed, corrected.held) == (allowed, held)
    assert sum(corrected.refused.values()) == -allowed - held == len(mailbox) - 1
