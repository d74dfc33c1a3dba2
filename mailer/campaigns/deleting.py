"""A draft that nobody needs is deleted; what was ever planned or begun stays on record."""

from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

from mailer.campaigns._rows import CampaignError, locked, note, said_why, was_planned
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.lifecycle import Act, State, possible
from mailer.campaigns.revisions import revision_of
from mailer.campaigns.values import CampaignId

INSTEAD = "Cancel it instead: it stays on record and never leaves."
ENDED = "It stays on record, and nothing of it leaves any more."


class CannotDelete(CampaignError):
    """A campaign cannot be deleted; the text says why, and what can be done instead."""


def delete(
    session: Session, campaign_id: CampaignId, *, reason: str = "", by: str, now: datetime
) -> None:
    """Delete a draft that was never scheduled.

    The ledger keeps that it was made, edited and deleted, by whom and why, and never what it
    said; its number is not given again, and tests of it stay what they are. Raises
    CampaignNotFound, CannotDelete, ReasonUnfit.
    """
    why = said_why(reason)
    row = locked(session, campaign_id)
    _refuse_planned(row)
    _refuse_named(session, campaign_id)
    note(session, row, "deleted", by=by, now=now, detail={"revision": revision_of(row), **why})
    session.delete(row)
    session.flush()


def _refuse_planned(row: CampaignRow) -> None:
    state = State(row.state)
    if Act.DELETE not in possible(state):
        instead = ENDED if state.is_final else INSTEAD
        raise CannotDelete(f"Only drafts can be deleted, and this campaign is {state}. {instead}")
    if was_planned(row):
        raise CannotDelete(
            f"This draft was scheduled before, so others may know of it. {INSTEAD}"
            if row.was_scheduled
            else f"This draft may have begun before the database was restored. {INSTEAD}"
        )


def _refuse_named(session: Session, campaign_id: CampaignId) -> None:
    """Refuse while a rule names it, as with lists: a rule must not mean other people on the quiet."""
    named = session.execute(_NAMED, {"campaign": campaign_id}).first()
    if named is not None:
        raise CannotDelete(
            f"The rule of {named.what} {named.id} names this campaign. Take it out of that rule"
            " first."
        )


_NAMES = (
    """jsonb_path_exists({}, '$.** ? (@.kind == "engaged" && @.campaign == $campaign)', vars)"""
)
_NAMED = text(
    f"""
    WITH asked AS (SELECT jsonb_build_object('campaign', CAST(:campaign AS bigint)) AS vars)
    SELECT 'saved audience' AS what, id FROM campaigns_audience, asked
    WHERE {_NAMES.format("rule")}
    UNION ALL
    SELECT 'campaign' AS what, id FROM campaigns_campaign, asked
    WHERE mailing_id IS NULL AND state <> 'cancelled' AND id <> :campaign
        AND {_NAMES.format("audience")}
    ORDER BY what, id LIMIT 1
    """
)
