"""What is known of a mailing's people, counted in sets by the rooms that know it: raw figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Float, Select, cast, extract, func, select
from sqlmodel import Session

from mailer import delivery, measure, orders, people, permission
from mailer.measure import QUARTER, Reactions
from mailer.orders import Turnover
from mailer.vault import Vault
from mailer.vocabulary import MailingId, PersonId


@dataclass(frozen=True, slots=True)
class Reached:
    """How many people of one group the mail was handed over for, and what came of it."""

    handed_over: int
    measurable: int
    delivered: int
    bounced: int
    complained: int
    opted_out: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Everything that a report is made of, before anything is withheld: nothing to be shown."""

    groups: Mapping[str, Reached]
    """By recipient domain; a known provider's name, or people.OTHER_DOMAINS."""
    reactions: Reactions
    targets: Sequence[str]
    handed_over_at: Mapping[datetime, int]
    opted_out_at: Mapping[datetime, int]
    turnover: Sequence[Turnover]


def count_mailing(session: Session, vault: Vault, mailing_id: MailingId) -> Counts:
    """Count everything about a mailing's people, in a handful of statements over all of them."""
    targets = delivery.targets_of(session, mailing_id) or ()
    reactions = measure.reactions_of(
        session, mailing_id, people=_looked_at(vault, mailing_id), links=len(targets)
    )
    return Counts(
        groups=_reached(session, vault, mailing_id),
        reactions=reactions,
        targets=targets,
        handed_over_at=delivery.handed_over_when(session, mailing_id),
        opted_out_at=_opted_out_at(session, mailing_id),
        turnover=orders.orders_after(session, _as_survivors(session, reactions.clicks)),
    )


def _looked_at(vault: Vault, mailing_id: MailingId) -> Select[Any]:
    """Select whose clicks and opens are judged: handed over, and not switched off (C17)."""
    handed = delivery.handed_over_of(mailing_id).subquery("handed")
    mailboxes = people.mailboxes_of(vault).subquery("mailboxes")
    measurable = permission.measurable().subquery("measurable")
    return (
        select(
            handed.c.person_id,
            handed.c.handed_at,
            mailboxes.c.domain_tag.label("crowd"),
            mailboxes.c.domain.label("group"),
        )
        .join(mailboxes, mailboxes.c.address_id == handed.c.address_id)
        .join(measurable, measurable.c.person_id == handed.c.person_id)
    )


def _reached(session: Session, vault: Vault, mailing_id: MailingId) -> dict[str, Reached]:
    """Count by domain whom the mail reached, in one statement over the rooms' own SELECTs."""
    handed = delivery.handed_over_of(mailing_id).subquery("handed")
    mailboxes = people.mailboxes_of(vault).subquery("mailboxes")
    measurable = permission.measurable().subquery("measurable")
    heard = delivery.heard_of(mailing_id).subquery("heard")
    opted_out = permission.opt_outs_by(mailing_id).subquery("opted_out")
    counts = (
        func.count(),
        func.count(measurable.c.person_id),
        *(func.count().filter(heard.c[name]) for name in ("delivered", "bounced", "complained")),
        func.count(opted_out.c.person_id),
    )
    whole = handed.join(mailboxes, mailboxes.c.address_id == handed.c.address_id)
    for more in (measurable, heard, opted_out):
        whole = whole.outerjoin(more, more.c.person_id == handed.c.person_id)
    rows = session.execute(
        select(mailboxes.c.domain, *counts).select_from(whole).group_by(mailboxes.c.domain)
    )
    return {domain: Reached(*counted) for domain, *counted in rows}


def _opted_out_at(session: Session, mailing_id: MailingId) -> dict[datetime, int]:
    """Count the opt-outs of people who were handed the mail, by quarter of an hour."""
    handed = delivery.handed_over_of(mailing_id).subquery("handed")
    opted_out = permission.opt_outs_by(mailing_id).subquery("opted_out")
    quarter = func.floor(cast(extract("epoch", opted_out.c.at), Float) / QUARTER)
    rows = session.execute(
        select(quarter, func.count())
        .join(handed, handed.c.person_id == opted_out.c.person_id)
        .group_by(quarter)
    )
    return {datetime.fromtimestamp(each * QUARTER, UTC): count for each, count in rows}


def _as_survivors(
    session: Session, clicks: Sequence[tuple[PersonId, datetime]]
) -> list[tuple[PersonId, datetime]]:
    """Say of each click whose it is today: a merged customer's orders are the survivor's."""
    now = people.survivors_of(session, sorted({person_id for person_id, _ in clicks}))
    return [(now.get(person_id, person_id), at) for person_id, at in clicks]
