"""Orders and their events: what the shop tells us, and which mail it becomes (C02, C05, C10)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from sqlmodel import Session

from mailer import orders
from mailer.access import ApiScope
from mailer.orders import Line, NewOrder, Order, OrderEvent, OrderId, Payment
from mailer.vocabulary import Lane, PersonId
from preference_center.systems.api.calls import Call, Needs, Receipt
from preference_center.systems.api.errors import ApiRoute
from preference_center.systems.api.order_shapes import (
    AccountEventForm,
    EventAnswer,
    LineAnswer,
    OrderAnswer,
    OrderEventForm,
    OrderForm,
    OrderPage,
    as_facts,
)
from preference_center.systems.api.pages import PlaceOf
from preference_center.systems.api.who import buyer_of

routes = APIRouter(route_class=ApiRoute, tags=["Orders"])

Writes = Annotated[Call, Depends(Needs(ApiScope.ORDERS))]
Reads = Annotated[Call, Depends(Needs(ApiScope.READ, ApiScope.ORDERS))]
Number = Annotated[
    str, Path(max_length=32, pattern=r"^[A-Za-z0-9._-]+$", description="The order's number.")
]


@routes.post("/orders", response_model=OrderAnswer)
def keep_an_order(form: OrderForm, call: Writes) -> OrderAnswer:
    """Keep an order, or bring the one with this number up to date.

    It causes no mail by itself: send the order's events for that. The IP address and the payment
    are kept encrypted and are not shown again.
    """

    def work(session: Session) -> Receipt:
        person_id = buyer_of(session, call.parts, form.customer, actor=call.key.actor, now=call.now)
        order = orders.place(session, call.parts.vault, _new(form, person_id), now=call.now)
        return Receipt({"number": order.number})

    done = call.once(form, work)
    with call.look() as session:
        return _answer(orders.order_of(session, done["number"]))


@routes.get("/orders", response_model=OrderPage)
def list_orders(place: PlaceOf, call: Reads) -> OrderPage:
    """List orders in the order in which they came."""
    with call.look() as session:
        page = orders.orders_page(session, after=OrderId(place.after), limit=place.limit)
    return OrderPage(
        orders=[_answer(order) for order in page],
        next_cursor=place.next_cursor([order.order_id for order in page]),
    )


@routes.get("/orders/{number}", response_model=OrderAnswer)
def get_an_order(number: Number, call: Reads) -> OrderAnswer:
    """Get one order."""
    with call.look() as session:
        return _answer(orders.order_of(session, number))


@routes.post("/orders/{number}/events", status_code=202, response_model=EventAnswer)
def tell_an_event(number: Number, form: OrderEventForm, call: Writes) -> EventAnswer:
    """Tell what happened to an order; its letter is put in line in the same moment.

    Fields that are left out are filled from the order on file. The same event twice, also at
    once, makes one mail, and both calls get the same answer; the first one's fields count.
    """
    event = OrderEvent(
        kind=form.event,
        occurred_at=form.occurred_at,
        number=number,
        event_id=form.event_id,
        fields=form.fields,
    )
    return _tell(event, form, call)


@routes.post("/customers/{customer}/events", status_code=202, response_model=EventAnswer)
def tell_an_account_event(
    customer: Annotated[int, Path(ge=1, le=2**63 - 1)], form: AccountEventForm, call: Writes
) -> EventAnswer:
    """Tell what happened to a customer's plan: its letter is put in line in the same moment."""
    event = OrderEvent(
        kind=form.event,
        occurred_at=form.occurred_at,
        person_id=PersonId(customer),
        event_id=form.event_id,
        fields=form.fields,
    )
    return _tell(event, form, call)


def _tell(event: OrderEvent, form: OrderEventForm | AccountEventForm, call: Call) -> EventAnswer:
    def work(session: Session) -> Receipt:
        taken = orders.accept_event(
            session, call.parts.vault, event, brand=call.parts.brand, now=call.now
        )
        answer = EventAnswer(
            event=event.kind,
            event_id=event.event_id,
            customer=taken.person_id,
            mailing=taken.mailing_id,
        )
        return Receipt(as_facts(answer), rings=(Lane.ORDERS,))

    return EventAnswer.model_validate(call.once(form, work))


def _new(form: OrderForm, person_id: PersonId) -> NewOrder:
    return NewOrder(
        number=form.number,
        person_id=person_id,
        currency=form.currency,
        lines=tuple(Line(**line.model_dump()) for line in form.lines),
        total=form.total,
        placed_at=form.placed_at,
        ip=str(form.ip) if form.ip else "",
        payment=Payment(**form.payment.model_dump()) if form.payment else None,
    )


def _answer(order: Order) -> OrderAnswer:
    return OrderAnswer(
        number=order.number,
        customer=order.person_id,
        currency=order.currency,
        lines=[
            LineAnswer(
                sku=line.sku, name=line.name, quantity=line.quantity, unit_price=line.unit_price
            )
            for line in order.lines
        ],
        total=order.total,
        placed_at=order.placed_at,
    )
