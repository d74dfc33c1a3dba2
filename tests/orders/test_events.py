"""An event becomes a mailing, once, in the event's own transaction (C05, C10)."""

import threading
from datetime import datetime

import orjson
import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer import delivery, orders, people
from mailer.database import Database
from mailer.letters import Brand, FieldsInvalid
from mailer.orders import (
    CustomerGone,
    EventKind,
    EventMisplaced,
    OrderEvent,
    OrderUnknown,
    Taken,
)
from mailer.people import CardNumberFound
from mailer.vault import Vault
from mailer.vocabulary import MailingId
from tests.orders.conftest import event, order_for
from tests.people_of_tests import TestPerson, a_customer

TRACKING = {
    "carrier": "UPS",
    "number": "1Z999AA10123456784",
    "url": "https://www.ups.com/track?tracknum=1Z999AA10123456784",
}
DOLLARS = {"amount": 13_800, "currency": "USD"}
PLAN: dict[str, object] = {"plan": "POS Pro, two tills", "amount": DOLLARS}
ACCOUNT_EVENTS: dict[EventKind, dict[str, object]] = {
    EventKind.STATEMENT: {
        "plan": "POS Pro, two tills",
        "statement_number": "S-2026-11",
        "period_from": "2026-11-01",
        "period_to": "2026-11-30",
        "lines": [{"name": "Licence", "quantity": 1, "price": DOLLARS}],
        "total": DOLLARS,
        "due_on": "2026-12-01",
    },
    EventKind.RECEIPT: {
        **PLAN,
        "receipt_number": "R-2026-11",
        "period_from": "2026-11-01",
        "period_to": "2026-11-30",
    },
    EventKind.CARD_EXPIRING: {
        **PLAN,
        "method": {"brand": "Visa", "last4": "4242"},
        "expires": "2026-12",
        "next_payment_on": "2027-01-01",
    },
    EventKind.PAYMENT_FAILED: PLAN,
}
NEEDED: dict[EventKind, dict[str, object]] = {
    EventKind.SHIPPED: {"tracking": TRACKING},
    EventKind.REFUNDED: {"amount": DOLLARS},
}
ORDER_EVENTS = [kind for kind in EventKind if not kind.is_of_account]


def accept(session: Session, vault: Vault, brand: Brand, given: OrderEvent, now: datetime) -> Taken:
    return orders.accept_event(session, vault, given, brand=brand, now=now)


def fields_of(
    session: Session, vault: Vault, jo: TestPerson, mailing_id: MailingId
) -> dict[str, object]:
    """The fields of a letter, opened as its sender opens them."""
    mailing = delivery.mailing_of(session, mailing_id)
    key = vault.keys_of(session, [jo.person_id])[jo.person_id]
    assert mailing.sealed_fields is not None
    opened = key.decrypt(mailing.sealed_fields, place=delivery.fields_place(mailing.key))
    fields: dict[str, object] = orjson.loads(opened)
    return fields


@pytest.mark.clause("C05")
@pytest.mark.parametrize("kind", ORDER_EVENTS)
def test_each_event_of_an_order_becomes_its_letter(
    session: Session, vault: Vault, brand: Brand, jo: TestPerson, placed: orders.Order,
    now: datetime, kind: EventKind,
) -> None:  # fmt: skip
    taken = accept(session, vault, brand, event(kind, now, fields=NEEDED.get(kind, {})), now)
    assert taken.mailing_id is not None
    mailing = delivery.mailing_of(session, taken.mailing_id)
    assert mailing.letter == orders.LETTERS[kind]
    assert mailing.key == f"order:10482:{kind}:once"
    assert delivery.books(session, taken.mailing_id).to_go == 1
    assert fields_of(session, vault, jo, taken.mailing_id)["order_number"] == placed.number


@pytest.mark.clause("C05")
@pytest.mark.parametrize("told_of", ["order", "account"])
def test_an_event_that_is_told_after_a_merge_is_of_whoever_the_customer_is_by_now(
    session: Session, vault: Vault, brand: Brand, jo: TestPerson, placed: orders.Order,
    now: datetime, told_of: str,
) -> None:  # fmt: skip
    anna = a_customer(session, vault, "Anna Becker", now=now)
    people.merge(session, survivor=anna.person_id, merged=jo.person_id, now=now)
    given = {
        "order": event(EventKind.PAID, now),
        "account": OrderEvent(
            kind=EventKind.PAYMENT_FAILED, occurred_at=now, person_id=jo.person_id, fields=PLAN
        ),
    }
    taken = accept(session, vault, brand, given[told_of], now)
    assert taken.person_id == anna.person_id
    assert taken.mailing_id is not None
    assert fields_of(session, vault, anna, taken.mailing_id)


@pytest.mark.clause("C10")
@pytest.mark.parametrize("kind", ACCOUNT_EVENTS)
def test_each_event_of_an_account_becomes_its_letter(
    session: Session, vault: Vault, brand: Brand, jo: TestPerson, now: datetime, kind: EventKind
) -> None:
    given = OrderEvent(
        kind=kind, occurred_at=now, person_id=jo.person_id, fields=ACCOUNT_EVENTS[kind]
    )
    taken = accept(session, vault, brand, given, now)
    assert taken.mailing_id is not None
    mailing = delivery.mailing_of(session, taken.mailing_id)
    assert mailing.letter == orders.LETTERS[kind]
    assert mailing.key == f"account:{jo.person_id}:{kind}:once"


def test_fields_that_the_shop_leaves_out_come_from_the_order(
    session: Session,
    vault: Vault,
    brand: Brand,
    jo: TestPerson,
    placed: orders.Order,
    now: datetime,
) -> None:
    taken = accept(session, vault, brand, event(EventKind.PAID, now), now)
    assert taken.mailing_id is not None
    fields = fields_of(session, vault, jo, taken.mailing_id)
    assert fields["amount"] == {"amount": 102_800, "currency": "USD"}
    assert fields["method"] == {"brand": "Visa", "last4": "4242"}
    assert str(fields["paid_at"]).startswith("2026-11-22T10:00:00")


def test_a_refund_says_its_own_amount(
    session: Session, vault: Vault, brand: Brand, placed: orders.Order, now: datetime
) -> None:
    with pytest.raises(FieldsInvalid) as refused:
        accept(session, vault, brand, event(EventKind.REFUNDED, now), now)
    assert [each.field for each in refused.value.problems] == ["amount"]


def test_the_fields_of_a_letter_are_sealed_for_their_reader(
    session: Session, vault: Vault, brand: Brand, placed: orders.Order, now: datetime
) -> None:
    taken = accept(session, vault, brand, event(EventKind.RECEIVED, now), now)
    row = session.execute(
        text("SELECT sealed_fields, content, key FROM delivery_mailing WHERE id = :id"),
        {"id": taken.mailing_id},
    ).one()
    assert row.content is None
    assert b"POS Pro" not in bytes(row.sealed_fields)


def test_the_target_of_the_tracking_link_is_fixed_with_the_mailing(
    session: Session, vault: Vault, brand: Brand, placed: orders.Order, now: datetime
) -> None:
    given = event(EventKind.SHIPPED, now, fields={"tracking": TRACKING})
    taken = accept(session, vault, brand, given, now)
    assert taken.mailing_id is not None
    assert TRACKING["url"] in delivery.mailing_of(session, taken.mailing_id).targets


def test_the_same_event_again_makes_no_second_mail_and_the_first_fields_count(
    session: Session,
    vault: Vault,
    brand: Brand,
    jo: TestPerson,
    placed: orders.Order,
    now: datetime,
) -> None:
    first = accept(session, vault, brand, event(EventKind.CANCELLED, now), now)
    again = event(EventKind.CANCELLED, now, fields={"reason": "Out of stock"})
    second = accept(session, vault, brand, again, now)
    assert (second.mailing_id, second.event_id) == (first.mailing_id, first.event_id)
    assert (first.already, second.already) == (False, True)
    assert first.mailing_id is not None
    assert "reason" not in fields_of(session, vault, jo, first.mailing_id)


def test_a_second_parcel_of_the_same_order_is_another_event(
    session: Session, vault: Vault, brand: Brand, placed: orders.Order, now: datetime
) -> None:
    parcels = [
        accept(session, vault, brand, event(EventKind.SHIPPED, now, event_id=name), now)
        for name in ("parcel-1", "parcel-2")
    ]
    assert parcels[0].mailing_id != parcels[1].mailing_id


def test_two_equal_events_at_once_make_one_mail_and_get_one_answer(
    database: Database, vault: Vault, brand: Brand, now: datetime
) -> None:
    with database.transaction() as session:
        jo = a_customer(session, vault, "Jo Example", now=now)
        orders.place(session, vault, order_for(jo.person_id, now), now=now)
    taken: list[Taken] = []
    together = threading.Barrier(6)

    def tell() -> None:
        together.wait()
        with database.transaction() as session:
            done = accept(session, vault, brand, event(EventKind.SHIPPED, now), now)
        taken.append(done)

    threads = [threading.Thread(target=tell) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len({each.mailing_id for each in taken}) == 1
    assert [each.already for each in taken].count(False) == 1
    with database.reading() as session:
        assert session.execute(text("SELECT count(*) FROM delivery_mailing")).scalar_one() == 1
        assert session.execute(text("SELECT count(*) FROM delivery_batch")).scalar_one() == 1


def test_an_event_whose_transaction_fails_leaves_nothing_behind(
    database: Database, vault: Vault, brand: Brand, now: datetime
) -> None:
    with database.transaction() as session:
        jo = a_customer(session, vault, "Jo Example", now=now)
        orders.place(session, vault, order_for(jo.person_id, now), now=now)

    def fail() -> None:
        with database.transaction() as session:
            accept(session, vault, brand, event(EventKind.PAID, now), now)
            raise RuntimeError("the door failed")

    with pytest.raises(RuntimeError):
        fail()
    with database.reading() as session:
        assert session.execute(text("SELECT count(*) FROM delivery_mailing")).scalar_one() == 0
        assert session.execute(text("SELECT count(*) FROM orders_event")).scalar_one() == 0


@pytest.mark.clause("C01")
@pytest.mark.parametrize(
    "fields",
    [
        {"reason": "paid with 4111 1111 1111 1111"},
        {"lines": [{"name": "4111111111111111", "quantity": 1, "price": DOLLARS}]},
        {"reason": 4111111111111111},
        {"unknown": {"deep": ["5500-0000-0000-0004"]}},
    ],
)
def test_a_card_number_in_an_event_is_refused(
    session: Session, vault: Vault, brand: Brand, placed: orders.Order, now: datetime,
    fields: dict[str, object],
) -> None:  # fmt: skip
    with pytest.raises(CardNumberFound) as refused:
        accept(session, vault, brand, event(EventKind.CANCELLED, now, fields=fields), now)
    assert "4111" not in str(refused.value)


@pytest.mark.clause("C01")
def test_a_tracking_number_is_not_taken_for_a_card(
    session: Session, vault: Vault, brand: Brand, jo: TestPerson, placed: orders.Order,
    now: datetime,
) -> None:  # fmt: skip
    url = "https://www.dhl.com/track?id=4111111111111111"
    tracking = {"carrier": "DHL", "number": "4111111111111111", "url": url}
    given = event(EventKind.SHIPPED, now, fields={"tracking": tracking})
    mailing_id = accept(session, vault, brand, given, now).mailing_id
    assert mailing_id is not None
    assert fields_of(session, vault, jo, mailing_id)["tracking"] == tracking


def test_an_event_of_nothing_on_file_is_refused(
    session: Session, vault: Vault, brand: Brand, jo: TestPerson, now: datetime
) -> None:
    with pytest.raises(OrderUnknown):
        accept(session, vault, brand, event(EventKind.PAID, now, number="99999"), now)
    vault.shred(session, jo.person_id)
    erased = OrderEvent(
        kind=EventKind.RECEIPT, occurred_at=now, person_id=jo.person_id, fields=PLAN
    )
    with pytest.raises(CustomerGone):
        accept(session, vault, brand, erased, now)


def test_an_account_has_no_shipments_and_an_order_no_statements(
    session: Session,
    vault: Vault,
    brand: Brand,
    jo: TestPerson,
    placed: orders.Order,
    now: datetime,
) -> None:
    misplaced = (
        event(EventKind.STATEMENT, now),
        OrderEvent(kind=EventKind.SHIPPED, occurred_at=now, person_id=jo.person_id),
        OrderEvent(kind=EventKind.SHIPPED, occurred_at=now),
        event(EventKind.PAID, now, person_id=jo.person_id),
    )
    for given in misplaced:
        with pytest.raises(EventMisplaced):
            accept(session, vault, brand, given, now)


@pytest.mark.clause("C04")
def test_the_cause_of_an_order_update_is_found_again(
    session: Session, vault: Vault, brand: Brand, placed: orders.Order, now: datetime
) -> None:
    taken = accept(session, vault, brand, event(EventKind.PAID, now), now)
    assert taken.mailing_id is not None
    cause = orders.causes_of(session, [taken.mailing_id, MailingId(999)])[taken.mailing_id]
    assert (cause.number, cause.kind, cause.occurred_at) == ("10482", EventKind.PAID, now)
