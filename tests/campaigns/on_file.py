"""What the rooms have on file about campaigns, read past their doors: to hold a model against."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import text

from mailer import campaigns, delivery
from mailer.campaigns import Campaign, CampaignId
from mailer.database import Database
from mailer.vocabulary import MailingId
from tests.campaigns.life import Line

_ACCOUNTS = text(
    """
    SELECT b.mailing_id, u.person_id, b.state AS batch, coalesce(e.outcome, CASE b.state
        WHEN 'settled' THEN 'accepted' WHEN 'unknown' THEN 'unknown'
        WHEN 'cancelled' THEN 'cancelled' ELSE 'to_go' END) AS outcome
    FROM delivery_batch b JOIN delivery_roster r ON r.batch_id = b.id
    CROSS JOIN LATERAL unnest(r.persons) AS u(person_id)
    LEFT JOIN delivery_exception e ON e.batch_id = b.id AND e.person_id = u.person_id
    WHERE b.mailing_id = ANY(:mailings)
    """
)
_DRAWN = text(
    """
    SELECT u.person_id, b.variant, b.planned IS NOT NULL AS waits
    FROM delivery_batch b JOIN delivery_roster r ON r.batch_id = b.id
    CROSS JOIN LATERAL unnest(r.persons) AS u(person_id)
    WHERE b.mailing_id = :mailing
    """
)
_LEDGER = text(
    "SELECT kind, actor, detail FROM ledger_entry"
    " WHERE kind LIKE 'campaign.%' AND (detail ->> 'campaign')::bigint = ANY(:campaigns) ORDER BY id"
)
_EVERYTHING = text(
    """
    SELECT to_jsonb(c) FROM campaigns_campaign c WHERE c.id >= :first
    UNION ALL SELECT to_jsonb(m) FROM delivery_mailing m WHERE m.id > :before
    UNION ALL SELECT to_jsonb(b) FROM delivery_batch b WHERE b.mailing_id > :before
    UNION ALL SELECT to_jsonb(t) FROM delivery_tally t WHERE t.mailing_id > :before
    UNION ALL SELECT to_jsonb(max(l.id)) FROM ledger_entry l
    """
)
_HELD = text(
    "SELECT token, mailing_id FROM delivery_batch"
    " WHERE token IS NOT NULL AND state IN ('claimed', 'handing') AND mailing_id > :before"
)


def newest_mailing(database: Database) -> int:
    with database.reading() as session:
        newest = text("SELECT coalesce(max(id), 0) FROM delivery_mailing")
        return int(session.execute(newest).scalar_one())


def accounts(database: Database, mailings: Collection[int]) -> list[Any]:
    """What has become of everybody: a row for each person of each batch."""
    with database.reading() as session:
        return list(session.execute(_ACCOUNTS, {"mailings": list(mailings)}).all())


def drawn(database: Database, mailing: int) -> dict[int, tuple[int, bool]]:
    """Return everybody's variant of a mailing, and whether they wait for a choice."""
    with database.reading() as session:
        rows = session.execute(_DRAWN, {"mailing": mailing}).all()
    found = {row.person_id: (row.variant, row.waits) for row in rows}
    assert len(found) == len(rows), "somebody was drawn twice"
    return found


def books(database: Database, mailings: Collection[int]) -> dict[int, delivery.Books]:
    with database.reading() as session:
        return {each: delivery.books(session, MailingId(each)) for each in mailings}


def held(database: Database, before: int) -> dict[object, int]:
    """Return the mailing of each batch that a sender holds, by the token of the claim."""
    with database.reading() as session:
        rows = session.execute(_HELD, {"before": before}).all()
    return {row.token: row.mailing_id for row in rows}


def stories(
    database: Database, some: Collection[CampaignId]
) -> tuple[dict[int, Campaign], dict[int, list[Line]]]:
    """Return every campaign as it is on file, and its story as the ledger has it."""
    told = {int(each): list[Line]() for each in some}
    with database.reading() as session:
        found = campaigns.campaigns_page(session, after=CampaignId(min(some) - 1))
        for kind, actor, detail in session.execute(_LEDGER, {"campaigns": list(some)}):
            line = Line(kind.removeprefix("campaign."), actor, detail.get("why"))
            told[detail["campaign"]].append(line)
    return {int(each.campaign_id): each for each in found}, told


def everything(database: Database, *, first: int, before: int) -> list[str]:
    """All that an act could have changed, to hold before and after against each other."""
    with database.reading() as session:
        found = session.execute(_EVERYTHING, {"first": first, "before": before})
        return sorted(map(repr, found.scalars()))
