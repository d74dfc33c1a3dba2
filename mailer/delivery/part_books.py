"""The books of each part of a split mailing: the hold-out, every variant, who waited for the choice."""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import text
from sqlmodel import Session

from mailer.delivery.books import Books
from mailer.vocabulary import MailingId, Reason


def books_by_part(session: Session, mailing_id: MailingId) -> Mapping[str, Books]:
    """Count what became of each part's people; together they are the mailing's books.

    Parts are named as in `handed_over_of`; a mailing that is not split has one, without a name.
    """
    refused: defaultdict[str, dict[Reason, int]] = defaultdict(dict)
    for row in session.execute(_REFUSALS, {"mailing_id": mailing_id}):
        refused[row.part][Reason(row.reason)] = row.people
    return {
        row.part: Books(
            audience=row.audience,
            accepted=row.accepted,
            refused=refused[row.part],
            rejected=row.rejected,
            unknown=row.unknown,
            cancelled=row.cancelled,
            to_go=row.to_go,
        )
        for row in session.execute(_COUNTS, {"mailing_id": mailing_id})
    }


_COUNTS = text(
    """
    SELECT CASE WHEN planned IS NOT NULL THEN 'rest'
                ELSE coalesce(CAST(variant AS text), '') END AS part,
           sum(size) AS audience, sum(accepted) AS accepted, sum(rejected) AS rejected,
           sum(unknown) AS unknown,
           coalesce(sum(size - refused) FILTER (WHERE state = 'cancelled'), 0) AS cancelled,
           coalesce(sum(size - refused)
                    FILTER (WHERE state IN ('prepared', 'claimed', 'handing')), 0) AS to_go
    FROM delivery_batch WHERE mailing_id = :mailing_id GROUP BY 1
    """
)
_REFUSALS = text(
    """
    SELECT CASE WHEN b.planned IS NOT NULL THEN 'rest'
                ELSE coalesce(CAST(b.variant AS text), '') END AS part,
           e.reason, count(*) AS people
    FROM delivery_exception e JOIN delivery_batch b ON b.id = e.batch_id
    WHERE b.mailing_id = :mailing_id AND e.outcome = 'refused' GROUP BY 1, 2
    """
)
