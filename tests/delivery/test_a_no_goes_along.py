"""A no outlives merges, moves, registrations and lists, whoever or whatever it was held by (C08)."""

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from mailer import delivery, people, permission, support
from mailer.delivery import News
from mailer.journal import JournalLine, JournalUnwritable, read_journal
from mailer.people import NewProfile
from mailer.permission import Change, ImportedYes, NewSuppression, Standing
from mailer.vocabulary import (
    AddressId,
    Door,
    Frequency,
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


def test_a_merge_makes_no_permission_of_what_the_merged_customer_asked_for(road: Road) -> None:
    jo = road.customer("Jo Example", topics=NEWS)
    anna = road.customer("Anna Becker", topics=NEWS | UPDATES)
    road.opt_outs.merge(survivor=jo.person_id, merged=anna.person_id)
    assert standing(road, jo.person_id).topics_on == NEWS
    assert sent(road, topic=Topic.SOFTWARE_UPDATES) == []
    assert sent(road, "campaign:2") == [JO]


def test_a_topic_that_the_merged_customer_switched_off_is_off_for_the_survivor(road: Road) -> None:
    jo = road.customer("Jo Example", topics=NEWS | UPDATES)
    anna = road.customer("Anna Becker", topics=NEWS | UPDATES)
    road.opt_outs.change(anna.person_id, replace(WISH, topics_off=NEWS))
    road.opt_outs.merge(survivor=jo.person_id, merged=anna.person_id)
    assert standing(road, jo.person_id).topics_on == UPDATES
    assert sent(road) == []
    assert sent(road, "campaign:2", Topic.SOFTWARE_UPDATES) == [JO]


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


def removed(road: Road, email: str, scope: Scope) -> support.Removed:
    return support.remove(
        road.database,
        road.vault,
        road.opt_outs,
        email,
        support.Removal(scope),
        by=support.Remover(Door.SUPPORT, "staff:7", road.now),
    )


@pytest.mark.parametrize("is_merged", [False, True])
def test_who_asks_from_a_former_address_is_removed(road: Road, is_merged: bool) -> None:
    jo, anna = road.customer("Jo Example"), road.customer("Anna Becker", topics=())
    road.opt_outs.change_address(jo.person_id, NEW)
    if is_merged:
        road.opt_outs.merge(survivor=anna.person_id, merged=jo.person_id)
    [(person_id, _)] = removed(road, JO, Scope.PROMOTIONAL).acknowledgements
    assert person_id == (anna if is_merged else jo).person_id
    assert sent(road) == []


def test_who_wants_no_mail_at_all_from_a_former_address_gets_none_at_any(road: Road) -> None:
    jo = road.customer("Jo Example")
    road.opt_outs.change_address(jo.person_id, NEW)
    number = removed(road, JO, Scope.ALL).suppression_id
    road.order_update(TestPerson(jo.person_id, address(road, NEW), NEW))
    road.sender.deliver_one(Lane.ORDERS)
    assert road.got() == []
    assert number is not None
    with road.database.transaction() as session:
        permission.lift(session, number, why="They want their order updates.", now=road.now)
    road.order_update(TestPerson(jo.person_id, address(road, NEW), NEW), "order:2:shipped:1")
    road.sender.deliver_one(Lane.ORDERS)
    assert road.got() == [NEW]


def noted(road: Road) -> list[tuple[str, dict[str, int | str]]]:
    """The journal's nos and yeses, without what each line has."""
    lines = [line for line in read_journal(road.journal.folder) if isinstance(line, JournalLine)]
    always = {"person", "version", "reference", "addresses", "marks", "door", "policy"}
    told = [line for line in lines if line.kind in {"yes", "no"}]
    return [(line.kind, {k: v for k, v in line.ids.items() if k not in always}) for line in told]


def test_the_journal_holds_what_brings_a_no_back(road: Road) -> None:
    jo, anna = road.customer("Jo Example"), road.customer("Anna Becker")
    until = road.now + timedelta(days=30)
    road.opt_outs.change(jo.person_id, replace(WISH, paused_until=until, topics_off=NEWS))
    road.opt_outs.change(jo.person_id, replace(WISH, frequency=Frequency.MONTHLY, topics_off=NEWS))
    road.opt_outs.change(jo.person_id, replace(WISH, frequency=Frequency.WEEKLY))
    suppress(road, replace(OPT_OUT, scope=Scope.TOPIC, topic=Topic.PARTNER_OFFERS, until=until))
    road.opt_outs.merge(survivor=jo.person_id, merged=anna.person_id)
    road.opt_outs.change_address(jo.person_id, NEW)
    assert noted(road) == [
        ("no", {"acts": "no:company_news,pause", "pause": until.isoformat()}),
        ("no", {"acts": "less_often,no:company_news", "less_often": "monthly"}),
        ("yes", {"acts": "more_often", "more_often": "weekly"}),
        (
            "no",
            {
                "acts": "suppress",
                "scope": "topic",
                "reason": "opt_out",
                "topic": "partner_offers",
                "until": until.isoformat(),
            },
        ),
        ("no", {"acts": "merge", "merged": anna.person_id}),
        ("no", {"acts": "move", "address": address(road, NEW)}),
    ]


@pytest.mark.parametrize(
    ("heard", "scope", "reason"),
    [(Heard.COMPLAINED, "promotional", "complaint"), (Heard.BOUNCED, "all", "hard_bounce")],
)
def test_a_complaint_and_a_bounce_that_were_heard_stand_in_the_journal(
    road: Road, heard: Heard, scope: str, reason: str
) -> None:
    jo = road.customer("Jo Example")
    mailing = road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    news = News(mailing, jo.person_id, heard, road.now, code=550, detail="5.1.1 no such user")
    line = ("no", {"acts": "suppress", "scope": scope, "reason": reason})
    road.opt_outs.hear(news)
    assert noted(road) == [line]
    road.opt_outs.hear(news)
    assert noted(road) == [line, line]  # who is told twice may have seen the first time fail


@pytest.mark.parametrize("heard", [Heard.COMPLAINED, Heard.BOUNCED])
def test_a_no_that_the_journal_missed_is_in_it_when_the_news_come_again(
    road: Road, heard: Heard
) -> None:
    jo, anna = road.customer("Jo Example"), road.customer("Anna Becker")
    mailing = road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    news = [
        News(mailing, each.person_id, heard, road.now, code=550, detail="5.1.1 no such user")
        for each in (jo, anna)
    ]
    road.journal.close()
    shutil.rmtree(road.journal.folder)
    road.journal.folder.write_text("no folder")  # as a disk that fails
    with pytest.raises(JournalUnwritable):
        road.opt_outs.hear(*news)
    road.journal.folder.unlink()
    road.opt_outs.hear(*news)
    assert len(noted(road)) == 2


def test_news_of_a_bounce_that_come_again_bring_back_nothing_that_was_lifted(road: Road) -> None:
    jo = road.customer("Jo Example")
    mailing = road.campaign()
    road.sender.deliver_one(Lane.PROMOTIONAL)
    bounce = News(mailing, jo.person_id, Heard.BOUNCED, road.now, code=550, detail="5.1.1 no")
    road.opt_outs.hear(bounce)
    told = noted(road)
    with road.database.transaction() as session:
        (held,) = permission.suppressions_page(session, address_ids=[jo.address_id])
        permission.lift(session, held.id, why="The mailbox is back.", now=road.now)
    road.opt_outs.hear(bounce)
    assert noted(road) == told
    with road.database.reading() as session:
        assert permission.suppressions_page(session, address_ids=[jo.address_id]) == []


def test_what_an_old_page_wanted_looser_is_named_and_not_done(road: Road) -> None:
    jo = road.customer("Jo Example")
    seen = standing(road, jo.person_id).version
    until = road.now + timedelta(days=90)
    less = replace(WISH, tracking=False, paused_until=until, frequency=Frequency.MONTHLY)
    road.opt_outs.change(jo.person_id, less)
    more = replace(WISH, tracking=True, resume=True, frequency=Frequency.WEEKLY, seen_version=seen)
    said = road.opt_outs.change(jo.person_id, more)
    assert said.stale_manners == {"tracking", "pause", "frequency"}
    held = standing(road, jo.person_id)
    assert (held.tracking, held.paused_until, held.frequency) == (False, until, Frequency.MONTHLY)
