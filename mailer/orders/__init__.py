"""An order's or an account's event becomes a mailing, once; orders on file, and who bought what."""

from mailer.orders.books import (
    CustomerGone,
    OrderOfAnother,
    OrderUnknown,
    follow_merge,
    ip_of,
    order_of,
    orders_of,
    orders_page,
    place,
)
from mailer.orders.buyers import OrderFacts, buyers_of, skus_on_file
from mailer.orders.events import Cause, EventMisplaced, Taken, accept_event, causes_of
from mailer.orders.followed import COUNTS_FOR, Turnover, buyers_after, orders_after, orders_within
from mailer.orders.letters import LETTERS
from mailer.orders.sets import OrderKnown, place_many
from mailer.orders.values import (
    EventIdInvalid,
    EventKind,
    Line,
    NewOrder,
    Order,
    OrderEvent,
    OrderId,
    OrderNumberInvalid,
    Payment,
    check_event_id,
    check_number,
)
from mailer.orders.words import EVENT_WORDS, PLAN_WORDS

__all__ = [
    "COUNTS_FOR",
    "EVENT_WORDS",
    "LETTERS",
    "PLAN_WORDS",
    "Cause",
    "CustomerGone",
    "EventIdInvalid",
    "EventKind",
    "EventMisplaced",
    "Line",
    "NewOrder",
    "Order",
    "OrderEvent",
    "OrderFacts",
    "OrderId",
    "OrderKnown",
    "OrderNumberInvalid",
    "OrderOfAnother",
    "OrderUnknown",
    "Payment",
    "Taken",
    "Turnover",
    "accept_event",
    "buyers_after",
    "buyers_of",
    "causes_of",
    "check_event_id",
    "check_number",
    "follow_merge",
    "ip_of",
    "order_of",
    "orders_after",
    "orders_of",
    "orders_page",
    "orders_within",
    "place",
    "place_many",
    "skus_on_file",
]
