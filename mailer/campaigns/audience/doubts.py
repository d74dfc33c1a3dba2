"""What a rule names that is most likely a slip of the pen: it holds, and lets nobody in."""

from sqlalchemy import func
from sqlmodel import Session, col, select

from mailer import orders
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.audience.rules import Engaged, Ordered, Rule, rules_in


def doubts_about(session: Session, rule: Rule) -> list[str]:
    """Say of each product that no order on file has, and of each campaign that has not started."""
    named = {each.product for each in rules_in(rule) if isinstance(each, Ordered) and each.product}
    unknown = named - orders.skus_on_file(session, named)
    told = [f"No order on file has the product “{each}”." for each in sorted(unknown)]
    return told + [
        f"Campaign {each} has not started: nobody clicked or opened mail of it."
        for each in never_started(session, rule)
    ]


def never_started(session: Session, rule: Rule) -> list[int]:
    """Return the campaigns that a rule names and that have mailed nobody, though they are on file.

    Of a campaign that repeats each of its times counts as it.
    """
    asked = {each.campaign for each in rules_in(rule) if isinstance(each, Engaged)}
    named = {each for each in asked if each is not None}
    if not named:
        return []
    on_file = set(session.exec(select(CampaignRow.id).where(col(CampaignRow.id).in_(named))))
    whose = func.coalesce(CampaignRow.series_id, CampaignRow.id)
    mailed = session.execute(
        select(CampaignRow.id, whose).where(
            col(CampaignRow.id).in_(named) | col(CampaignRow.series_id).in_(named),
            col(CampaignRow.mailing_id).is_not(None),
        )
    )
    begun = {number for row in mailed for number in row}
    return sorted(each for each in named if each in on_file and each not in begun)
