"""What the safety brake did to a mailing, brought to its campaign: paused, with the figures."""

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType

from sqlmodel import Session, col, select

from mailer import delivery
from mailer.campaigns._rows import CampaignError, locked_under_way, note, under_way
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.lifecycle import Act, State, after
from mailer.campaigns.values import CampaignId
from mailer.delivery import Braked, Cause
from mailer.measure import Published, published
from mailer.vocabulary import MailingId

BRAKE = "brake"
"""The actor of what the safety brake did and no person."""

WORDS = MappingProxyType(
    {
        Cause.COMPLAINTS: ("complaints", "accepted"),
        Cause.HARD_BOUNCES: ("mailboxes that do not exist", "handed over"),
        Cause.REJECTED: ("refusals", "handed over"),
        Cause.UNKNOWN: ("mails of unknown fate", "handed over"),
    }
)


class ReasonNeeded(CampaignError):
    """The safety brake stopped this campaign: say why it may go on."""

    def __init__(self, braked: Braked) -> None:
        super().__init__(f"{brake_sentence(braked)} Resuming it needs a reason.")


def brake_sentence(braked: Braked) -> str:
    """Say why the brake stopped a campaign, with its figure as far as it may be shown (C15)."""
    what, among = WORDS[braked.cause]
    count = shown_count(braked)
    return (
        f"Stopped by the safety brake at {braked.at:%Y-%m-%d %H:%M:%S} UTC: {what} passed"
        f" {braked.limit:g} %, {count if isinstance(count, str) else f'{count:,}'} of"
        f" {braked.of:,} {among}."
    )


def shown_count(braked: Braked) -> Published:
    """Return for how many the brake stopped a campaign, as it may be shown (C15).

    Of how many the fate is unknown the books tell to the person, and so does this.
    """
    if braked.cause is Cause.UNKNOWN:
        return braked.count
    return published(braked.count, among=braked.of)


def brake_stopped(session: Session, *, now: datetime) -> list[CampaignId]:
    """Pause the campaigns whose mailing the brake has stopped; return which.

    Only theirs are locked, and looked at again under the lock: nobody who sends or steers another
    waits for the clock.
    """
    running = under_way(session, col(CampaignRow.braked).is_(None))
    stopped = delivery.braked_among(session, running)
    rows = locked_under_way(session, [running[each] for each in stopped])
    return [CampaignId(row.id or 0) for row in rows if bring_along(session, row, now=now)]


def bring_along(session: Session, row: CampaignRow, *, now: datetime) -> bool:
    """Pause a locked campaign whose mailing the brake has stopped, and note it, once."""
    if row.mailing_id is None or row.braked is not None or State(row.state).is_final:
        return False
    braked = delivery.braked_of(session, MailingId(row.mailing_id))
    if braked is None:
        return False
    row.state = after(State(row.state), Act.PAUSE)
    _note_braked(session, row, braked, now)
    return True


def _note_braked(session: Session, row: CampaignRow, braked: Braked, now: datetime) -> None:
    row.braked = braked.stored()
    detail = {
        "cause": braked.cause.value,
        "count": shown_count(braked),
        "of": braked.of,
        "limit": braked.limit,
        "at": braked.at.isoformat(),
    }
    note(session, row, "braked", by=BRAKE, now=now, detail=detail)


def stop_series(session: Session, row: CampaignRow, *, now: datetime) -> bool:
    """Stop a locked campaign that repeats where the brake fell on one of its times; say whether.

    Also on one that has ended: what is heard comes late. Whoever resumes that time, with a reason,
    before the next is due lets the repetition go on, too.
    """
    mailings = [MailingId(each.mailing_id) for each in _times_of(session, row) if each.mailing_id]
    braked = delivery.first_braked(session, mailings) if mailings else None
    if braked is None:
        return False
    _note_braked(session, row, braked, now)
    return True


def is_stopped_series(session: Session, row: CampaignRow, *, now: datetime) -> bool:
    """Say whether a locked campaign repeats no more since the brake fell on one of its times.

    Whoever comes before the clock does notes it.
    """
    if State(row.state) is not State.SCHEDULED:
        return False
    return row.braked is not None or stop_series(session, row, now=now)


def resume_series(
    session: Session, row: CampaignRow, *, reason: str, by: str, now: datetime
) -> None:
    """Let a campaign repeat again; the time that was due meanwhile is made up for.

    A time that is paused stays so until it is resumed itself. Raises ReasonNeeded.
    """
    refuse_without_reason(row, reason)
    for each in _times_of(session, row):
        bring_along(session, each, now=now)
        delivery.release_brake(session, MailingId(each.mailing_id or 0))
    row.braked = None
    note(session, row, "resumed", by=by, now=now, detail={"why": reason})


def _times_of(session: Session, row: CampaignRow) -> Sequence[CampaignRow]:
    return session.exec(
        select(CampaignRow)
        .where(CampaignRow.series_id == row.id, col(CampaignRow.mailing_id).is_not(None))
        .order_by(col(CampaignRow.id))
    ).all()


def refuse_without_reason(row: CampaignRow, reason: str = "") -> None:
    """Let nothing go on that the brake has stopped and nobody gives a reason for.

    Raises ReasonNeeded.
    """
    if row.braked is not None and not reason.strip():
        raise ReasonNeeded(Braked.read(row.braked))


def release(session: Session, row: CampaignRow, *, reason: str) -> None:
    """Let a campaign go on that the brake has stopped; only what comes from now on is judged.

    Raises ReasonNeeded.
    """
    if row.braked is None or row.mailing_id is None:
        return
    refuse_without_reason(row, reason)
    delivery.release_brake(session, MailingId(row.mailing_id))
    row.braked = None
