"""Judging what was asked and keeping the verdict beside it, a step at a time, as requests come in.

The rules are `judging.judge` and `judging.is_crowd`, and nothing else. After every step the
verdicts are what these rules say of all that was judged so far: what comes late or out of order has
what it changes judged again. Why: docs/decisions/stored-verdicts.md.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from sqlalchemy import Text, TextClause, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

from mailer.measure.asked import Asked, Mail, Span, fresh_requests, requests_near
from mailer.measure.crowds import Crowds, Domain, Mails, crowds_with, write_crowds
from mailer.measure.judging import REACH, Origin, Request, judge
from mailer.measure.machines import Kind
from mailer.vocabulary import MailingId

A_STEP = 500
"""Clicks, and opens, that one step takes: about a tenth of a second."""
EDGE = REACH + 1.0
"""How far from a request its neighbours are judged again; the second is for rounding."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What fresh requests come to, and what they change of earlier ones; not written yet."""

    fresh: int
    """How many requests were not judged before."""
    clicks: Mapping[UUID, Origin]
    opens: Mapping[UUID, Origin]
    crowds: Crowds


def judge_fresh(session: Session, *, limit: int = A_STEP) -> int:
    """Judge some of what came in since, and keep it; return how many requests that were.

    Zero where everything is judged, or where somebody else is at it. Whatever ends a step before
    its commit leaves it to be done again.
    """
    if not session.execute(_ALONE).scalar_one():
        return 0
    verdicts = verdicts_on_fresh(session, limit=limit)
    if verdicts is None:
        return 0
    write_crowds(session, verdicts.crowds)
    for statement, told in ((_CLICKS, verdicts.clicks), (_OPENS, verdicts.opens)):
        if told:
            origins = [origin.value for origin in told.values()]
            session.execute(statement, {"ids": list(told), "origins": origins})
    return verdicts.fresh


def verdicts_on_fresh(
    session: Session, *, mailing_id: MailingId | None = None, limit: int | None = None
) -> Verdicts | None:
    """Judge what is not judged yet, of one mailing or of any; None where there is nothing.

    Writes nothing: who only looks, as a report does, adds this to what is stored.
    """
    fresh = fresh_requests(session, mailing_id=mailing_id, limit=limit)
    if not fresh:
        return None
    mails = Mails(session)
    mails.load(each.mail for each in fresh)
    crowds = crowds_with(session, fresh, mails)
    spans = _spans(fresh, crowds)
    ids = {each.id for each in fresh}
    clicks: dict[UUID, Origin] = {}
    opens: dict[UUID, Origin] = {}
    for each, origin in _judged(session, spans, mails, crowds):
        # What came in since `fresh` was read stays for the next step: nobody has counted it in.
        if origin != each.origin and (each.origin is not None or each.id in ids):
            (clicks if each.is_click else opens)[each.id] = origin
    return Verdicts(len(fresh), clicks, opens, crowds)


def _spans(fresh: Iterable[Asked], crowds: Crowds) -> dict[Mail, Span]:
    """Return for each mail from when to when its verdicts may change."""
    spans: dict[Mail, Span] = {}
    moments = [(each.mail, each.at, each.at) for each in fresh]
    moments += [(mail, float(second), second + 1.0) for mail, second in crowds.stirred]
    for mail, first, last in moments:
        before = spans.get(mail, (first, last))
        spans[mail] = min(before[0], first), max(before[1], last)
    return {mail: (first - EDGE, last + EDGE) for mail, (first, last) in spans.items()}


def _judged(
    session: Session, spans: Mapping[Mail, Span], mails: Mails, crowds: Crowds
) -> Iterator[tuple[Asked, Origin]]:
    """Judge each mail's requests within its span, in the sight of those around it."""
    wider = {mail: (first - EDGE, last + EDGE) for mail, (first, last) in spans.items()}
    for mail, some in groupby(requests_near(session, wider), key=lambda each: each.mail):
        first, last = spans[mail]
        requests = list(some)
        judged = _judge(requests, mails, crowds)
        for each, origin in zip(requests, judged, strict=True):
            if first <= each.at <= last:
                yield each, origin


def _judge(requests: Sequence[Asked], mails: Mails, crowds: Crowds) -> list[Origin]:
    mail = mails.known.get(requests[0].mail)
    if mail is None:  # nothing is known of when it left: nobody can say
        return [Origin.UNKNOWN] * len(requests)

    def is_crowded(each: Asked) -> bool:
        domain = Domain(each.mailing_id, mail.domain_tag, each.is_click)
        return (domain, int(each.at)) in crowds.now

    return judge(
        [Request(each.n, Kind(each.kind), each.at, is_crowded(each)) for each in requests],
        links=mail.links,
        handed_at=mail.handed_at.timestamp(),
    )


_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtextextended('measure/verdicts', 0))")
"""One at a time: a domain's count is read and added to."""


def _writing(table: str) -> TextClause:
    return text(
        f"UPDATE {table} t SET origin = v.origin FROM unnest(:ids, :origins) AS v(id, origin)"
        " WHERE t.id = v.id"
    ).bindparams(bindparam("ids", type_=ARRAY(Uuid)), bindparam("origins", type_=ARRAY(Text)))


_CLICKS = _writing("measure_click")
_OPENS = _writing("measure_open")
