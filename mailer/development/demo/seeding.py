"""The demo company in one transaction: whole or not at all, the same from the same seed."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel import Session

from mailer import ledger, people
from mailer.development.demo.arriving import JO, settle, take_twins
from mailer.development.demo.campaigning import begin
from mailer.development.demo.inventing import invent
from mailer.development.demo.ordering import go_on, sell
from mailer.development.demo.wishing import agree, fall_silent, live
from mailer.vocabulary import Lane, PersonId, Topic
from mailer.wiring import Parts

CUSTOMERS = 5000
SEED = 2014
FEWEST = 40
"""Below this, some of what is to be seen would have nobody to show it on."""
JOS_TOPICS = (Topic.SOFTWARE_UPDATES, Topic.COMPANY_NEWS, Topic.SERVICE_AND_EVENTS)
Progress = Callable[[int, int], None]
"""Called with the customers taken in and all that there will be."""


class DemoExists(Exception):
    """The database has customers already: the demo company is for an empty one."""


def is_empty(parts: Parts) -> bool:
    """Say whether the database has no living customer."""
    with parts.database.reading() as session:
        return _is_empty(session, parts)


def seed(
    parts: Parts,
    *,
    customers: int = CUSTOMERS,
    seed: int = SEED,
    now: datetime,
    progress: Progress | None = None,
) -> None:
    """Make the demo company of `customers` living customers, and ring the workers.

    Everything comes in through the rooms' own doors in one transaction. The past is invented and
    causes no mail; what is under way now is real: order updates and two campaigns leave by the
    ordinary road as soon as there are workers, the third waits for tomorrow. Two living
    customers were merged from two accounts each. Raises DemoExists, and ValueError for fewer
    than 40 customers.
    """
    if customers < FEWEST:
        raise ValueError(f"a demo company has {FEWEST} customers at least")
    chance = random.Random(seed)  # noqa: S311 - people are invented, not secrets
    with parts.database.transaction() as session:
        if not _is_empty(session, parts):
            raise DemoExists
        _make(session, parts, customers, chance, now, _telling(progress, customers))
        ledger.record(
            session,
            "demo.made",
            at=now,
            actor="demo",
            detail={"customers": customers, "seed": seed},
        )
    for lane in (Lane.ORDERS, Lane.PROMOTIONAL):
        parts.ring(lane)


def _telling(progress: Progress | None, customers: int) -> Callable[[int], None]:
    def tell(done: int) -> None:
        if progress is not None:
            progress(done, customers)

    return tell


def _make(
    session: Session,
    parts: Parts,
    customers: int,
    chance: random.Random,
    now: datetime,
    tell: Callable[[int], None],
) -> None:
    vault, brand = parts.vault, parts.brand
    twins = take_twins(session, vault, now=now)
    profiles = [*invent(customers - len(twins) - 1, chance), JO]
    settled = settle(
        session, vault, profiles, chance, now=now, progress=lambda done: tell(len(twins) + done)
    )
    *others, jo = settled
    agree(session, jo, JOS_TOPICS, now=now - timedelta(days=2))
    live(session, others, chance, now=now)
    fall_silent(session, others, chance, now=now)
    history = sell(session, vault, [*twins, *settled], chance, now=now)
    go_on(session, vault, history, jo, brand=brand, now=now)
    begin(session, brand=brand, rules=parts.rules, now=now)


def _is_empty(session: Session, parts: Parts) -> bool:
    return not people.customers_page(session, parts.vault, after=PersonId(0), limit=1)
