"""Three campaigns: a small one that is soon finished, a big one on its way, one for tomorrow."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from mailer import campaigns
from mailer.campaigns import Audience, NewCampaign, Plan, Rules
from mailer.campaigns.audience.rules import LivesIn, Ordered
from mailer.letters import Brand, PromotionalContent
from mailer.vocabulary import Topic

BY = "demo"
SECOND = "demo:second person"
"""Approves what the first one wrote."""
OFFICE = ZoneInfo("America/New_York")
TOUR_BODY = """\
Our people are on the road in Ireland with two tills, a box of printers and plenty of time.

- **Dublin**, Tuesday: the new end of day, step by step
- **Cork**, Wednesday: stock counts with a phone
- **Galway**, Thursday: bring your own questions

{% if city == "Cork" %}
The one in Cork is round the corner from you, {{ first_name }}.
{% endif %}

Coffee is on us. [See the places and times](URL/tour).
"""
AUTUMN_BODY = """\
The autumn release of **POS Pro** is ready. It comes to your tills in {{ city }} overnight, and \
nothing needs to be installed.

## What changes for you

- **End of day** counts cash, cards and vouchers on one page. \
[See it in two minutes](URL/releases/autumn#end-of-day).
- **Stock counts** work on any phone with a camera.
- **Receipts** can be sent by e-mail instead of printed.

{% if country_code in ["DE", "AT", "CH"] %}
The fiscal journal follows the rules of 2027 already. \
[What to tell your tax adviser](URL/help/fiscal-journal).
{% endif %}

## Before it arrives

Close open tabs on the evening before. The [release notes](URL/releases/autumn/notes) list \
every change.
"""
NEWS_BODY = """\
A year has gone round again, {{ first_name }}, and a few things are new with us.

## A second workshop

Repairs are done in Trenton and, from January, in Rotterdam. A printer that is sent in from \
{{ country }} is back in a week.

## The same people on the phone

Customer care is there on every working day, also between the years. \
[Opening hours](URL/company/hours).

## Thank you

You told us 1,214 things that annoyed you this year. [We mended 873 of them](URL/company/mended); \
the others are on the list.
"""


def begin(session: Session, *, brand: Brand, rules: Rules, now: datetime) -> None:
    """Start the first two, one after the other, and schedule the third for tomorrow morning.

    A second person of the company approves all three.
    """
    tour, autumn, news = (
        campaigns.create(session, new, brand=brand, by=BY, now=now)
        for new in _campaigns(brand, now)
    )
    for campaign in (tour, autumn, news):
        campaigns.approve(
            session, campaign.campaign_id, brand=brand, rules=rules, by=SECOND, now=now
        )
    for campaign in (tour, autumn):
        campaigns.start(session, campaign.campaign_id, brand=brand, rules=rules, by=BY, now=now)
    tomorrow = now.astimezone(OFFICE).date() + timedelta(days=1)
    campaigns.schedule(
        session,
        news.campaign_id,
        plan=Plan(at=datetime.combine(tomorrow, time(9)), zone=OFFICE.key),
        brand=brand,
        rules=rules,
        by=BY,
        now=now,
    )


def _campaigns(brand: Brand, now: datetime) -> tuple[NewCampaign, NewCampaign, NewCampaign]:
    shop = brand.shop_url.rstrip("/")
    return (
        NewCampaign("On tour in Ireland", Topic.SERVICE_AND_EVENTS, _tour(shop), IRELAND),
        NewCampaign("Autumn release", Topic.SOFTWARE_UPDATES, _autumn(shop), Audience()),
        NewCampaign(
            "The year in short",
            Topic.COMPANY_NEWS,
            _news(shop),
            Audience(rule=Ordered(since=now - timedelta(days=180))),
        ),
    )


IRELAND = Audience(rule=LivesIn(any_of=("IE",)))


def _tour(shop: str) -> PromotionalContent:
    return PromotionalContent(
        subject="We are in Ireland next week, {{ first_name }}",
        preheader="Dublin, Cork and Galway: see the new end of day, and ask us anything.",
        heading="Come and see us, {{ first_name }}",
        body_markdown=TOUR_BODY.replace("URL", shop),
        button_label="Keep a seat for me",
        button_url=f"{shop}/tour/seats",
    )


def _autumn(shop: str) -> PromotionalContent:
    return PromotionalContent(
        subject="Autumn release: close the till in half the time",
        preheader="Faster end of day, and stock counts on your phone.",
        heading="Close the till in half the time, {{ first_name }}",
        body_markdown=AUTUMN_BODY.replace("URL", shop),
        button_label="See what is new",
        button_url=f"{shop}/releases/autumn",
    )


def _news(shop: str) -> PromotionalContent:
    return PromotionalContent(
        subject="{{ first_name }}, the year in short",
        preheader="A second workshop, the same people on the phone, and a thank-you.",
        heading="The year in short",
        body_markdown=NEWS_BODY.replace("URL", shop),
        button_label="Read the whole story",
        button_url=f"{shop}/company/year",
    )
