"""Campaigns of a database that was restored: what the journal knows more of waits for a person."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session, col, select

from mailer import delivery
from mailer.campaigns._rows import CampaignError, note
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.lifecycle import Act, State, after
from mailer.campaigns.taken_back import BEGUN_BEFORE, HALF_SENT
from mailer.campaigns.timetable import take_back
from mailer.campaigns.values import CampaignId
from mailer.vocabulary import MailingId

JOURNAL = "journal"
"""The actor of what the journal brought about and no person."""
KEY = "campaign:"
"""How the mailing of a campaign is named, before its number."""


class Halted(CampaignError):
    """Nothing promotional starts while the journal knows more than the database."""


def refuse_while_halted(session: Session) -> None:
    """Raise Halted while promotional mail is refused."""
    why = delivery.halt_sentence(delivery.halts(session))
    if why is not None:
        raise Halted(why)


def campaign_of_key(key: str) -> CampaignId | None:
    """Return which campaign's mailing a key names; None for any other mailing."""
    number = key.removeprefix(KEY)
    return CampaignId(int(number)) if key.startswith(KEY) and number.isdecimal() else None


def stop_half_sent(
    session: Session, mailing_ids: Collection[MailingId], *, now: datetime
) -> list[CampaignId]:
    """Pause the campaigns of these mailings until a person resumes them; return which.

    Their mailings were paused by who gave up what had been in hand.
    """
    return _stop(session, mailing_ids, HALF_SENT, now)


def stop_begun_again(
    session: Session, mailing_ids: Collection[MailingId], *, now: datetime
) -> list[CampaignId]:
    """Pause campaigns that had begun after the backup, and began once more in this database.

    Nobody knows who of their people was mailed before. Returns which.
    """
    return _stop(session, mailing_ids, BEGUN_BEFORE, now)


def _stop(
    session: Session, mailing_ids: Collection[MailingId], why: str, now: datetime
) -> list[CampaignId]:
    rows = session.exec(
        select(CampaignRow)
        .where(
            col(CampaignRow.mailing_id).in_(mailing_ids),
            col(CampaignRow.state).in_((State.SENDING.value, State.PAUSED.value)),
        )
        .order_by(col(CampaignRow.id))
        .with_for_update()
    ).all()
    return [_pause(session, row, why, now) for row in rows if row.taken_back != why]


def _pause(session: Session, row: CampaignRow, why: str, now: datetime) -> CampaignId:
    row.state, row.taken_back = after(State(row.state), Act.PAUSE), why
    note(session, row, "paused", by=JOURNAL, now=now, detail={"why": why})
    return CampaignId(row.id or 0)


def take_back_begun(
    session: Session, begun: Collection[CampaignId], *, until: datetime, now: datetime
) -> list[CampaignId]:
    """Take back what had begun after the backup and is still to begin in this database.

    That is who is named, and whatever was scheduled for a moment up to `until`: the journal names
    the mailing of one time of a repetition, not the campaign that repeats. Returns which.
    """
    rows = session.exec(
        select(CampaignRow)
        .where(
            (col(CampaignRow.id).in_(begun) & (col(CampaignRow.state) == State.DRAFT.value))
            | (
                (col(CampaignRow.state) == State.SCHEDULED.value)
                & (col(CampaignRow.id).in_(begun) | (col(CampaignRow.scheduled_for) <= until))
            )
        )
        .order_by(col(CampaignRow.id))
        .with_for_update()
    ).all()
    return [_take_back(session, row, now) for row in rows if row.taken_back != BEGUN_BEFORE]


def _take_back(session: Session, row: CampaignRow, now: datetime) -> CampaignId:
    if State(row.state) is State.SCHEDULED:
        take_back(row)
    row.taken_back = BEGUN_BEFORE
    note(session, row, "start_refused", by=JOURNAL, now=now, detail={"why": BEGUN_BEFORE})
    return CampaignId(row.id or 0)


def number_campaigns_beyond(session: Session, campaign_id: CampaignId) -> None:
    """Let no new campaign have a number up to this one; a lower one changes nothing."""
    session.execute(_GO_BEYOND, {"number": campaign_id})


_GO_BEYOND = text(
    """
    SELECT setval(of.kind, greatest(CAST(:number AS bigint), pg_sequence_last_value(of.kind)))
    FROM (SELECT CAST(pg_get_serial_sequence('campaigns_campaign', 'id') AS regclass) AS kind) of
    WHERE coalesce(pg_sequence_last_value(of.kind), 0) < CAST(:number AS bigint)
    """
)
