"""What a mailbox got lately: the quick statement tells what a plain reading of all places tells."""

import random
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer import delivery
from mailer.delivery import MailingState
from mailer.delivery.facts import Limits, facts_of
from mailer.delivery.pace import Pace
from mailer.delivery.same_facts import SameFacts
from mailer.permission import Change, Facts, decide, gives_way, read_cap
from mailer.providers import Accepted, Later, NotBegun, Outgoing, Rejected, Unknown
from mailer.vocabulary import (
    Door,
    Frequency,
    Lane,
    MailingId,
    PersonId,
    Reason,
    Refused,
    Stream,
    Topic,
    Verdict,
)
from tests.delivery.conftest import Road
from tests.people_of_tests import TestPerson

PLAINLY = text(
    """
    SELECT coalesce(array_agg(b.handing_at)
                    FILTER (WHERE b.state IN ('settled', 'unknown') AND b.handing_at IS NOT NULL),
                    '{}') AS gone,
           count(*) FILTER (WHERE b.state = 'handing' AND p.mailing_id < :mailing_id) AS older,
           count(*) FILTER (WHERE b.state = 'handing' AND p.mailing_id > :mailing_id) AS younger
    FROM delivery_place p
    JOIN delivery_batch own ON own.id = p.batch_id
    JOIN delivery_batch b ON b.root_id = own.root_id
    JOIN delivery_roster r ON r.batch_id = b.id AND p.person_id = ANY(r.persons)
    JOIN delivery_mailing m ON m.id = p.mailing_id
    WHERE p.address_id = :address_id AND p.mailing_id <> :mailing_id
      AND m.stream = 'promotional' AND m.letter <> 'test'
    """
)
"""Places count whose person is on a batch that was handed over, or is in hand (design, section 3)."""
STEPS = 40
RHYTHM = (Reason.NOT_OFTEN, Reason.NOT_CAP)


class Died(BaseException):
    """A worker's end in the middle of a hand-over."""


class History:
    """A few customers, and months of campaigns in which everything goes wrong that can."""

    def __init__(self, road: Road, seed: int, cap: str) -> None:
        self.road, self.random = road, random.Random(seed)
        names = ("Anna Becker", "Jo Example", "Zoe Smith", "Omar Smith", "Ben Gross")
        self.people = [road.customer(name) for name in names]
        for person, often in zip(self.people, ("weekly", "monthly"), strict=False):
            self._asks_for(person, Frequency(often))
        self.mailings: list[MailingId] = []
        self.refused = self.waited = 0
        road.provider.before_each(self._while_in_hand)
        road.sender = road.worker(pace=Pace(per_second=3), cap=cap)
        self.cap = read_cap(cap)

    def _asks_for(self, person: TestPerson, often: Frequency) -> None:
        door = Change(door=Door.PREFERENCE_PAGE, policy_version="2026-11", frequency=often)
        self.road.opt_outs.change(person.person_id, door)

    def step(self) -> None:
        """Let something happen, then compare for everybody and every mailing."""
        acts = (self._campaign, self._deliver, self._deliver, self._deliver, self._wait,
                self._wait, self._steer, self._reap)  # fmt: skip
        self.random.choice(acts)()
        self.compare()

    def _campaign(self) -> None:
        self.mailings.append(self.road.campaign(f"campaign:{len(self.mailings) + 1}"))

    def _deliver(self) -> None:
        with suppress(Died):
            self.road.sender.deliver_one(Lane.PROMOTIONAL)

    def _wait(self) -> None:
        self.road.later(seconds=self.random.choice((2, 31, 3600, 86_400, 6 * 86_400, 12 * 86_400)))

    def _steer(self) -> None:
        if self.mailings:
            state = self.random.choice(
                (MailingState.PAUSED, MailingState.SENDING, MailingState.SENDING,
                 MailingState.CANCELLED))  # fmt: skip
            with self.road.database.transaction() as session:
                mailing = self.random.choice(self.mailings)
                delivery.set_mailing_state(session, mailing, state)

    def _reap(self) -> None:
        self.road.sweep()

    def _while_in_hand(self, message: Outgoing) -> None:
        self.compare()
        if self.random.random() < 0.1:
            raise Died
        answers = (Accepted("x"), Accepted("x"), Later(451, "later"), Unknown("cut"),
                   Rejected(554, "no", about_person=False), NotBegun())  # fmt: skip
        self.road.provider.answer_for(message.recipient, self.random.choice(answers))

    def compare(self) -> None:
        with self.road.database.reading() as session:
            for mailing in (MailingId(0), *self.mailings):
                for same in self._told(session, mailing):
                    for person in same.versions:
                        self._compare_one(session, mailing, person, same)

    def _told(self, session: Session, mailing: MailingId) -> list[SameFacts]:
        return facts_of(
            session,
            {each.person_id: each.address_id for each in self.people},
            mailing,
            zoned=False,
            limits=Limits.asked_for(Stream.PROMOTIONAL, self.cap),
            cap=self.cap,
            now=self.road.now,
        )

    def _compare_one(
        self, session: Session, mailing: MailingId, person: PersonId, same: SameFacts
    ) -> None:
        address = next(each.address_id for each in self.people if each.person_id == person)
        given = {"mailing_id": mailing, "address_id": address}
        plain = session.execute(PLAINLY, given).one()
        expected = replace(
            same.facts,
            hand_overs=tuple(plain.gone),
            older_in_hand=plain.older,
            younger_in_hand=plain.younger,
        )
        verdict, waits = self._decided(same.facts)
        assert (verdict, waits) == self._decided(expected)
        self.refused += isinstance(verdict, Refused) and verdict.reason in RHYTHM
        self.waited += waits

    def _decided(self, facts: Facts) -> tuple[Verdict, bool]:
        now, cap = self.road.now, self.cap
        verdict = decide(Stream.PROMOTIONAL, Topic.COMPANY_NEWS, facts, cap=cap, now=now)
        return verdict, gives_way(facts, cap=cap, now=now)


@pytest.mark.clause("C07")
@pytest.mark.parametrize(
    ("seed", "cap"), [(0, ""), (1, ""), (2, "1/7d"), (3, "2/7d"), (4, "1/1d,2/9d")]
)
def test_the_quick_history_decides_as_the_plain_one_does(road: Road, seed: int, cap: str) -> None:
    history = History(road, seed, cap)
    for _ in range(STEPS):
        history.step()
    assert history.refused > 20
    assert history.waited
