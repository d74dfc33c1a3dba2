"""The invented order, card and plan that every letter's sample speaks of."""

from mailer.letters.fields import Money, OrderLine, PaymentMethod

CARD = PaymentMethod(brand="Visa", last4="4242")
PLAN = "POS Pro, two tills"
HOME = ("Jo Example", "Example Bakery", "21 Mill Lane", "Trenton, NJ 08608")


def dollars(amount: int) -> Money:
    """Give `amount` cents as money."""
    return Money(amount=amount, currency="USD")


GOODS = (
    OrderLine(name="POS Pro terminal, 15-inch", quantity=2, price=dollars(64_900)),
    OrderLine(name="Receipt printer TP-80", quantity=2, price=dollars(18_950)),
    OrderLine(name="Barcode scanner, corded", quantity=1, price=dollars(8_900)),
)
