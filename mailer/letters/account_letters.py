"""The letters about money that is due: bills of the monthly plan, and payments that fail (C10)."""

from datetime import UTC, date, datetime
from typing import ClassVar, Self

from pydantic import model_validator

from mailer.letters.fields import (
    Day,
    Line,
    Lines,
    Moment,
    Money,
    Month,
    OrderLine,
    OrderNumber,
    PaymentMethod,
    wrong,
)
from mailer.letters.letter import Letter
from mailer.letters.samples import CARD, PLAN, dollars


class PaymentFailed(Letter):
    """A payment for an order or for the plan did not go through (C05, C10)."""

    name: ClassVar[str] = "payment_failed"
    order_number: OrderNumber | None = None
    plan: Line | None = None
    tried_at: Moment
    amount: Money
    method: PaymentMethod | None = None
    reason: Line | None = None
    retry_on: Day | None = None
    pay_by: Day | None = None

    @model_validator(mode="after")
    def _is_about_one_thing(self) -> Self:
        if (self.order_number is None) == (self.plan is None):
            raise wrong("are about an order and a plan, or neither", "send order_number or plan")
        return self

    @classmethod
    def sample(cls) -> Self:
        """Give an invented failure."""
        return cls(
            plan=PLAN,
            tried_at=datetime(2026, 12, 1, 9, 0, tzinfo=UTC),
            amount=dollars(13_800),
            method=CARD,
            reason="The bank says that the card has expired.",
            retry_on=date(2026, 12, 4),
            pay_by=date(2026, 12, 15),
        )


class MonthlyStatement(Letter):
    """The bill of a month of the plan."""

    name: ClassVar[str] = "monthly_statement"
    plan: Line
    statement_number: OrderNumber
    period_from: Day
    period_to: Day
    lines: Lines
    tax: Money | None = None
    total: Money
    due_on: Day
    method: PaymentMethod | None = None

    @classmethod
    def sample(cls) -> Self:
        """Give an invented bill."""
        return cls(
            plan=PLAN,
            statement_number="S-2026-11-0482",
            period_from=date(2026, 11, 1),
            period_to=date(2026, 11, 30),
            lines=(
                OrderLine(name="POS Pro licence", quantity=2, price=dollars(5_900)),
                OrderLine(name="Back office, nightly backup", quantity=1, price=dollars(1_100)),
            ),
            tax=dollars(900),
            total=dollars(13_800),
            due_on=date(2026, 12, 1),
            method=CARD,
        )


class PaymentReceipt(Letter):
    """A payment for the plan has arrived."""

    name: ClassVar[str] = "payment_receipt"
    plan: Line
    receipt_number: OrderNumber
    paid_at: Moment
    amount: Money
    method: PaymentMethod | None = None
    period_from: Day
    period_to: Day

    @classmethod
    def sample(cls) -> Self:
        """Give an invented receipt."""
        return cls(
            plan=PLAN,
            receipt_number="R-2026-12-0482",
            paid_at=datetime(2026, 12, 1, 14, 0, tzinfo=UTC),
            amount=dollars(13_800),
            method=CARD,
            period_from=date(2026, 11, 1),
            period_to=date(2026, 11, 30),
        )


class CardExpiring(Letter):
    """The card on file ends before the next payment."""

    name: ClassVar[str] = "card_expiring"
    plan: Line
    method: PaymentMethod
    expires: Month
    next_payment_on: Day
    amount: Money

    @classmethod
    def sample(cls) -> Self:
        """Give an invented card."""
        return cls(
            plan=PLAN,
            method=CARD,
            expires="2026-12",
            next_payment_on=date(2027, 1, 1),
            amount=dollars(13_800),
        )
