"""What a digest would tell whom at a moment: gathered to be sent, counted, and looked at before."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func
from sqlmodel import Session, col, select

from mailer import delivery
from mailer.campaigns._rows import CampaignError, digest_from, found
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.audience import Audience, Count, Terms, audience_select
from mailer.campaigns.checks import faults_of
from mailer.campaigns.digests import Digest
from mailer.campaigns.values import CampaignId
from mailer.delivery import DryRun, HeldBackMailing
from mailer.letters import Brand, DigestContent, HeldBack, PromotionalContent, subject_for_anybody
from mailer.measure import Published, Sum, publish
from mailer.permission import Curfew
from mailer.vocabulary import MailingId, Reason, Stream, Topic


class NoDigest(CampaignError):
    """This campaign is no digest; send `digest` with it to make it one."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


@dataclass(frozen=True, slots=True)
class Gathered:
    """The mailings that a digest would tell of, the first one with the first bit."""

    mailings: Sequence[HeldBackMailing]
    since: datetime

    def of(self, audience: Select[Any]) -> Select[Any]:
        """Select of an audience those who would be told of something, with their bits."""
        bits = delivery.collected(self.mailings, since=self.since)
        return delivery.of_the_collected(audience, bits)

    @property
    def held_back(self) -> tuple[HeldBack, ...]:
        """What the digest's letter says of each."""
        return tuple(
            HeldBack.of(_content(each), mailing=each.id, topic=each.topic) for each in self.mailings
        )

    def letter(self, content: PromotionalContent) -> DigestContent:
        """Return the letter of a digest with everything in it."""
        return DigestContent(**content.model_dump(), held_back=self.held_back)


def gather(session: Session, digest: Digest, *, brand: Brand | None, now: datetime) -> Gathered:
    """Look for what was held back; a letter that `brand` could not write any more is left out.

    So is one that an older version took and this one cannot read.
    """
    since = now - timedelta(days=digest.within_days)
    mailings = delivery.held_back(session, since=since, now=now)
    return Gathered([each for each in mailings if _is_fit(each, brand)], since)


def _is_fit(mailing: HeldBackMailing, brand: Brand | None) -> bool:
    try:
        content = _content(mailing)
    except ValueError:
        return False
    return brand is None or not faults_of(content, mailing.topic, brand)


def _content(mailing: HeldBackMailing) -> PromotionalContent:
    return PromotionalContent.model_validate(dict(mailing.content))


@dataclass(frozen=True, slots=True)
class ToldOf:
    """A campaign that the next digest would tell of, and how many people."""

    campaign_id: CampaignId | None
    subject: str
    """As it reads for somebody of whom nothing is known."""
    topic: Topic
    people: int


@dataclass(frozen=True, slots=True)
class DigestAhead:
    """What a digest would be if it were cut now; whom the cap will refuse is in the numbers."""

    as_at: datetime
    audience: int
    letters: int
    """Sets of campaigns that somebody would be told of: each is a letter."""
    told_of: tuple[ToldOf, ...]


@dataclass(frozen=True, slots=True)
class PublishedAhead:
    """A look ahead at a digest as it may be shown: in the order of what it would tell of (C15)."""

    audience: Published
    people: tuple[Published, ...]


def published_ahead(ahead: DigestAhead) -> PublishedAhead:
    """Withhold every count below ten, and what would give one away by subtraction (C15).

    Who is told of something else only is not shown, but could be worked out.
    """
    numbers = range(len(ahead.told_of))
    counts = {"audience": ahead.audience}
    for n in numbers:
        people = ahead.told_of[n].people
        counts |= {f"told {n}": people, f"other {n}": ahead.audience - people}
    sums = [Sum("audience", (f"told {n}", f"other {n}"), is_base=True) for n in numbers]
    shown = publish(counts, sums, unsaid={f"other {n}" for n in numbers})
    return PublishedAhead(shown["audience"], tuple(shown[f"told {n}"] for n in numbers))


def digest_ahead(
    session: Session, campaign_id: CampaignId, *, brand: Brand, now: datetime
) -> DigestAhead:
    """Tell what a digest would hold now, and for how many. Raises CampaignNotFound, NoDigest."""
    row = found(session, campaign_id)
    digest = digest_from(row)
    if digest is None:
        raise NoDigest
    gathered = gather(session, digest, brand=brand, now=now)
    sets = _sets(session, row, gathered, now)
    told: Counter[int] = Counter()
    for bits, size in sets.items():
        told.update({n: size for n in range(len(gathered.mailings)) if bits >> n & 1})
    return DigestAhead(now, sum(sets.values()), len(sets), _told_of(session, gathered, told))


def _sets(session: Session, row: CampaignRow, gathered: Gathered, now: datetime) -> dict[int, int]:
    who = gathered.of(_audience(row, now)).order_by(None).subquery("who")
    counted = select(who.c.bits, func.count().label("people")).group_by(who.c.bits)
    return {row.bits: row.people for row in session.execute(counted)}


def _told_of(session: Session, gathered: Gathered, told: Counter[int]) -> tuple[ToldOf, ...]:
    ids = [each.id for each in gathered.mailings]
    rows = session.execute(
        select(CampaignRow.mailing_id, CampaignRow.id).where(col(CampaignRow.mailing_id).in_(ids))
    )
    known = {MailingId(mailing or 0): CampaignId(number or 0) for mailing, number in rows}
    return tuple(
        ToldOf(known.get(each.id), subject_for_anybody(_content(each).subject), each.topic, told[n])
        for n, each in enumerate(gathered.mailings)
        if told[n]
    )


def count_gathered(
    session: Session, row: CampaignRow, gathered: Gathered, *, terms: Terms, now: datetime
) -> Count:
    """Decide for everybody of a digest as the sender would: for all topics of each set at once."""
    who = gathered.of(_audience(row, now))
    curfew = Curfew(terms.hours, use_by=terms.use_by, now=now) if terms.hours else None
    ran = [
        delivery.dry_run(
            session,
            stream=Stream.PROMOTIONAL,
            topic=Topic(row.topic),
            also=topics,
            audience=who.where(who.selected_columns.bits.in_(sets)),
            curfew=curfew,
            cap=terms.cap,
            now=now,
        )
        for topics, sets in _by_topics(gathered, _sets(session, row, gathered, now)).items()
    ]
    return _together(ran, now)


def _by_topics(gathered: Gathered, sets: dict[int, int]) -> dict[tuple[Topic, ...], list[int]]:
    """Gather the sets whose letters are about the same topics."""
    same: dict[tuple[Topic, ...], list[int]] = {}
    for bits in sets:
        chosen = {each.topic for n, each in enumerate(gathered.mailings) if bits >> n & 1}
        same.setdefault(tuple(sorted(chosen)), []).append(bits)
    return same


def _together(ran: Sequence[DryRun], now: datetime) -> Count:
    refused: Counter[Reason] = Counter()
    for each in ran:
        refused.update(each.refused)
    return Count(
        audience=sum(each.audience for each in ran),
        allowed=sum(each.allowed for each in ran),
        refused=dict(refused),
        as_at=now,
        held=sum(each.held for each in ran),
    )


def _audience(row: CampaignRow, now: datetime) -> Select[Any]:
    return audience_select(Audience.model_validate(row.audience), now=now)
