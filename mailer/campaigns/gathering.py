"""What a digest would tell whom at a moment: gathered to be sent, counted, and looked at before."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Select, func
from sqlmodel import Session, col, select

from mailer import delivery, people
from mailer.campaigns._rows import CampaignError, campaign_from, found
from mailer.campaigns._tables import CampaignRow
from mailer.campaigns.audience import (
    Count,
    Digested,
    Numbers,
    Terms,
    audience_select,
    count_step,
    kept_audience,
)
from mailer.campaigns.checks import faults_of
from mailer.campaigns.values import Campaign, CampaignId
from mailer.delivery import DryRun, HeldBackMailing
from mailer.letters import (
    MOST_HELD_BACK,
    Brand,
    DigestContent,
    HeldBack,
    PromotionalContent,
    subject_for_anybody,
)
from mailer.measure import FEWEST, Published, Sum, publish, published
from mailer.vocabulary import AddressId, MailingId, PersonId, Stream, Topic


class NoDigest(CampaignError):
    """This campaign is no digest; send `digest` with it to make it one."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


@dataclass(frozen=True, slots=True)
class Gathered:
    """The mailings that a digest would tell of, the first one with the first bit."""

    mailings: Sequence[HeldBackMailing]
    since: datetime
    as_at: datetime

    def of(
        self,
        audience: Select[Any],
        within: Numbers | None = None,
        among: Sequence[PersonId] | None = None,
    ) -> Select[Any]:
        """Select of an audience, of some numbers, those who would be told of something, with bits.

        `among` asks for these people of it alone.
        """
        return delivery.collected(
            audience,
            self.mailings,
            since=self.since,
            within=(within.first, within.end) if within else None,
            among=among,
            now=self.as_at,
        )

    def topics(self, bits: int) -> tuple[Topic, ...]:
        """Return what those are about whose bits are in a set."""
        return tuple(each.topic for n, each in enumerate(self.mailings) if bits >> n & 1)

    @property
    def held_back(self) -> tuple[HeldBack, ...]:
        """What the digest's letter says of each."""
        return tuple(
            HeldBack.of(_content(each), mailing=each.id, topic=each.topic) for each in self.mailings
        )

    def letter(self, content: PromotionalContent) -> DigestContent:
        """Return the letter of a digest with everything in it."""
        return DigestContent(**content.model_dump(), held_back=self.held_back)


def gather(session: Session, campaign: Campaign, *, brand: Brand | None, now: datetime) -> Gathered:
    """Look for what was held back; a letter that `brand` could not write any more is left out.

    So is one that an older version took and this one cannot read, and the oldest of them where
    they would make the digest's letter too long. Raises NoDigest.
    """
    if campaign.digest is None:
        raise NoDigest
    since = now - timedelta(days=campaign.digest.within_days)
    mailings = delivery.held_back(session, since=since, now=now)
    newest = islice((each for each in mailings if _is_fit(each, brand)), MOST_HELD_BACK)
    gathered = Gathered(list(newest), since, now)
    while gathered.mailings and not _is_writable(gathered, campaign, brand):
        gathered = replace(gathered, mailings=gathered.mailings[:-1])
    return gathered


def _is_writable(gathered: Gathered, campaign: Campaign, brand: Brand | None) -> bool:
    letter = gathered.letter(campaign.content)
    return brand is None or not faults_of(letter, campaign.topic, brand)


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
    """A look ahead at a digest as it may be shown: in the order of what it would tell of (C15).

    Of fewer than ten people in all nothing is named: it was held back from each of them.
    """

    audience: Published
    letters: Published
    told_of: tuple[tuple[ToldOf, Published], ...]


def published_ahead(ahead: DigestAhead) -> PublishedAhead:
    """Withhold every count below ten, and what would give one away by subtraction (C15).

    Who is told of something else only is not shown, but could be worked out.
    """
    if ahead.audience < FEWEST:
        return PublishedAhead(published(0), published(0), ())
    numbers = range(len(ahead.told_of))
    counts = {"audience": ahead.audience}
    for n in numbers:
        people = ahead.told_of[n].people
        counts |= {f"told {n}": people, f"other {n}": ahead.audience - people}
    sums = [Sum("audience", (f"told {n}", f"other {n}"), is_base=True) for n in numbers]
    shown = publish(counts, sums, unsaid={f"other {n}" for n in numbers})
    told_of = tuple((ahead.told_of[n], shown[f"told {n}"]) for n in numbers)
    return PublishedAhead(shown["audience"], ahead.letters, told_of)


def digest_ahead(
    session: Session, campaign_id: CampaignId, *, brand: Brand, now: datetime
) -> DigestAhead:
    """Tell what a digest would hold now, and for how many. Raises CampaignNotFound, NoDigest."""
    row = found(session, campaign_id)
    gathered = gather(session, campaign_from(row), brand=brand, now=now)
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
    audience = _audience(row, now)
    ran = _ran(session, row, gathered, gathered.of(audience), terms, now)
    ran = ran.plus(_doubles(session, row, gathered, audience, terms, now))
    return Count(ran.audience, ran.allowed, ran.refused, now, ran.held)


def count_gathered_step(
    session: Session, row: CampaignRow, *, brand: Brand | None, terms: Terms, now: datetime
) -> Count:
    """Go on counting a digest by one part, as `count_step` does; each part gathers anew."""
    campaign = campaign_from(row)

    def run(audience: Select[Any], within: Numbers, begun: datetime) -> DryRun:
        gathered = gather(session, campaign, brand=brand, now=begun)
        some = gathered.of(audience, within)
        return _ran(session, row, gathered, some, terms, begun)

    def doubles(audience: Select[Any], begun: datetime) -> DryRun:
        gathered = gather(session, campaign, brand=brand, now=begun)
        return _doubles(session, row, gathered, audience, terms, begun)

    return count_step(
        session,
        campaign.audience.rule,
        topic=campaign.topic,
        terms=replace(terms, digest=f"{row.id}: {row.digest}"),
        digest=Digested(run, doubles),
        now=now,
    )


def _ran(
    session: Session,
    row: CampaignRow,
    gathered: Gathered,
    audience: Select[Any],
    terms: Terms,
    now: datetime,
) -> DryRun:
    return delivery.dry_run(
        session,
        stream=Stream.PROMOTIONAL,
        topic=Topic(row.topic),
        told=[each.topic for each in gathered.mailings],
        audience=audience,
        curfew=terms.curfew(now),
        cap=terms.cap,
        now=now,
    )


def _doubles(
    session: Session,
    row: CampaignRow,
    gathered: Gathered,
    audience: Select[Any],
    terms: Terms,
    now: datetime,
) -> DryRun:
    """Correct a digest's count by those who share a mailbox, which gets it once."""
    shared = people.sharing_an_address().subquery("shared")
    sharing = session.execute(select(shared.c.person_id)).scalars().all()
    told = session.execute(gathered.of(audience, among=sharing)).all() if sharing else []
    return delivery.doubles(
        session,
        {PersonId(each.person_id): AddressId(each.address_id) for each in told},
        stream=Stream.PROMOTIONAL,
        topic=Topic(row.topic),
        told={PersonId(each.person_id): gathered.topics(each.bits) for each in told},
        curfew=terms.curfew(now),
        cap=terms.cap,
        now=now,
    )


def _audience(row: CampaignRow, now: datetime) -> Select[Any]:
    return audience_select(kept_audience(row.audience), now=now)
