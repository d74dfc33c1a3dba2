"""For whom a campaign is: one SELECT over living customers and what they ordered."""

from typing import Any

from sqlalchemy import Select, select

from mailer import people
from mailer.campaigns.values import Audience
from mailer.orders import OrderFacts, buyers_of


def audience_select(audience: Audience) -> Select[Any]:
    """Select the audience (person_id, address_id), a person once, in the order of their numbers.

    Whoever may not be mailed belongs to it all the same: who they are and why they are refused
    is decided per person at the hand-over, and for the preview, by one function.
    """
    everybody = people.audience_of(
        people.AudienceFilter(
            languages=frozenset(audience.languages), countries=frozenset(audience.countries)
        )
    )
    if not audience.asks_for_orders:
        return everybody
    living = everybody.order_by(None).subquery("living")
    buyers = buyers_of(_facts(audience)).subquery("buyers")
    return (
        select(living.c.person_id, living.c.address_id)
        .select_from(living.join(buyers, buyers.c.person_id == living.c.person_id))
        .order_by(living.c.person_id)
    )


def _facts(audience: Audience) -> OrderFacts:
    return OrderFacts(
        since=audience.ordered_since,
        before=audience.ordered_before,
        sku=audience.product,
        at_least=audience.orders_at_least or 1,
    )
