"""Seconds in which a crowd of one domain asked, kept up as requests come in (`judging.is_crowd`).

A crowd may form late, when a spooled request arrives, and dissolve, when so many others of the
domain asked since that it was chance: whose requests that changes is told, to be judged again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import BigInteger, Boolean, Integer, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

from mailer import delivery
from mailer.measure.asked import Asked, Mail, Moment, judged_before, people_at
from mailer.measure.judging import CROWD, is_crowd
from mailer.measure.machines import Kind
from mailer.vocabulary import MailingId, PersonId


class Domain(NamedTuple):
    """The people of one domain who got a mailing, and whether it is about clicks or opens."""

    mailing_id: MailingId
    domain_tag: int
    is_click: bool


Second = tuple[Domain, int]


@dataclass(slots=True)
class Mails:
    """The mails of a step, each looked up once."""

    session: Session
    known: dict[Mail, delivery.Mail] = field(default_factory=dict)
    asked_for: set[Mail] = field(default_factory=set)

    def load(self, those: Iterable[Mail]) -> None:
        """Look up those of these mails that were not looked up yet."""
        new = set(those) - self.asked_for
        self.asked_for |= new
        self.known |= delivery.mails_of(self.session, new)

    def domain_of(self, mail: Mail, is_click: bool) -> Domain | None:
        """Return whose crowd this mail belongs to; None where no such mail is known."""
        known = self.known.get(mail)
        return None if known is None else Domain(mail[0], known.domain_tag, is_click)


@dataclass(frozen=True, slots=True)
class Crowds:
    """What the crowds of some domains are once fresh requests are counted in."""

    newly: Counter[Domain]
    """People who asked for the first time, by domain."""
    before: Mapping[Second, int]
    now: Mapping[Second, int]
    """People by each second in which they are a crowd."""
    stirred: Sequence[tuple[Mail, int]]
    """Mails with a request in a second that became a crowd's, or ceased to be one's."""


def crowds_with(session: Session, fresh: Sequence[Asked], mails: Mails) -> Crowds:
    """Count fresh requests in. Loads into `mails` whom it comes across; writes nothing."""
    newly = _newly(session, fresh, mails)
    whose = {each.mail for each in fresh}
    both = (mails.domain_of(mail, is_click) for mail in whose for is_click in (True, False))
    domains = {domain for domain in both if domain is not None}
    ever, before = _stored(session, domains)
    ever.update(newly)
    present = _present(session, _worth_a_look(fresh, mails), mails, fewest=CROWD)
    together = {**before, **{second: len(mails_at) for second, mails_at in present.items()}}
    now = {
        (domain, second): count
        for (domain, second), count in together.items()
        if domain in domains and is_crowd(count, ever[domain])
    }
    changed = before.keys() ^ now.keys()
    return Crowds(newly, before, now, _stirred(session, changed, present, mails))


def write_crowds(session: Session, crowds: Crowds) -> None:
    """Store what the crowds are now, and how many people ever asked."""
    if crowds.newly:
        session.execute(_ADD, _columns_of(crowds.newly))
    gone = {second: 0 for second in crowds.before if second not in crowds.now}
    if gone:
        session.execute(_FORGET, _seconds_of(gone))
    kept = {each: n for each, n in crowds.now.items() if crowds.before.get(each) != n}
    if kept:
        session.execute(_KEEP, _seconds_of(kept))


def _newly(session: Session, fresh: Sequence[Asked], mails: Mails) -> Counter[Domain]:
    asked = {(each.mail, each.is_click) for each in fresh}
    first = asked - judged_before(session, asked)
    found = (mails.domain_of(mail, is_click) for mail, is_click in first)
    return Counter(domain for domain in found if domain is not None)


def _stored(session: Session, domains: set[Domain]) -> tuple[Counter[Domain], dict[Second, int]]:
    """Return how many ever asked, and the crowds, of these domains as they are stored."""
    given = _columns_of(dict.fromkeys(domains, 0))
    ever: Counter[Domain] = Counter()
    for row in session.execute(_EVER, given):
        ever[Domain(*row[:3])] = row.people
    crowds = {(Domain(*row[:3]), row.second): row.people for row in session.execute(_CROWDS, given)}
    return ever, crowds


def _worth_a_look(fresh: Sequence[Asked], mails: Mails) -> set[Moment]:
    return {each.moment for each in fresh if each.kind == Kind.GET and each.mail in mails.known}


def _present(
    session: Session, moments: Iterable[Moment], mails: Mails, *, fewest: int
) -> dict[Second, set[Mail]]:
    """Return by domain whose mail was asked for in these seconds; not where fewer than that did."""
    found = people_at(session, set(moments))
    full = {moment: those for moment, those in found.items() if len(those) >= fewest}
    mails.load((moment.mailing_id, each) for moment, those in full.items() for each in those)
    present: dict[Second, set[Mail]] = {}
    for moment, those in full.items():
        for mail in ((moment.mailing_id, PersonId(each)) for each in those):
            domain = mails.domain_of(mail, moment.is_click)
            if domain is not None:
                present.setdefault((domain, moment.second), set()).add(mail)
    return present


def _stirred(
    session: Session, changed: Iterable[Second], present: Mapping[Second, set[Mail]], mails: Mails
) -> list[tuple[Mail, int]]:
    wanted = set(changed)
    unseen = {
        Moment(domain.mailing_id, domain.is_click, second)
        for domain, second in wanted - present.keys()
    }
    whole = {**_present(session, unseen, mails, fewest=1), **present}
    return [(mail, each[1]) for each in wanted for mail in whole.get(each, ())]


def _columns_of(counts: Mapping[Domain, int]) -> dict[str, list[object]]:
    return {
        "mailings": [domain.mailing_id for domain in counts],
        "tags": [domain.domain_tag for domain in counts],
        "clicks": [domain.is_click for domain in counts],
        "counts": list(counts.values()),
    }


def _seconds_of(counts: Mapping[Second, int]) -> dict[str, list[object]]:
    domains = [domain for domain, _ in counts]
    return {
        "mailings": [domain.mailing_id for domain in domains],
        "tags": [domain.domain_tag for domain in domains],
        "clicks": [domain.is_click for domain in domains],
        "seconds": [second for _, second in counts],
        "counts": list(counts.values()),
    }


_TYPES = {
    "mailings": BigInteger,
    "tags": BigInteger,
    "clicks": Boolean,
    "seconds": BigInteger,
    "counts": Integer,
}


def _statement(sql: str) -> TextClause:
    bound = text(sql)
    wanted = [name for name in _TYPES if f":{name}" in sql]
    return bound.bindparams(*(bindparam(name, type_=ARRAY(_TYPES[name])) for name in wanted))


_EVER = _statement(
    "SELECT d.mailing_id, d.domain_tag, d.is_click, d.people"
    " FROM unnest(:mailings, :tags, :clicks) AS w(mailing_id, domain_tag, is_click)"
    " JOIN measure_domain d USING (mailing_id, domain_tag, is_click)"
)
_CROWDS = _statement(
    "SELECT c.mailing_id, c.domain_tag, c.is_click, c.second, c.people"
    " FROM unnest(:mailings, :tags, :clicks) AS w(mailing_id, domain_tag, is_click)"
    " JOIN measure_crowd c USING (mailing_id, domain_tag, is_click)"
)
_ADD = _statement(
    "INSERT INTO measure_domain AS d (mailing_id, domain_tag, is_click, people)"
    " SELECT * FROM unnest(:mailings, :tags, :clicks, :counts)"
    " ON CONFLICT (mailing_id, domain_tag, is_click)"
    " DO UPDATE SET people = d.people + excluded.people"
)
_FORGET = _statement(
    "DELETE FROM measure_crowd c USING unnest(:mailings, :tags, :clicks, :seconds)"
    " AS w(mailing_id, domain_tag, is_click, second)"
    " WHERE (c.mailing_id, c.domain_tag, c.is_click, c.second)"
    " = (w.mailing_id, w.domain_tag, w.is_click, w.second)"
)
_KEEP = _statement(
    "INSERT INTO measure_crowd (mailing_id, domain_tag, is_click, second, people)"
    " SELECT * FROM unnest(:mailings, :tags, :clicks, :seconds, :counts)"
    " ON CONFLICT (mailing_id, domain_tag, is_click, second)"
    " DO UPDATE SET people = excluded.people"
)
