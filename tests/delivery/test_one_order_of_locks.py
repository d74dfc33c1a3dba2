"""Customers before their standing, figures by mailing, hearers by reader: no ring of waits."""

import threading
from collections.abc import Callable
from time import monotonic, sleep

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer import delivery, people, permission
from mailer.delivery import Brake, News
from mailer.failpoints import Failpoint, acting
from mailer.people import NewProfile, Upserted
from mailer.providers import NotBegun, Unknown
from mailer.vocabulary import Heard, Lane, MailingId, PersonId
from tests.delivery.conftest import Road, is_anybody_waiting
from tests.people_of_tests import TestPerson

LOST = Unknown("no answer to the final dot")
Joins = Callable[[Road, PersonId, PersonId], object]


def told_by_the_shop(session: Session, road: Road, email: str) -> Upserted:
    """Jo as the shop knows her, at this address."""
    jo = NewProfile(email=email, name="Jo Example", source="shop", external_id="C-1042")
    return people.upsert(session, road.vault, jo, now=road.now)


def move(road: Road, jo: PersonId, _: PersonId) -> object:
    return road.opt_outs.change_address(jo, "jo@new.example.com")


def merge_into(road: Road, jo: PersonId, anna: PersonId) -> object:
    return road.opt_outs.merge(survivor=anna, merged=jo)


def merge_with(road: Road, jo: PersonId, anna: PersonId) -> object:
    return road.opt_outs.merge(survivor=jo, merged=anna)


@pytest.mark.parametrize("join", [move, merge_into, merge_with])
def test_a_move_by_the_shop_and_another_at_once_wait_in_one_order(road: Road, join: Joins) -> None:
    anna = road.customer("Anna Becker")
    with road.database.transaction() as session:
        jo = told_by_the_shop(session, road, "jo@example.com")
        permission.admit(session, [jo.person_id], now=road.now)
    done: list[object] = []
    other = threading.Thread(
        target=lambda: done.append(join(road, jo.person_id, anna.person_id)), daemon=True
    )
    with road.database.transaction() as session:
        moved = told_by_the_shop(session, road, "jo@moved.example.com")
        other.start()
        give_up = monotonic() + 10
        while not is_anybody_waiting(road) and monotonic() < give_up:
            sleep(0.01)
        permission.follow(
            session, person_id=moved.person_id, address_id=moved.address_id, now=road.now
        )
    other.join(10)
    assert len(done) == 1


def how_many_wait(road: Road) -> int:
    with road.database.reading() as session:
        waits = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(session.execute(text(waits)).scalar_one())


def wait_for(road: Road, waiting: int) -> None:
    give_up = monotonic() + 10
    while how_many_wait(road) < waiting and monotonic() < give_up:
        sleep(0.01)
    assert how_many_wait(road) >= waiting


class Another:
    """What somebody else does in a transaction of their own; it may have to wait."""

    def __init__(self, road: Road, work: Callable[[Session], object]) -> None:
        self.done: list[object] = []
        self._thread = threading.Thread(target=self._run, args=(road, work), daemon=True)
        self._thread.start()

    def _run(self, road: Road, work: Callable[[Session], object]) -> None:
        with road.database.transaction() as session:
            work(session)
        self.done.append(work)

    def ended(self) -> bool:
        self._thread.join(10)
        return len(self.done) == 1


def as_the_shop_says(name: str, number: str, email: str) -> NewProfile:
    return NewProfile(email=email, name=name, source="shop", external_id=number)


def test_who_is_held_for_a_change_is_held_with_all_that_it_looks_at(road: Road) -> None:
    """Two of them at one address, and a set that moves both, the lower number first."""
    both = [
        as_the_shop_says("Jo Example", "C-1", "home@example.com"),
        as_the_shop_says("Anna Becker", "C-2", "home@example.com"),
    ]
    with road.database.transaction() as session:
        _, anna = people.upsert_many(session, road.vault, both, now=road.now)
    elsewhere = [
        as_the_shop_says("Jo Example", "C-1", "jo@example.com"),
        as_the_shop_says("Anna Becker", "C-2", "anna@example.com"),
    ]
    with road.database.transaction() as session:
        people.hold(session, anna.person_id)
        other = Another(
            road, lambda own: people.upsert_many(own, road.vault, elsewhere, now=road.now)
        )
        wait_for(road, 1)
        people.upsert(session, road.vault, both[1], now=road.now)
    assert other.ended()


def test_who_is_to_be_held_and_has_moved_is_let_go_before_their_new_address_is_locked(
    road: Road,
) -> None:
    for email in ("jo@moved.example.com", "jo@example.com"):  # both addresses are known
        with road.database.transaction() as session:
            jo = told_by_the_shop(session, road, email)
    with road.database.transaction() as session:
        told_by_the_shop(session, road, "jo@moved.example.com")
        holder = Another(road, lambda own: people.hold(own, jo.person_id))
        wait_for(road, 1)
        teller = Another(road, lambda own: told_by_the_shop(own, road, "jo@moved.example.com"))
        wait_for(road, 2)
    assert holder.ended()
    assert teller.ended()


def three_of_the_shop(road: Road) -> tuple[PersonId, PersonId, PersonId]:
    """Jo, Kim and Anna, by number, all known to the shop."""
    names = {"C-1": "Jo Example", "C-2": "Kim Becker", "C-3": "Anna Becker"}
    told = [as_the_shop_says(names[each], each, f"{each}@example.com") for each in names]
    with road.database.transaction() as session:
        jo, kim, anna = people.upsert_many(session, road.vault, told, now=road.now)
    return jo.person_id, kim.person_id, anna.person_id


def who_is_free(road: Road) -> set[int]:
    """Return the customers whom somebody else could change now."""
    with road.database.transaction() as session:
        free = "SELECT id FROM people_customer FOR UPDATE SKIP LOCKED"
        return set(session.execute(text(free)).scalars())


def hold_both(session: Session, road: Road, survivor: PersonId, merged: PersonId) -> None:
    del road
    people.hold_both(session, survivor, merged)


def merge_alone(session: Session, road: Road, survivor: PersonId, merged: PersonId) -> None:
    people.merge(session, survivor=survivor, merged=merged, now=road.now)


@pytest.mark.parametrize("join", [hold_both, merge_alone])
def test_who_was_merged_before_is_locked_first_when_their_survivor_is_merged(
    road: Road, join: Callable[[Session, Road, PersonId, PersonId], None]
) -> None:
    jo, kim, anna = three_of_the_shop(road)
    with road.database.transaction() as session:
        people.merge(session, survivor=kim, merged=jo, now=road.now)
    with road.database.transaction() as session:
        session.execute(text("SELECT FROM people_customer WHERE id = :id FOR UPDATE"), {"id": jo})
        other = Another(road, lambda own: join(own, road, anna, kim))
        wait_for(road, 1)
        assert who_is_free(road) == {kim, anna}
    assert other.ended()


def test_who_was_merged_is_told_by_the_shop_while_their_survivor_is_merged_away(
    road: Road,
) -> None:
    """An upsert locks the merged one and then the survivor, whose number is higher."""
    jo, kim, anna = three_of_the_shop(road)
    told = as_the_shop_says("Jo Example", "C-1", "c-1@example.com")
    with road.database.transaction() as session:
        people.merge(session, survivor=kim, merged=jo, now=road.now)
    with road.database.transaction() as session:
        people.hold_both(session, anna, kim)
        other = Another(road, lambda own: people.upsert(own, road.vault, told, now=road.now))
        wait_for(road, 1)
        people.merge(session, survivor=anna, merged=kim, now=road.now)
    assert other.ended()


def test_who_is_merged_into_one_of_two_at_that_moment_is_held_with_them(road: Road) -> None:
    jo, kim, anna = three_of_the_shop(road)
    free: list[set[int]] = []

    def hold_and_look(session: Session) -> None:
        people.hold_both(session, anna, kim)
        free.append(who_is_free(road))

    with road.database.transaction() as session:
        people.merge(session, survivor=kim, merged=jo, now=road.now)
        holder = Another(road, hold_and_look)
        wait_for(road, 1)
    assert holder.ended()
    assert free == [set()]


def test_who_is_held_to_be_given_a_number_of_the_shop_is_held_with_who_has_it(road: Road) -> None:
    _, kim, anna = three_of_the_shop(road)
    with road.database.transaction() as session:
        people.hold(session, anna, external_id="C-1")
        assert who_is_free(road) == {kim}


def test_who_comes_to_an_address_while_somebody_moves_there_is_found_to_be_them(road: Road) -> None:
    jo, email = road.customer("Jo Example"), "jo@new.example.com"
    with road.database.transaction() as session:  # known, so that only its lock makes them wait
        people.address_id_of(session, road.vault, email, create=True)
    came: list[Upserted] = []
    told = NewProfile(email=email, name="Jo Example", source="checkout")
    with road.database.transaction() as session:
        people.change_address(session, road.vault, jo.person_id, email=email, now=road.now)
        other = Another(
            road, lambda own: came.append(people.upsert(own, road.vault, told, now=road.now))
        )
        wait_for(road, 1)
    assert other.ended()
    assert [each.person_id for each in came] == [jo.person_id]


def complaints(road: Road, mailing: MailingId, *who: TestPerson) -> list[News]:
    return [News(mailing, each.person_id, Heard.COMPLAINED, road.now) for each in who]


def test_who_complained_is_locked_in_the_order_of_whom_they_are_by_now(road: Road) -> None:
    """Jo, whose number is the lowest, was merged into Anna, whose number is the highest."""
    jo, kim, anna = (road.customer(name) for name in ("Jo Example", "Kim Cole", "Anna Becker"))
    mailing = road.campaign()
    while road.sender.deliver_one(Lane.PROMOTIONAL):
        pass
    road.opt_outs.merge(survivor=anna.person_id, merged=jo.person_id)
    told = complaints(road, mailing, jo, kim)
    with road.database.transaction() as session:
        permission.lock(session, kim.person_id)
        other = Another(road, lambda own: delivery.hear(own, *told, now=road.now))
        wait_for(road, 1)
        permission.lock(session, anna.person_id)
    assert other.ended()


def test_who_is_merged_while_a_complaint_of_theirs_waits_is_locked_in_order_all_the_same(
    road: Road,
) -> None:
    """Jo comes first by number; once she is Anna, Kim does."""
    jo, kim, anna = (road.customer(name) for name in ("Jo Example", "Kim Cole", "Anna Becker"))
    mailing = road.campaign()
    while road.sender.deliver_one(Lane.PROMOTIONAL):
        pass
    told = complaints(road, mailing, jo, kim)
    with road.database.transaction() as session:
        permission.lock(session, kim.person_id)
        with road.database.transaction() as merging:
            survivor, merged = anna.person_id, jo.person_id
            permission.merge(merging, survivor=survivor, merged=merged, now=road.now)
            people.merge(merging, survivor=survivor, merged=merged, now=road.now)
            other = Another(road, lambda own: delivery.hear(own, *told, now=road.now))
            wait_for(road, 1)
        sleep(0.2)  # so that it sees the merge, and waits again
        wait_for(road, 1)
        permission.lock(session, anna.person_id)
    assert other.ended()


def test_who_was_in_doubt_is_cleared_in_the_order_of_batches(road: Road) -> None:
    """Those whose numbers are lower stand in the batch whose number is higher."""
    one, two, three, four = road.crowd(4)
    mailing = road.campaign()
    for each in (two, three):
        road.provider.answer_for(each.email, LOST)
    for each in (one, four):
        road.provider.answer_for(each.email, NotBegun(), LOST)
    for _ in range(3):
        road.later(seconds=2)
        while road.sender.deliver_one(Lane.PROMOTIONAL):
            pass
    told = [News(mailing, each.person_id, Heard.DELIVERED, road.now) for each in (one, three)]
    lock = text("SELECT 1 FROM delivery_batch WHERE id = :id FOR UPDATE")
    with road.database.transaction() as session:
        ids = session.execute(text("SELECT id FROM delivery_batch WHERE unknown > 0 ORDER BY id"))
        first, last = ids.scalars()
        session.execute(lock, {"id": first})
        other = Another(road, lambda own: delivery.hear(own, *told, now=road.now))
        wait_for(road, 1)
        session.execute(lock, {"id": last})
    assert other.ended()


def die_in_hand(road: Road) -> None:
    def die(point: Failpoint) -> None:
        if point is Failpoint.IN_HAND:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), acting(die):
        road.worker().deliver_one(Lane.PROMOTIONAL)


def put_off(road: Road, who: TestPerson) -> None:
    road.later(seconds=2)
    road.provider.answer_for(who.email, NotBegun())
    assert road.sender.deliver_one(Lane.PROMOTIONAL)


def mailings_of(road: Road, state: str) -> list[int]:
    """Return whose batches are in this state, in the order of the batches' numbers."""
    with road.database.reading() as session:
        found = "SELECT mailing_id FROM delivery_batch WHERE state = :state ORDER BY id"
        return list(session.execute(text(found), {"state": state}).scalars())


def test_who_gives_up_batches_of_several_mailings_locks_their_figures_in_one_order(
    road: Road,
) -> None:
    """The mailing whose number is lower has the batch whose number is higher."""
    anna, jo = road.customer("Anna Becker"), road.customer("Jo Example")
    one = road.campaign("campaign:1", brake=Brake())
    put_off(road, jo)
    two = road.campaign("campaign:2", brake=Brake())
    put_off(road, jo)
    while len(road.got()) < 2 or mailings_of(road, "prepared") != [two, one]:
        put_off(road, jo)
    road.later(seconds=2)
    for _ in range(2):
        die_in_hand(road)
    assert mailings_of(road, "handing") == [two, one]
    with road.database.transaction() as session:
        delivery.hear(session, *complaints(road, one, anna), now=road.now)
        reaper = threading.Thread(target=road.give_up, daemon=True)
        reaper.start()
        wait_for(road, 1)
        delivery.hear(session, *complaints(road, two, anna), now=road.now)
    reaper.join(10)
    assert mailings_of(road, "handing") == []
