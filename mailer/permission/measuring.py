"""What figures need of wishes, as SELECTs: who may be measured, and whom a mailing made opt out."""

from typing import Any

from sqlalchemy import Select, func, select
from sqlmodel import col

from mailer.permission._tables import ConsentRow, StandingRow
from mailer.vocabulary import MailingId


def measurable() -> Select[*tuple[Any, ...]]:
    """Select person_id of everybody who has not switched measuring off (C17)."""
    return select(col(StandingRow.person_id)).where(col(StandingRow.tracking))


def opt_outs_by(mailing_id: MailingId) -> Select[*tuple[Any, ...]]:
    """Select person_id and `at` of who stopped a topic or all mail by a link of this mailing.

    Once each, with their first no. A no that was said to be one already holds no new row.
    """
    return (
        select(col(ConsentRow.person_id), func.min(ConsentRow.at).label("at"))
        .where(col(ConsentRow.mailing_id) == mailing_id, col(ConsentRow.act).in_(("stop", "no")))
        .group_by(col(ConsentRow.person_id))
    )
