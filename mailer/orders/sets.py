"""Orders that come in as a set, such as a shop's history: a fixed number of statements."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session, col, select

from mailer.database import copy_rows
from mailer.orders._tables import OrderRow
from mailer.orders.books import CustomerGone, refuse_cards, sealed_facts
from mailer.orders.values import NewOrder, check_number
from mailer.vault import PersonKey, Vault
from mailer.vocabulary import PersonId


class OrderKnown(Exception):
    """An order with this number is on file already, or stands in the set twice."""


def place_many(session: Session, vault: Vault, orders: Sequence[NewOrder], *, now: datetime) -> int:
    """Keep orders whose numbers are new, by COPY, and return how many; no mail is caused.

    Sealed like those of `place` (C02, C09). Raises OrderNumberInvalid, CardNumberFound (C01),
    OrderKnown and CustomerGone before anything is written.
    """
    if not orders:
        return 0
    for order in orders:
        check_number(order.number)
        refuse_cards(order)
    _refuse_known(session, [order.number for order in orders])
    keys = _keys(session, vault, orders)
    ids: list[int] = list(session.execute(_RESERVE, {"count": len(orders)}).scalars())
    copy_rows(session, "orders_order", _ORDER, _order_rows(ids, orders, keys, now))
    copy_rows(session, "orders_line", _LINE, _line_rows(ids, orders))
    return len(orders)


def _refuse_known(session: Session, numbers: Sequence[str]) -> None:
    found = session.exec(select(OrderRow.number).where(col(OrderRow.number).in_(numbers))).all()
    if found or len(set(numbers)) < len(numbers):
        raise OrderKnown(", ".join(sorted(found)[:5]) or "a number stands in the set twice")


def _keys(session: Session, vault: Vault, orders: Iterable[NewOrder]) -> dict[PersonId, PersonKey]:
    wanted = {order.person_id for order in orders}
    keys = vault.keys_of(session, sorted(wanted))
    gone = wanted - keys.keys()
    if gone:
        raise CustomerGone(f"person {min(gone)}")
    return keys


def _order_rows(
    ids: Sequence[int], orders: Sequence[NewOrder], keys: dict[PersonId, PersonKey], now: datetime
) -> Iterable[tuple[object, ...]]:
    for order_id, order in zip(ids, orders, strict=True):
        sealed = sealed_facts(order, keys[order.person_id])
        yield (
            order_id,
            order.number,
            order.person_id,
            order.person_id,
            order.currency,
            order.total,
            order.placed_at,
            sealed["ip"],
            sealed["payment"],
            now,
            now,
        )


def _line_rows(ids: Sequence[int], orders: Sequence[NewOrder]) -> Iterable[tuple[object, ...]]:
    for order_id, order in zip(ids, orders, strict=True):
        for position, line in enumerate(order.lines, start=1):
            yield (order_id, position, *astuple(line))


_ORDER = (
    "id", "number", "person_id", "sealed_for", "currency", "total", "placed_at", "ip", "payment",
    "created_at", "updated_at",
)  # fmt: skip
_LINE = ("order_id", "position", "sku", "name", "quantity", "unit_price")
_RESERVE = text(
    "SELECT nextval(pg_get_serial_sequence('orders_order', 'id')) FROM generate_series(1, :count)"
)
