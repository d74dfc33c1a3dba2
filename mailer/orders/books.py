"""Orders on file: placed or brought up to date by number, found again, carried along by a merge."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, insert, update
from sqlalchemy.dialects.postgresql import insert as insert_or_update
from sqlmodel import Session, col, select

from mailer.orders._tables import EventRow, LineRow, OrderRow
from mailer.orders.values import Line, NewOrder, Order, OrderId, Payment, check_number
from mailer.people import refuse_card_numbers
from mailer.vault import PersonKey, Vault
from mailer.vocabulary import PersonId


class OrderUnknown(Exception):
    """No order has this number."""


class OrderOfAnother(Exception):
    """An order with this number belongs to another customer."""


class CustomerGone(Exception):
    """The customer was erased: nothing can be kept for them any more."""


def place(session: Session, vault: Vault, new: NewOrder, *, now: datetime) -> Order:
    """Keep an order, or bring the one with this number up to date, and return it.

    The IP address and the payment are sealed with the customer's key (C02, C09); where an update
    leaves them out, those on file stay. Raises OrderNumberInvalid, CardNumberFound (C01),
    OrderOfAnother for a number that a different customer has, and CustomerGone.
    """
    check_number(new.number)
    refuse_cards(new)
    order_id = _write_order(session, new, *_key_for(session, vault, new), now)
    _write_lines(session, order_id, new.lines)
    return Order(order_id=order_id, lines=new.lines, **_facts(new))


def refuse_cards(new: NewOrder) -> None:
    """Raise CardNumberFound where a free field of an order passes as a card (C01)."""
    for line in new.lines:
        refuse_card_numbers(sku=line.sku, name=line.name)
    if new.payment is not None:
        refuse_card_numbers(brand=new.payment.brand, token=new.payment.token)


def _key_for(session: Session, vault: Vault, new: NewOrder) -> tuple[PersonId, PersonKey]:
    """Choose whose key seals: that which sealed the order before (a merge keeps it), else theirs."""
    before = session.exec(
        select(OrderRow.sealed_for).where(OrderRow.number == new.number)
    ).one_or_none()
    wanted = [PersonId(before), new.person_id] if before is not None else [new.person_id]
    keys = vault.keys_of(session, wanted)
    for person_id in wanted:
        if person_id in keys:
            return person_id, keys[person_id]
    raise CustomerGone(f"person {new.person_id}")


def _write_order(
    session: Session, new: NewOrder, sealed_for: PersonId, key: PersonKey, now: datetime
) -> OrderId:
    """Insert or update in one statement, so that two equal orders at once become one."""
    sealed = {name: value for name, value in sealed_facts(new, key).items() if value is not None}
    given = {**_facts(new), "sealed_for": sealed_for, **sealed}
    statement = (
        insert_or_update(OrderRow)
        .values(**given, created_at=now, updated_at=now)
        .on_conflict_do_update(
            index_elements=["number"],
            set_={**given, "updated_at": now},
            where=(col(OrderRow.person_id) == new.person_id),
        )
        .returning(col(OrderRow.id))
    )
    order_id = session.execute(statement).scalar_one_or_none()
    if order_id is None:
        raise OrderOfAnother(new.number)
    return OrderId(order_id)


def sealed_facts(new: NewOrder, key: PersonKey) -> dict[str, bytes | None]:
    """Return an order's IP address and payment sealed for their places, None for what is not said."""
    ip = key.encrypt(new.ip, place=ip_place(new.number)) if new.ip else None
    payment = (
        key.encrypt(_payment_text(new.payment), place=payment_place(new.number))
        if new.payment
        else None
    )
    return {"ip": ip, "payment": payment}


def _facts(new: NewOrder) -> dict[str, Any]:
    return {
        "number": new.number,
        "person_id": new.person_id,
        "currency": new.currency,
        "total": new.total,
        "placed_at": new.placed_at,
    }


def _write_lines(session: Session, order_id: OrderId, lines: Sequence[Line]) -> None:
    session.execute(delete(LineRow).where(col(LineRow.order_id) == order_id))
    if lines:
        session.execute(
            insert(LineRow),
            [
                {"order_id": order_id, "position": position, **asdict(line)}
                for position, line in enumerate(lines, start=1)
            ],
        )


def order_of(session: Session, number: str) -> Order:
    """Return an order. Raises OrderUnknown."""
    row = session.exec(select(OrderRow).where(OrderRow.number == number)).one_or_none()
    if row is None:
        raise OrderUnknown(number)
    return _with_lines(session, [row])[0]


def orders_of(session: Session, person_id: PersonId, *, limit: int = 100) -> list[Order]:
    """Return a customer's orders, the latest first (C04)."""
    rows = session.exec(
        select(OrderRow)
        .where(OrderRow.person_id == person_id)
        .order_by(col(OrderRow.placed_at).desc(), col(OrderRow.id).desc())
        .limit(limit)
    ).all()
    return _with_lines(session, rows)


def orders_page(session: Session, *, after: OrderId, limit: int) -> list[Order]:
    """Return orders by id from after one on."""
    rows = session.exec(
        select(OrderRow).where(col(OrderRow.id) > after).order_by(col(OrderRow.id)).limit(limit)
    ).all()
    return _with_lines(session, rows)


def ip_of(session: Session, vault: Vault, number: str) -> str | None:
    """Return the IP address that an order was placed from (C02), None where none is on file.

    For those with the right to see it; the door writes the look to the ledger.
    """
    row = session.exec(select(OrderRow).where(OrderRow.number == number)).one_or_none()
    if row is None or row.ip is None:
        return None
    key = vault.keys_of(session, [PersonId(row.sealed_for)]).get(PersonId(row.sealed_for))
    return key.decrypt(row.ip, place=ip_place(number)) if key else None


def follow_merge(session: Session, *, survivor: PersonId, merged: PersonId) -> None:
    """Carry a merged customer's orders over to the survivor, in the merge's own transaction."""
    for table in (OrderRow, EventRow):
        session.execute(
            update(table).where(col(table.person_id) == merged).values(person_id=survivor)
        )


def ip_place(number: str) -> str:
    """Name the place of an order's IP address, which its encryption is bound to."""
    return f"orders_order.ip:{number}"


def payment_place(number: str) -> str:
    """Name the place of an order's payment, which its encryption is bound to."""
    return f"orders_order.payment:{number}"


def _payment_text(payment: Payment) -> str:
    return orjson.dumps(asdict(payment)).decode()


def _with_lines(session: Session, rows: Sequence[OrderRow]) -> list[Order]:
    lines: dict[int, list[Line]] = {row.id or 0: [] for row in rows}
    found = session.exec(
        select(LineRow)
        .where(col(LineRow.order_id).in_(lines))
        .order_by(col(LineRow.order_id), col(LineRow.position))
    ).all()
    for line in found:
        lines[line.order_id].append(Line(line.sku, line.name, line.quantity, line.unit_price))
    return [_order(row, tuple(lines[row.id or 0])) for row in rows]


def _order(row: OrderRow, lines: tuple[Line, ...]) -> Order:
    return Order(
        order_id=OrderId(row.id or 0),
        number=row.number,
        person_id=PersonId(row.person_id),
        currency=row.currency,
        lines=lines,
        total=row.total,
        placed_at=row.placed_at,
    )
