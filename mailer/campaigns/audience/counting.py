"""How many people an audience has, and what would become of them: counted in parts.

Each step decides for the customers of some numbers, as the sender would, and keeps how far it came;
so every answer comes soon, and says whether it is whole.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session

from mailer import delivery, people
from mailer.campaigns._tables import CountRow
from mailer.campaigns.audience.rules import Audience, Rule
from mailer.campaigns.audience.select import Numbers, audience_select
from mailer.delivery import DryRun
from mailer.vocabulary import Reason, Stream, Topic

PART = 20_000
"""Customers' numbers that one step looks at: a fraction of a second."""
KEPT = timedelta(minutes=15)
"""A count that nobody asked to go on with for so long begins anew."""


@dataclass(frozen=True, slots=True)
class Count:
    """How an audience would fare: audience = allowed + the refused of every reason.

    While it is still counting, the numbers are those of the customers looked at so far.
    """

    audience: int
    allowed: int
    refused: Mapping[Reason, int]
    as_at: datetime
    progress: float = 1.0
    """The part of all customers that was looked at; below one, it is still counting."""

    @property
    def is_whole(self) -> bool:
        """Say whether everybody was looked at."""
        return self.progress >= 1.0


def count_step(session: Session, rule: Rule, *, topic: Topic, now: datetime) -> Count:
    """Go on counting an audience by the sender's own decision, by one part; say how far it is.

    Call it again, in a transaction of its own, while the count is not whole. What 'within n days'
    and a pause mean is fixed by the moment at which the count began.
    """
    key = _key(rule, topic)
    row = session.get(CountRow, key, populate_existing=True, with_for_update=True)
    if row is not None and row.as_at < now - KEPT:
        session.delete(row)
        session.flush()
        row = None
    row = row or CountRow(
        key=key, as_at=now, next_person=1, last_person=last_person(session), refused={}
    )
    part = Numbers(row.next_person, row.next_person + PART)
    audience = audience_select(Audience(rule=rule), now=row.as_at, within=part)
    ran = delivery.dry_run(
        session, stream=Stream.PROMOTIONAL, topic=topic, audience=audience, now=row.as_at
    )
    _add(row, ran, part.end)
    return _kept(session, row)


def _add(row: CountRow, ran: DryRun, end: int) -> None:
    row.next_person = end
    row.audience += ran.audience
    row.allowed += ran.allowed
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
    return Count(row.audience, row.allowed, refused, row.as_at, 1.0 if done else looked)


def last_person(session: Session) -> int:
    """Return the highest number of a living customer; 0 where there is none."""
    everybody = people.living().subquery("living")
    return int(session.execute(select(func.max(everybody.c.person_id))).scalar_one() or 0)


def _key(rule: Rule, topic: Topic) -> str:
    said = json.dumps([rule.model_dump(mode="json"), topic.value], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()
