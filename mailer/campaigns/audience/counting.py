"""How many people an audience has, and what would become of them: counted in parts.

Each step decides for the customers of some numbers, as the sender would, and keeps how far it came;
so every answer comes soon, and says whether it is whole.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import BigInteger, Select, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

from mailer import delivery, people
from mailer.campaigns._tables import CountRow
from mailer.campaigns.audience.portions import FIRST, Pace, Portions
from mailer.campaigns.audience.rules import Audience, Rule
from mailer.campaigns.audience.select import Numbers, audience_select, joins_of
from mailer.delivery import DryRun
from mailer.permission import NO_CAP, Cap, Curfew
from mailer.vocabulary import AddressId, PersonId, Reason, Stream, Topic
from mailer.zones import QuietHours

PART = 200_000
"""Customers' numbers that one step looks at, where its time suffices."""
PART_OF_DIGEST = 25_000
"""Of a digest, for which what each of them was refused is looked up, too: likewise."""
KEPT = timedelta(minutes=15)
"""A count that nobody asked to go on with for so long begins anew."""


@dataclass(frozen=True, slots=True)
class Count:
    """How an audience would fare: audience = allowed + held + the refused of every reason.

    While it is still counting, the numbers are those of the customers looked at so far.
    """

    audience: int
    allowed: int
    refused: Mapping[Reason, int]
    as_at: datetime
    held: int = 0
    """In their quiet hours at this moment: they would get it later."""
    progress: float = 1.0
    """The part of all customers that was looked at; below one, it is still counting."""

    @property
    def is_whole(self) -> bool:
        """Say whether everybody was looked at."""
        return self.progress >= 1.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What a campaign asks beside its rule and its topic."""

    hours: QuietHours | None = None
    use_by: datetime | None = None
    draw: str = ""
    """The name of its draw."""
    held_out: int = 0
    """The share that the draw holds out, in hundredths of a percent."""
    cap: Cap = NO_CAP
    """The company's own: every count asks for it."""
    digest: str = ""
    """Names the digest that is counted."""

    def curfew(self, now: datetime) -> Curfew | None:
        """Return what its quiet hours ask at a moment."""
        return Curfew(self.hours, use_by=self.use_by, now=now) if self.hours else None


Run = Callable[[Select[Any], Numbers, datetime], DryRun]
"""Decides for the audience of some numbers as of the moment at which the count began."""
NO_TERMS = Terms()


@dataclass(frozen=True, slots=True)
class Digested:
    """How a digest decides for those of an audience whom it would tell of something."""

    run: Run
    doubles: Callable[[Select[Any], datetime], DryRun]
    """By what those who share a mailbox correct it."""


def count_now(
    session: Session, rule: Rule, *, topic: Topic, terms: Terms = NO_TERMS, now: datetime
) -> Count:
    """Decide for everybody in an audience as the sender would, in one go, by reason.

    The numbers are those of this moment: whoever opts out later is refused later. It takes some
    seconds for a million people.
    """
    everybody = audience_select(Audience(rule=rule), now=now)
    ran = _ran(session, everybody, topic, terms, now)
    ran = ran.plus(_doubles(session, everybody, topic, terms, now))
    return Count(ran.audience, ran.allowed, ran.refused, now, ran.held)


def count_step(
    session: Session,
    rule: Rule,
    *,
    topic: Topic,
    terms: Terms = NO_TERMS,
    digest: Digested | None = None,
    now: datetime,
) -> Count:
    """Go on counting an audience by the sender's own decision, by one part; say how far it is.

    Call it again, in a transaction of its own, while the count is not whole. Two who ask for the
    same one share it: the second waits for the first one's step and goes on from there. What
    'within n days' and a pause mean is fixed by the moment at which the count began. `digest`
    decides for one.
    """
    key = _key(rule, topic, terms)
    session.execute(_ONE_AT_A_TIME, {"key": key})
    row = session.get(CountRow, key, populate_existing=True, with_for_update=True)
    if row is not None and row.stepped_at < now - KEPT:
        session.delete(row)
        session.flush()
        row = None
    row = row or CountRow(
        key=key,
        as_at=now,
        stepped_at=now,
        next_person=1,
        last_person=last_person(session),
        refused={},
    )
    row.stepped_at = now
    part = Numbers(row.next_person, row.next_person + (PART_OF_DIGEST if digest else PART))
    as_at = row.as_at

    def decide(portion: Numbers) -> DryRun:
        audience = audience_select(Audience(rule=rule), now=as_at, within=portion)
        if digest:
            return digest.run(audience, portion, as_at)
        return _ran(session, audience, topic, terms, as_at)

    # What a digest gathers costs the same for a smaller portion: its part goes in one.
    first = row.portion or FIRST // max(1, joins_of(rule))
    pace = Pace(PART_OF_DIGEST, PART_OF_DIGEST) if digest else Pace(first)
    portions = Portions(session, part, decide, pace)
    for portion, ran in portions:
        _add(row, ran, portion.end)
    row.portion = portions.size
    if row.next_person > row.last_person:
        everybody = audience_select(Audience(rule=rule), now=as_at)
        if digest:
            more = digest.doubles(everybody, as_at)
        else:
            more = _doubles(session, everybody, topic, terms, as_at)
        _add(row, more, row.next_person)
    return _kept(session, row)


_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
"""A lock of the row alone would not do: the first step finds none."""


def _ran(
    session: Session, audience: Select[Any], topic: Topic, terms: Terms, now: datetime
) -> DryRun:
    run = partial(
        delivery.dry_run,
        session,
        stream=Stream.PROMOTIONAL,
        topic=topic,
        curfew=terms.curfew(now),
        cap=terms.cap,
        now=now,
    )
    if not terms.held_out:
        return run(audience=audience)
    held_out, mailed = delivery.drawn(audience, terms.draw, ends=[terms.held_out])
    return _with_held_out(run(audience=mailed), run(audience=held_out))


def _doubles(
    session: Session, audience: Select[Any], topic: Topic, terms: Terms, now: datetime
) -> DryRun:
    """Correct a count by those who share a mailbox, which gets a mailing once.

    They may stand far apart in the order of numbers, so they are looked at when all is counted.
    """
    shared = session.execute(people.sharing_an_address()).all()
    if not shared:
        return DryRun(audience=0, allowed=0, refused={}, held=0)
    if terms.held_out:
        _, audience = delivery.drawn(audience, terms.draw, ends=[terms.held_out])
    who = audience.order_by(None).subquery("who")
    numbers = literal([row.person_id for row in shared], ARRAY(BigInteger))
    found = session.execute(
        select(who.c.person_id, who.c.address_id).where(who.c.person_id == func.any(numbers))
    )
    sharing = {PersonId(row.person_id): AddressId(row.address_id) for row in found}
    return delivery.doubles(
        session,
        sharing,
        stream=Stream.PROMOTIONAL,
        topic=topic,
        curfew=terms.curfew(now),
        cap=terms.cap,
        now=now,
    )


def _with_held_out(mailed: DryRun, kept: DryRun) -> DryRun:
    """Put the counts together: of the held-out, who would be mailed is refused."""
    refused = Counter(mailed.refused) + Counter(kept.refused)
    refused[Reason.NOT_HOLDOUT] += kept.allowed
    return DryRun(
        audience=mailed.audience + kept.audience,
        allowed=mailed.allowed,
        refused={reason: number for reason, number in refused.items() if number},
        held=mailed.held + kept.held,
    )


def _add(row: CountRow, ran: DryRun, end: int) -> None:
    row.next_person = end
    row.audience += ran.audience
    row.allowed += ran.allowed
    row.held += ran.held
    here = {reason.value: count for reason, count in ran.refused.items()}
    row.refused = dict(Counter(row.refused) + Counter(here))


def _kept(session: Session, row: CountRow) -> Count:
    """Keep an unfinished count for the next step; a whole one is told and forgotten."""
    done = row.next_person > row.last_person
    looked = (row.next_person - 1) / max(row.last_person, 1)
    if not done:
        session.add(row)
    elif row in session:
        session.delete(row)
    session.flush()
    refused = {Reason(reason): count for reason, count in row.refused.items()}
    far = 1.0 if done else looked
    return Count(row.audience, row.allowed, refused, row.as_at, row.held, far)


def last_person(session: Session) -> int:
    """Return the highest number of a living customer; 0 where there is none."""
    everybody = people.living().subquery("living")
    return int(session.execute(select(func.max(everybody.c.person_id))).scalar_one() or 0)


def _key(rule: Rule, topic: Topic, terms: Terms) -> str:
    said = json.dumps([rule.model_dump(mode="json"), topic.value, repr(terms)], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()
