"""An event of an order or an account becomes a mailing, once, in the event's own transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert as insert_or_keep
from sqlmodel import Session, col, select

from mailer import delivery, ledger, people
from mailer.failpoints import Failpoint, reached
from mailer.letters import Brand, Letter, compile_order_letter
from mailer.orders._tables import EventRow, OrderRow
from mailer.orders.books import CustomerGone, OrderUnknown, order_of, payment_place
from mailer.orders.letters import letter_for
from mailer.orders.values import EventKind, Order, OrderEvent, Payment, check_event_id, check_number
from mailer.vault import PersonKey, Vault
from mailer.vocabulary import MailingId, PersonId, Stream


class EventMisplaced(Exception):
    """An order's event came for an account, or an account's for an order."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an event: the mailing it caused, and whether an equal one had been first."""

    event_id: int
    mailing_id: MailingId | None
    person_id: PersonId
    already: bool


@dataclass(frozen=True, slots=True)
class _Cause:
    """Whom an event concerns, and under which name it happens only once."""

    subject: str
    person_id: PersonId
    order: Order | None
    payment: Payment | None
    key: PersonKey


def accept_event(
    session: Session, vault: Vault, event: OrderEvent, *, brand: Brand, now: datetime
) -> Taken:
    """Write an event and put its letter in line for the customer, both or neither.

    Order updates ask for no permission (C05): delivery alone decides whether the address takes
    mail at all. Of two equal events, also at once, one makes a mail and both get its number; the
    first one's fields count. The caller rings the bell of the order lane after its commit.

    Raises OrderUnknown, OrderNumberInvalid, EventIdInvalid, EventMisplaced, CustomerGone,
    FieldsInvalid for fields that do not make the letter, and CardNumberFound (C01).
    """
    check_event_id(event.event_id)
    cause = _cause_of(session, vault, event)
    letter = letter_for(event, cause.order, cause.payment)
    made = _write_event(session, event, cause, now)
    if made is None:
        return _first_one(session, event, cause)
    mailing_id = _put_in_line(session, event, letter, cause, brand=brand, now=now)
    session.execute(update(EventRow).where(col(EventRow.id) == made).values(mailing_id=mailing_id))
    reached(Failpoint.EVENT_WRITTEN)
    return Taken(made, mailing_id, cause.person_id, already=False)


def _cause_of(session: Session, vault: Vault, event: OrderEvent) -> _Cause:
    if bool(event.number) == (event.person_id is not None) or (
        event.kind.is_of_account and event.number
    ):
        raise EventMisplaced(event.kind)
    if event.number:
        return _order_cause(session, vault, check_number(event.number))
    if not event.kind.is_of_account and event.kind != "payment_failed":
        raise EventMisplaced(event.kind)
    return _account_cause(session, vault, event)


def _order_cause(session: Session, vault: Vault, number: str) -> _Cause:
    order = order_of(session, number)
    row = session.exec(select(OrderRow).where(OrderRow.number == number)).one_or_none()
    if row is None:
        raise OrderUnknown(number)
    reader = _by_now(session, order.person_id)
    keys = vault.keys_of(session, [reader, PersonId(row.sealed_for)])
    if reader not in keys:
        raise CustomerGone(f"person {order.person_id}")
    sealer = keys.get(PersonId(row.sealed_for))
    payment = _payment(row, sealer) if sealer else None
    return _Cause(f"order:{number}", reader, order, payment, keys[reader])


def _by_now(session: Session, person_id: PersonId) -> PersonId:
    """Return who a customer is by now: an event may be told in the moment of their merge."""
    return people.survivors_of(session, [person_id]).get(person_id, person_id)


def _payment(row: OrderRow, sealer: PersonKey) -> Payment | None:
    if row.payment is None:
        return None
    return Payment(**orjson.loads(sealer.decrypt(row.payment, place=payment_place(row.number))))


def _account_cause(session: Session, vault: Vault, event: OrderEvent) -> _Cause:
    if event.person_id is None:
        raise EventMisplaced(event.kind)
    reader = _by_now(session, event.person_id)
    keys = vault.keys_of(session, [reader])
    if reader not in keys:
        raise CustomerGone(f"person {event.person_id}")
    return _Cause(f"account:{event.person_id}", reader, None, None, keys[reader])


def _write_event(session: Session, event: OrderEvent, cause: _Cause, now: datetime) -> int | None:
    """Insert the event; None when an equal one stands. A second one at once waits for the first."""
    return session.execute(
        insert_or_keep(EventRow)
        .values(
            subject=cause.subject,
            kind=event.kind.value,
            event_id=event.event_id,
            person_id=cause.person_id,
            occurred_at=event.occurred_at,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["subject", "kind", "event_id"])
        .returning(col(EventRow.id))
    ).scalar_one_or_none()


def _first_one(session: Session, event: OrderEvent, cause: _Cause) -> Taken:
    row = session.exec(
        select(EventRow).where(
            EventRow.subject == cause.subject,
            EventRow.kind == event.kind.value,
            EventRow.event_id == event.event_id,
        )
    ).one()
    mailing_id = MailingId(row.mailing_id) if row.mailing_id is not None else None
    return Taken(row.id or 0, mailing_id, PersonId(row.person_id), already=True)


def _put_in_line(
    session: Session,
    event: OrderEvent,
    letter: Letter,
    cause: _Cause,
    *,
    brand: Brand,
    now: datetime,
) -> MailingId:
    """Make the mailing and its batch of one; the letter's fields are sealed for their reader."""
    key = f"{cause.subject}:{event.kind}:{event.event_id}"
    fields = orjson.dumps(letter.fields).decode()
    mailing_id = delivery.create_mailing(
        session,
        delivery.NewMailing(
            key=key,
            letter=letter.name,
            stream=Stream.ORDER_UPDATE,
            sealed_fields=cause.key.encrypt(fields, place=delivery.fields_place(key)),
            targets=compile_order_letter(letter, brand).targets,
        ),
        now=now,
    )
    if mailing_id is None:
        raise RuntimeError("an event without a mailing met the mailing of its own name")
    delivery.send_to_one(
        session,
        mailing_id,
        person_id=cause.person_id,
        address_id=people.address_of(session, cause.person_id),
        now=now,
    )
    ledger.record(
        session,
        f"order.{event.kind}",
        at=now,
        actor="shop",
        person_id=cause.person_id,
        mailing_id=mailing_id,
    )
    return mailing_id


@dataclass(frozen=True, slots=True)
class Cause:
    """The event behind an order update: which order (none for an account), what, when."""

    number: str
    kind: EventKind
    occurred_at: datetime


def causes_of(session: Session, mailing_ids: Collection[MailingId]) -> dict[MailingId, Cause]:
    """Return the event behind each of these mailings; those without one are absent (C04)."""
    rows = session.exec(select(EventRow).where(col(EventRow.mailing_id).in_(mailing_ids))).all()
    return {
        MailingId(row.mailing_id or 0): Cause(
            number=row.subject.removeprefix("order:") if row.subject.startswith("order:") else "",
            kind=EventKind(row.kind),
            occurred_at=row.occurred_at,
        )
        for row in rows
    }
