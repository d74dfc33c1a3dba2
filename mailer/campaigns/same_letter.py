"""Whether a letter has left before: as a campaign's own, or as a variant of either side."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlmodel import Session, col, select

from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.lifecycle import State
from mailer.delivery import may_have_left
from mailer.vocabulary import MailingId

Letter = frozenset[tuple[str, str]]
"""The fields of a letter that say anything, without the blanks that nobody sees."""
UNDER_WAY = (State.SENDING, State.PAUSED)


def sent_before(session: Session, row: CampaignRow) -> CampaignRow | None:
    """Return the newest campaign of another series that sent, or sends, one of this one's letters.

    On the same topic alone. One that ended before anything was handed over has sent nothing.
    """
    ours = _letters(row.content, row.split)
    for campaign_id, content, split in _started(session, row):
        if not ours.isdisjoint(_letters(content, split)):
            same = session.get(CampaignRow, campaign_id)
            if same is not None and _goes_out(session, same):
                return same
    return None


def _started(
    session: Session, row: CampaignRow
) -> Iterator[tuple[int, Mapping[str, Any], Mapping[str, Any] | None]]:
    """Yield number, content and split of what could have sent it, the newest first."""
    asked = (
        select(CampaignRow.id, CampaignRow.content, CampaignRow.split)
        .where(
            CampaignRow.id != row.id,
            CampaignRow.topic == row.topic,
            col(CampaignRow.started_at).is_not(None),
            # What repeats says the same each time, and is meant to.
            col(CampaignRow.series_id).is_distinct_from(row.series_id or row.id),
        )
        .order_by(col(CampaignRow.started_at).desc())
    )
    for campaign_id, content, split in session.exec(asked):
        yield campaign_id or 0, content, split


def _goes_out(session: Session, row: CampaignRow) -> bool:
    if row.state in UNDER_WAY:
        return True
    return row.mailing_id is not None and may_have_left(session, MailingId(row.mailing_id))


def _letters(content: Mapping[str, Any], split: Mapping[str, Any] | None) -> set[Letter]:
    """Return every letter that somebody gets, read as it is kept.

    What an older version wrote may not be readable as content any more, and is compared all the
    same. Where there are variants, nobody gets the campaign's letter but by one of them.
    """
    variants = (split or {}).get("variants") or [{}]
    return {_folded({**content, **_changed(each)}) for each in variants}


def _changed(variant: Mapping[str, Any]) -> dict[str, Any]:
    said = variant.get("content") or {}
    return {field: text for field, text in said.items() if text is not None}


def _folded(letter: Mapping[str, Any]) -> Letter:
    """Leave out blanks at the ends of lines, and fields that say nothing."""
    lines = {
        field: "\n".join(line.rstrip() for line in str(text).splitlines()).rstrip()
        for field, text in letter.items()
    }
    return frozenset((field, text) for field, text in lines.items() if text)
