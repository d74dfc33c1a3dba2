"""What a rule names that is most likely a slip of the pen: it holds, and lets nobody in."""

from sqlmodel import Session

from mailer import orders
from mailer.campaigns.audience.rules import Ordered, Rule, rules_in


def doubts_about(session: Session, rule: Rule) -> list[str]:
    """Say of each product that a rule names and no order on file has that it is so."""
    named = {each.product for each in rules_in(rule) if isinstance(each, Ordered) and each.product}
    unknown = named - orders.skus_on_file(session, named)
    return [f"No order on file has the product “{each}”." for each in sorted(unknown)]
