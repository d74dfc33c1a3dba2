"""A no outlives merges, moves, registrations and lists, whoever or whatever it was held by (C08)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mailer import delivery, people, permission, support
from mailer.delivery import News
from mailer.people import NewProfile
from mailer.permission import Change, ImportedYes, NewSuppression, Standing
from mailer.vocabulary import (
    AddressId,
    Door,
    Heard,
    Lane,
    PersonId,
    Scope,
    SuppressionReason,
    Topic,
)
from tests.delivery.conftest import Road
from tests.people_of_tests import TestPerson

pytestmark = pytest.mark.clause("C08")

WISH = Change(door=Door.PREFERENCE_PAGE, policy_version="2026-11", words="Send me these by e-mail.")
STOP = replace(WISH, stop_all=True)
NEWS, UPDATES = frozenset({Topic.COMPANY_NEWS}), frozenset({Topic.SOFTWARE_UPDATES})
OPT_OUT = NewSuppression(Scope.PROMOTIONAL, SuppressionReason.OPT_OUT, Door.API)
JO = "jo.example@example.com"
NEW = "jo@new.example.com"


def address(road: Road, email: str = JO) -> AddressId:
    with road.database.transaction() as session:
        found = people.address_id_of(session, road.vault, email, create=True)
    assert found is not None
    return found


def listed(road: Road, person_id: PersonId, topics: frozenset[Topic] = NEWS) -> int:
    """Import a list that claims a yes; return how many topics it switched on."""
    with road.database.transaction() as session:
        return permission.import_permissions(
            session,
            [ImportedYes(person_id, topics, "shop")],
            policy_version="2026-11",
            reference="P-LIST-0001",
            now=road.now,
        )


def registered(road: Road, email: str) -> PersonId:
    """Somebody new to the shop, at an address that may have been another's."""
    with road.database.transaction() as session:
        profile = NewProfile(email=email, source="shop", external_id=f"S-{email}")
        made = people.upsert(session, road.vault, profile, now=road.now)
        assert made.created
        permission.admit(session, [made.person_id], now=road.now)
    return made.person_id


def standing(road: Road, person_id: PersonId) -> Standing:
    with road.database.reading() as session:
        found = permission.standing_of(session, person_id)
    assert found is not None
    return found


def sent(road: Road, key: str = "campaign:1", topic: Topic = Topic.COMPANY_NEWS) -> list[str]:
    """Send a campaign to everybody; return who got it."""
    road.provider.accepted.clear()
    road.campaign(key, topic)
    while road.sender.deliver_one(Lane.PROMOTIONAL):
        pass
    return road.got()


def suppress(road: Road, new: NewSuppression, email: str = JO) -> int:
    number, _ = road.opt_outs.suppress(replace(new, address_id=address(road, email)))
    return number


@pytest.mark.parametrize("topic", [None, Topic.COMPANY_NEWS])
def test_no_list_switches_on_who_comes_to_an_address_that_said_no(
    road: Road, topic: Topic | None
) -> None:
    new = replace(OPT_OUT, scope=Scope.TOPIC, topic=topic) if topic else OPT_OUT
    suppress(road, new)
    jo = registered(road, JO)
    assert listed(road, jo) == 0
    road.opt_outs.change_address(jo, NEW)
    assert listed(road, jo) == 0
    assert sent(road) == []


def test_a_bounce_of_a_former_mailbox_stays_there(road: Road) -> None:
    jo = road.customer("Jo Example")
    suppress(road, NewSuppression(Scope.ALL, SuppressionReason.HARD_BOUNCE, Door.BOUNCE))
    road.opt_outs.change_address(jo.person_id, NEW)
    assert sent(road) == [NEW]
    assert listed(road, jo.person_id, UPDATES) == 1


def test_a_no_of_the_new_address_holds_for_who_moves_there_and_on(road: Road) -> None:
    jo = road.customer("Jo Example")
    suppress(road, OPT_OUT, NEW)
    road.opt_outs.change_address(jo.person_id, NEW)
    road.opt_outs.change_address(jo.person_id, "jo@third.example.com")
    assert sent(road) == []


def test_a_removal_from_all_mail_moves_along(road: Road) -> None:
    jo = road.customer("Jo Example")
    remover = support.Remover(Door.SUPPORT, "staff:7", road.now)
    removal = support.Removal(Scope.ALL)
    support.remove(road.database, road.vault, road.opt_outs, jo.email, removal, by=remover)
    road.opt_outs.change_address(jo.person_id, NEW)
    moved = TestPerson(jo.person_id, address(road, NEW), NEW)
    road.order_update(moved)
    while road.sender.deliver_one(Lane.ORDERS):
        pass
    assert road.got() == []


def test_a_no_that_ends_does_not_take_the_place_of_one_that_does_not(road: Road) -> None:
    jo = road.customer("Jo Example")
    suppress(road, replace(OPT_OUT, until=road.now + timedelta(days=1)))
    suppress(road, OPT_OUT)
    road.opt_outs.change_address(jo.person_id, NEW)
    road.later(days=2)
    assert sent(road) == []


def test_a_no_of_the_merged_customers_address_holds_for_the_survivor(road: Road) -> None:
    jo, anna = road.customer("Jo Example"), road.customer("Anna Becker")
    suppress(road, replace(OPT_OUT, reason=SuppressionReason.COMPLAINT), anna.email)
    road.opt_outs.merge(survivor=jo.person_id, merged=anna.person_id)
    assert sent(road) == []


def test_the_survivors_no_holds_at_the_merged_customers_address(road: Road) -> None:
    jo, anna = road.customer("Jo Example"), road.customer("Anna Becker")
    road.opt_outs.change(jo.person_id, STOP)
    road.opt_outs.merge(survivor=jo.person_id, merged=anna.person_id)
    again = registered(road, anna.email)
    assert listed(road, again) == 0
    assert sent(road) == []


def test_a_complaint_after_a_merge_reaches_the_survivor_and_every_address(road: Road) -> None:
    jo, anna = road.customer("Jo Example"), road.customer("Anna Becker")
    mailing = road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    road.opt_outs.merge(survivor=jo.person_id, merged=anna.person_id)
    with road.database.transaction() as session:
        news = News(mailing, anna.person_id, Heard.COMPLAINED, road.now)
        delivery.hear(session, news, now=road.now)
    assert listed(road, registered(road, anna.email)) == 0
    assert sent(road, "campaign:2") == []


def test_a_stop_answers_every_topic_so_that_no_list_starts_one_later(road: Road) -> None:
    jo = road.customer("Jo Example", topics=())
    road.opt_outs.change(jo.person_id, STOP)
    road.opt_outs.change(jo.person_id, replace(WISH, topics_on=NEWS))
    assert listed(road, jo.person_id, UPDATES) == 0
    assert sent(road, topic=Topic.SOFTWARE_UPDATES) == []


def test_a_no_held_by_address_is_shown_and_ended_by_ones_own_yes(road: Road) -> None:
    suppress(road, OPT_OUT)
    jo = registered(road, JO)
    shown = standing(road, jo)
    assert shown.stopped_since == road.now
    road.opt_outs.change(jo, replace(WISH, topics_on=NEWS, seen_version=shown.version))
    assert standing(road, jo).stopped_since is None
    assert listed(road, jo, UPDATES) == 0
    assert sent(road) == [JO]


def test_a_topic_that_the_address_refused_is_shown_off_until_their_own_yes(road: Road) -> None:
    jo = road.customer("Jo Example")
    suppress(road, replace(OPT_OUT, scope=Scope.TOPIC, topic=Topic.COMPANY_NEWS))
    assert standing(road, jo.person_id).topics_on == frozenset()
    road.opt_outs.change(jo.person_id, replace(WISH, topics_on=NEWS))
    assert standing(road, jo.person_id).topics_on == NEWS
    assert sent(road) == [JO]


def test_a_page_from_before_a_no_by_address_does_not_end_it(road: Road) -> None:
    jo = road.customer("Jo Example")
    seen = standing(road, jo.person_id).version
    suppress(road, OPT_OUT)
    yes = replace(WISH, topics_on=NEWS, seen_version=seen)
    assert road.opt_outs.change(jo.person_id, yes).stale == NEWS
    assert sent(road) == []


def test_a_shared_addresss_no_is_not_ended_by_one_of_its_customers(road: Road) -> None:
    suppress(road, OPT_OUT)
    jo = registered(road, JO)
    with road.database.transaction() as session:
        profile = NewProfile(email=JO, name="Kim Example", source="shop", external_id="S-9")
        kim = people.upsert(session, road.vault, profile, now=road.now)
        permission.admit(session, [kim.person_id], now=road.now)
    road.opt_outs.change(jo, replace(WISH, topics_on=NEWS))
    assert standing(road, jo).stopped_since == road.now
    assert sent(road) == []


def test_who_comes_to_a_former_address_may_say_yes_and_the_former_customers_no_holds(
    road: Road,
) -> None:
    anna = road.customer("Anna Becker")
    road.opt_outs.change(anna.person_id, STOP)
    road.opt_outs.change_address(anna.person_id, NEW)
    later = registered(road, anna.email)
    assert standing(road, later).stopped_since == road.now
    road.opt_outs.change(later, replace(WISH, topics_on=NEWS))
    assert standing(road, anna.person_id).stopped_since == road.now
    assert sent(road) == [anna.email]


def test_a_repeated_no_makes_an_older_page_stale(road: Road) -> None:
    jo = road.customer("Jo Example")
    first = road.opt_outs.change(jo.person_id, STOP)
    assert road.opt_outs.change(jo.person_id, STOP).already_since == road.now
    yes = replace(WISH, topics_on=NEWS, seen_version=first.version)
    assert road.opt_outs.change(jo.person_id, yes).stale == NEWS
