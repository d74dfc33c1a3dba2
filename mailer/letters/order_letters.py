"""The letters about an order (C05): what its owner hears from the till to the doorstep."""

from datetime import UTC, date, datetime
from typing import ClassVar, Self

from mailer.letters.fields import (
    Address,
    Day,
    Line,
    Lines,
    Moment,
    Money,
    OrderNumber,
    PaymentMethod,
    Tracking,
)
from mailer.letters.letter import Letter
from mailer.letters.samples import CARD, GOODS, HOME, dollars


class OrderLetter(Letter):
    """A letter about one order; its footer says so."""

    order_number: OrderNumber


class OrderReceived(OrderLetter):
    """We have the order; nothing is charged or packed yet."""

    name: ClassVar[str] = "order_received"
    ordered_at: Moment
    lines: Lines
    shipping: Money | None = None
    tax: Money | None = None
    total: Money
    ship_to: Address = ()

    @classmethod
    def sample(cls) -> Self:
        """Give an invented order."""
        return cls(
            order_number="10482",
            ordered_at=datetime(2026, 11, 18, 15, 41, tzinfo=UTC),
            lines=GOODS,
            shipping=dollars(2_400),
            tax=dollars(11_700),
            total=dollars(190_700),
            ship_to=HOME,
        )


class OrderConfirmed(OrderLetter):
    """The order is checked and accepted; it will be packed."""

    name: ClassVar[str] = "order_confirmed"
    confirmed_at: Moment
    lines: Lines
    total: Money
    ships_by: Day | None = None
    ship_to: Address = ()

    @classmethod
    def sample(cls) -> Self:
        """Give an invented confirmation."""
        return cls(
            order_number="10482",
            confirmed_at=datetime(2026, 11, 18, 18, 5, tzinfo=UTC),
            lines=GOODS,
            total=dollars(190_700),
            ships_by=date(2026, 11, 20),
            ship_to=HOME,
        )


class OrderPaid(OrderLetter):
    """The money has arrived."""

    name: ClassVar[str] = "order_paid"
    paid_at: Moment
    amount: Money
    method: PaymentMethod | None = None

    @classmethod
    def sample(cls) -> Self:
        """Give an invented payment."""
        return cls(
            order_number="10482",
            paid_at=datetime(2026, 11, 18, 18, 6, tzinfo=UTC),
            amount=dollars(190_700),
            method=CARD,
        )


class OrderShipped(OrderLetter):
    """The parcel has left, with its tracking where there is one."""

    name: ClassVar[str] = "order_shipped"
    shipped_at: Moment
    tracking: Tracking | None = None
    lines: Lines
    expected_on: Day | None = None
    ship_to: Address = ()

    @classmethod
    def sample(cls) -> Self:
        """Give an invented parcel."""
        return cls(
            order_number="10482",
            shipped_at=datetime(2026, 11, 20, 19, 2, tzinfo=UTC),
            tracking=Tracking(
                carrier="UPS",
                number="1Z 999 AA1 01 2345 6784",
                url="https://www.ups.com/track?tracknum=1Z999AA10123456784&loc=en_US",
            ),
            lines=GOODS,
            expected_on=date(2026, 11, 24),
            ship_to=HOME,
        )


class OrderDelivered(OrderLetter):
    """The carrier says that the parcel has arrived."""

    name: ClassVar[str] = "order_delivered"
    delivered_at: Moment
    left_with: Line | None = None
    lines: Lines | None = None

    @classmethod
    def sample(cls) -> Self:
        """Give an invented delivery."""
        return cls(
            order_number="10482",
            delivered_at=datetime(2026, 11, 24, 16, 20, tzinfo=UTC),
            left_with="the front desk",
            lines=GOODS,
        )


class OrderCancelled(OrderLetter):
    """The order will not be sent; what was paid comes back."""

    name: ClassVar[str] = "order_cancelled"
    cancelled_at: Moment
    reason: Line | None = None
    refund: Money | None = None
    lines: Lines | None = None

    @classmethod
    def sample(cls) -> Self:
        """Give an invented cancellation."""
        return cls(
            order_number="10482",
            cancelled_at=datetime(2026, 11, 19, 13, 30, tzinfo=UTC),
            reason="The 15-inch terminal is out of stock until January.",
            refund=dollars(190_700),
            lines=GOODS,
        )


class OrderRefunded(OrderLetter):
    """Money is on its way back."""

    name: ClassVar[str] = "order_refunded"
    refunded_at: Moment
    amount: Money
    method: PaymentMethod | None = None
    expected_by: Day | None = None
    lines: Lines | None = None

    @classmethod
    def sample(cls) -> Self:
        """Give an invented refund."""
        return cls(
            order_number="10482",
            refunded_at=datetime(2026, 11, 27, 17, 12, tzinfo=UTC),
            amount=dollars(18_950),
            method=CARD,
            expected_by=date(2026, 12, 4),
            lines=(GOODS[1].model_copy(update={"quantity": 1}),),
        )
