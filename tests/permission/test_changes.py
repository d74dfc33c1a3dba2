"""Yeses and nos against real PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy.exc
from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

from mailer import people, permission
from mailer.permission import (
    Change,
    Facts,
    ImportedYes,
    NewSuppression,
    decide,
    nos_against,
    standing_from,
    standings_of,
    suppressions_from,
)
from mailer.vault import Vault
from mailer.vocabulary import (
    AddressId,
    Door,
    Frequency,
    PersonId,
    Reason,
    Refused,
    Scope,
    Stream,
    SuppressionReason,
    Topic,
)
from tests.people_of_tests import TestPerson, a_customer

NEWS, UPDATES = Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES
Wish = Callable[..., permission.Applied]


@pytest.fixture
def jo(session: Session, vault: Vault, now: datetime) -> TestPerson:
    return a_customer(session, vault, topics=(NEWS, UPDATES), now=now)


@pytest.fixture
def wish(session: Session, now: datetime) -> Wish:
    def _wish(person: TestPerson, minutes: int = 1, **change: Any) -> permission.Applied:
        return permission.apply(
            session,
            person_id=person.person_id,
            address_ids=[person.address_id],
            change=Change(door=Door.PREFERENCE_PAGE, policy_version="2026-11", **change),
            reference=f"P-WISH-{minutes:04}",
            now=now + timedelta(minutes=minutes),
        )

    return _wish


def verdict(session: Session, person: TestPerson, topic: Topic, at: datetime) -> Reason | None:
    persons, addresses = (
        bindparam(name, [number], type_=ARRAY(BigInteger))
        for name, number in (("persons", person.person_id), ("addresses", person.address_id))
    )
    row = session.execute(standings_of(persons)).one_or_none()
    nos = session.execute(nos_against(persons, addresses)).scalar_one()
    against = suppressions_from(nos or [], {person.person_id: person.address_id})
    facts = replace(
        standing_from(row) if row else Facts(), suppressions=against.get(person.person_id, ())
    )
    decided = decide(Stream.PROMOTIONAL, topic, facts, now=at)
    return decided.reason if isinstance(decided, Refused) else None


@pytest.mark.clause("C08")
def test_stop_all_holds_for_every_topic_and_repeating_it_is_success(
    session: Session, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    first = wish(jo, 1, stop_all=True)
    again = wish(jo, 2, stop_all=True)
    assert first.already_since is None
    assert again.already_since == now + timedelta(minutes=1)
    assert again.version == first.version + 1  # a page from between is stale
    for topic in Topic:
        assert verdict(session, jo, topic, now + timedelta(days=400)) in {Reason.NOT_ALL}


@pytest.mark.clause("C08")
def test_a_yes_after_a_stop_is_a_yes_to_what_it_names(
    session: Session, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    wish(jo, 1, stop_all=True)
    wish(jo, 2, topics_on=frozenset({UPDATES}))
    assert verdict(session, jo, UPDATES, now + timedelta(hours=1)) is None
    assert verdict(session, jo, NEWS, now + timedelta(hours=1)) is Reason.NOT_TOPIC


@pytest.mark.clause("C08")
def test_what_a_yes_after_a_stop_does_not_name_stays_a_no_of_the_address(
    session: Session, vault: Vault, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    wish(jo, 1, stop_all=True)
    wish(jo, 2, topics_on=frozenset({UPDATES}))
    standing = permission.standing_of(session, jo.person_id)
    assert standing is not None
    off = standing.topics[NEWS]
    assert (off.on, off.since, standing.stopped_since) == (False, now + timedelta(minutes=1), None)
    people.erase(session, vault, jo.person_id, now=now)
    permission.forget(session, jo.person_id)
    again = a_customer(session, vault, email=jo.email, topics=(), now=now)
    assert again.person_id != jo.person_id
    listed = [ImportedYes(again.person_id, frozenset({NEWS, UPDATES}), "shop")]
    permission.import_permissions(
        session, listed, policy_version="2026-11", reference="P-LIST-0001", now=now
    )
    later = now + timedelta(hours=1)
    assert verdict(session, again, NEWS, later) is Reason.NOT_TOPIC
    assert verdict(session, again, UPDATES, later) is None


@pytest.mark.clause("C08")
def test_a_wish_of_nos_and_a_yes_writes_each_and_the_standing_they_come_to(
    session: Session, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    wish(jo, 1, stop_all=True)
    until = now + timedelta(days=30)
    mixed = wish(
        jo, 2, topics_off=frozenset({NEWS}), topics_on=frozenset({UPDATES}), paused_until=until
    )
    assert mixed.acts == (("no", NEWS), ("yes", UPDATES), ("pause", None))
    assert verdict(session, jo, UPDATES, until + timedelta(hours=1)) is None
    assert verdict(session, jo, NEWS, until + timedelta(hours=1)) is Reason.NOT_TOPIC
    spoken = permission.receipt_of(session, jo.person_id, mixed.reference)
    assert [(each.act, each.topic) for each in spoken] == list(mixed.acts)
    assert {each.version for each in spoken} == {mixed.version}
    standing = permission.standing_of(session, jo.person_id)
    assert standing is not None
    assert (standing.version, standing.paused_until) == (mixed.version, until)


def test_a_yes_from_an_old_page_is_asked_again_while_its_nos_hold(
    session: Session, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    wish(jo, 1, topics_off=frozenset({NEWS}))
    stale = wish(
        jo,
        2,
        topics_on=frozenset({NEWS}),
        topics_off=frozenset({UPDATES}),
        seen_version=0,
    )
    assert stale.stale == frozenset({NEWS})
    assert verdict(session, jo, NEWS, now + timedelta(hours=1)) is Reason.NOT_TOPIC
    assert verdict(session, jo, UPDATES, now + timedelta(hours=1)) is Reason.NOT_TOPIC


def test_a_no_reaches_the_address_whoever_else_uses_it(
    session: Session, vault: Vault, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    made = people.upsert(
        session,
        vault,
        people.NewProfile(email=jo.email, name="Kim Example", source="shop", external_id="S-9"),
        now=now,
    )
    permission.admit(session, [made.person_id], now=now)
    kim = TestPerson(PersonId(made.person_id), AddressId(made.address_id), jo.email)
    wish(jo, 1, stop_all=True)
    assert verdict(session, kim, NEWS, now + timedelta(hours=1)) is Reason.NOT_ALL


@pytest.mark.clause("C26")
def test_each_wish_keeps_its_words_door_and_policy_version(
    session: Session, jo: TestPerson, wish: Wish
) -> None:
    wish(jo, 1, topics_off=frozenset({NEWS}), words="No company news, please.")
    last = permission.consents_of(session, jo.person_id)[-1]
    assert (last.act, last.topic, last.words) == ("no", NEWS, "No company news, please.")
    assert (last.door, last.policy_version) == (Door.PREFERENCE_PAGE, "2026-11")
    assert permission.receipt_of(session, jo.person_id, last.reference) == [last]


@pytest.mark.clause("C26")
@pytest.mark.parametrize(
    "statement", ["UPDATE permission_consent SET words = 'other'", "DELETE FROM permission_consent"]
)
def test_nothing_in_the_consent_ledger_is_ever_altered(
    session: Session, jo: TestPerson, statement: str
) -> None:
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="never altered"):
        session.execute(text(statement))


@pytest.mark.clause("C08")
def test_an_import_starts_a_topic_but_never_answers_a_no(
    session: Session, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    wish(jo, 1, topics_off=frozenset({NEWS}))
    rows = [ImportedYes(jo.person_id, frozenset({NEWS, Topic.PRODUCT_INFORMATION}), "shop")]
    added = permission.import_permissions(
        session, rows, policy_version="2026-11", reference="P-LIST-0001", now=now
    )
    assert added == 1
    later = now + timedelta(hours=1)
    assert verdict(session, jo, NEWS, later) is Reason.NOT_TOPIC
    assert verdict(session, jo, Topic.PRODUCT_INFORMATION, later) is None


@pytest.mark.clause("C08")
def test_an_import_adds_nothing_for_who_stopped_everything(
    session: Session, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    wish(jo, 1, stop_all=True)
    rows = [ImportedYes(jo.person_id, frozenset({Topic.PRODUCT_INFORMATION}), "shop")]
    assert (
        permission.import_permissions(
            session, rows, policy_version="2026-11", reference="P-LIST-0001", now=now
        )
        == 0
    )


@pytest.mark.clause("C08")
def test_of_two_merged_customers_the_more_restrictive_wins(
    session: Session, vault: Vault, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    anna = a_customer(session, vault, "Anna Becker", topics=(NEWS, UPDATES), now=now)
    wish(anna, 1, topics_off=frozenset({NEWS}), frequency=Frequency.MONTHLY, tracking=False)
    permission.merge(session, survivor=jo.person_id, merged=anna.person_id, now=now)
    later = now + timedelta(hours=1)
    standing = permission.standing_of(session, jo.person_id)
    assert standing is not None
    assert (standing.frequency, standing.tracking) == (Frequency.MONTHLY, False)
    assert verdict(session, jo, NEWS, later) is Reason.NOT_TOPIC
    assert verdict(session, jo, UPDATES, later) is None


@pytest.mark.clause("C08")
def test_a_page_from_before_a_merge_is_out_of_date_whose_ever_it_was(
    session: Session, vault: Vault, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    anna = a_customer(session, vault, "Anna Becker", topics=(NEWS,), now=now)
    wish(anna, 1, topics_off=frozenset({UPDATES}))
    page = wish(anna, 2, topics_on=frozenset({UPDATES})).version
    wish(jo, 3, topics_off=frozenset({NEWS}))
    merged = permission.merge(session, survivor=jo.person_id, merged=anna.person_id, now=now)
    people.merge(session, survivor=jo.person_id, merged=anna.person_id, now=now)
    assert merged > page
    said = wish(jo, 4, topics_on=frozenset({NEWS}), seen_version=page)
    assert said.stale == frozenset({NEWS})
    assert verdict(session, jo, NEWS, now + timedelta(hours=1)) is Reason.NOT_TOPIC


@pytest.mark.clause("C08")
def test_a_merge_gives_no_permission_that_the_survivor_did_not(
    session: Session, vault: Vault, now: datetime
) -> None:
    quiet = a_customer(session, vault, "Quiet One", topics=(), now=now)
    keen = a_customer(session, vault, "Keen One", topics=(NEWS,), now=now)
    permission.merge(session, survivor=quiet.person_id, merged=keen.person_id, now=now)
    assert verdict(session, quiet, NEWS, now) is Reason.NOT_NEVER


@pytest.mark.clause("C08")
def test_a_no_moves_along_to_a_new_address(
    session: Session, vault: Vault, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    wish(jo, 1, stop_all=True)
    address = people.change_address(
        session, vault, jo.person_id, email="jo@new.example.com", now=now
    )
    permission.follow(session, person_id=jo.person_id, address_id=address, now=now)
    stranger = TestPerson(PersonId(999_999), address, "jo@new.example.com")
    assert verdict(session, stranger, NEWS, now + timedelta(hours=1)) is Reason.NOT_ALL


def test_staff_lift_what_staff_may_and_never_a_persons_own_no(
    session: Session, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    bounced = permission.suppress(
        session,
        NewSuppression(
            Scope.ALL, SuppressionReason.HARD_BOUNCE, Door.BOUNCE, address_id=jo.address_id
        ),
        now=now,
    )
    permission.lift(session, bounced, why="mailbox is back", now=now)
    assert verdict(session, jo, NEWS, now + timedelta(hours=1)) is None
    wish(jo, 1, stop_all=True)
    [theirs] = permission.suppressions_page(session)
    with pytest.raises(permission.OptOutIsTheirs):
        permission.lift(session, theirs.id, why="marketing asked", now=now)


def test_a_yes_lifts_no_bounce_and_no_complaint(
    session: Session, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    permission.suppress(
        session,
        NewSuppression(
            Scope.PROMOTIONAL,
            SuppressionReason.COMPLAINT,
            Door.COMPLAINT,
            address_id=jo.address_id,
            person_id=jo.person_id,
        ),
        now=now,
    )
    wish(jo, 1, topics_on=frozenset({NEWS}))
    assert verdict(session, jo, NEWS, now + timedelta(hours=1)) is Reason.NOT_COMPLAINT


def test_an_equal_suppression_is_written_once(
    session: Session, jo: TestPerson, now: datetime
) -> None:
    new = NewSuppression(
        Scope.ALL, SuppressionReason.HARD_BOUNCE, Door.BOUNCE, address_id=jo.address_id
    )
    first = permission.suppress(session, new, now=now)
    assert permission.suppress(session, new, now=now) == first


def test_somebody_unknown_has_no_standing(session: Session, now: datetime) -> None:
    with pytest.raises(permission.NotAdmitted):
        permission.lock(session, PersonId(424242))
    assert permission.standing_of(session, PersonId(424242)) is None


def test_tracking_off_pause_and_resume_are_real(
    session: Session, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    wish(jo, 1, tracking=False, paused_until=now + timedelta(days=30))
    assert jo.person_id not in session.execute(permission.measurable()).scalars().all()
    assert verdict(session, jo, NEWS, now + timedelta(days=1)) is Reason.NOT_PAUSED
    assert verdict(session, jo, NEWS, now + timedelta(days=31)) is None
    wish(jo, 2, resume=True)
    assert verdict(session, jo, NEWS, now + timedelta(days=1)) is None


def test_nothing_is_loosened_from_an_old_page(
    session: Session, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    until = now + timedelta(days=30)
    wish(jo, 1, tracking=False, paused_until=until, frequency=Frequency.MONTHLY)
    wish(jo, 2, tracking=True, resume=True, frequency=Frequency.WEEKLY, seen_version=0)
    standing = permission.standing_of(session, jo.person_id)
    assert standing is not None
    assert (standing.tracking, standing.paused_until) == (False, until)
    assert standing.frequency is Frequency.MONTHLY
    wish(
        jo, 3, tracking=True, resume=True, frequency=Frequency.WEEKLY, seen_version=standing.version
    )
    fresh = permission.standing_of(session, jo.person_id)
    assert fresh is not None
    assert (fresh.tracking, fresh.paused_until) == (True, None)
    assert fresh.frequency is Frequency.WEEKLY


@pytest.mark.clause("C13")
def test_a_later_yes_by_name_to_partner_offers_outranks_an_earlier_signal(
    session: Session, jo: TestPerson, wish: Wish, now: datetime
) -> None:
    partner = frozenset({Topic.PARTNER_OFFERS})
    wish(jo, 1, topics_on=partner, gpc=True)
    assert verdict(session, jo, Topic.PARTNER_OFFERS, now + timedelta(hours=1)) is Reason.NOT_GPC
    wish(jo, 2, topics_on=partner)
    assert verdict(session, jo, Topic.PARTNER_OFFERS, now + timedelta(hours=1)) is None
