"""The facts of a batch are read as sets: for each person they are what their own rows say."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from mailer.delivery.facts import Limits, facts_of
from mailer.delivery.same_facts import SameFacts
from mailer.permission import NO_CAP, Facts, Suppression
from mailer.vocabulary import (
    AddressId,
    Frequency,
    MailingId,
    PersonId,
    Scope,
    SuppressionReason,
    Topic,
)
from tests.delivery.invented import COUNT, NIGHT, invent, put

NOBODY = PersonId(COUNT + 7)
"""A number without a customer, as a test to staff has it."""


def told_of(session: Session, roster: dict[PersonId, AddressId]) -> dict[PersonId, SameFacts]:
    """Ask once for all of a roster; see that everybody is told of once."""
    same = facts_of(
        session, roster, MailingId(0), zoned=True, limits=Limits.OWN, cap=NO_CAP, now=NIGHT
    )
    told = {who: each for each in same for who in each.versions}
    assert sum(len(each.versions) for each in same) == len(told) == len(roster)
    return told


def plainly(session: Session, who: PersonId, address: AddressId) -> tuple[int, bool, Facts]:
    """Read somebody's rows one by one: version, tracking and facts."""
    given = {"who": who, "address": address}
    customer = session.execute(sa.text(CUSTOMER), given).one_or_none()
    stand = session.execute(sa.text(STANDING), given).one_or_none()
    nos = session.execute(sa.text(NOS), given).all()
    facts = Facts(gone=True) if customer is None else Facts(
        gone=customer.merged_into is not None or customer.erased_at is not None,
        moved=customer.address_id != address,
        zone=customer.timezone,
    )  # fmt: skip
    if stand is not None:
        facts = replace(
            facts,
            topics_on=stand.topics_on,
            topics_answered=stand.topics_answered,
            paused_until=stand.paused_until,
            frequency=Frequency(stand.frequency),
            confirmed=stand.confirmed,
            gpc_since=stand.gpc_since,
        )
    return (
        customer.version if customer else 0,
        stand.tracking if stand else True,
        replace(facts, suppressions=tuple(map(as_told, nos))),
    )


def as_told(no: Sequence[Any]) -> Suppression:
    scope, reason, since, topic, until = no
    return Suppression(
        Scope(scope), SuppressionReason(reason), since, Topic(topic) if topic else None, until
    )


CUSTOMER = "SELECT * FROM people_customer WHERE id = :who"
STANDING = "SELECT * FROM permission_standing WHERE person_id = :who"
NOS = """
    SELECT scope, reason, since, topic, until FROM permission_suppression
    WHERE (person_id = :who OR address_id = :address) AND lifted_at IS NULL ORDER BY id
"""


def test_what_is_told_of_a_batch_is_what_each_ones_own_rows_say(session: Session) -> None:
    draw = random.Random(11)
    invent(session, draw)
    session.execute(sa.text("UPDATE people_customer SET version = 1 + id % 5"))
    everybody = [*map(PersonId, range(1, COUNT + 1)), NOBODY]
    draw.shuffle(everybody)  # a child's roster is in no order
    roster = {who: AddressId(max(1, who - who % 2)) for who in everybody}  # two to a mailbox
    told = told_of(session, roster)
    for who, address in roster.items():
        version, tracking, facts = plainly(session, who, address)
        assert told[who].versions[who] == version
        assert (told[who].tracking, told[who].facts) == (tracking, facts), who
    kinds = [each.facts for each in told.values()]
    assert any(each.moved for each in kinds)
    assert sum(each.gone for each in kinds) > 10
    assert max(len(each.suppressions) for each in kinds) > 2


def no_against(who: int | None, address: int | None, since: datetime) -> dict[str, object]:
    return {
        "person_id": who, "address_id": address, "scope": "promotional", "topic": None,
        "reason": "opt_out", "door": "import", "since": since, "until": None, "lifted_at": None,
    }  # fmt: skip


def test_a_no_that_names_both_counts_once_and_holds_for_all_at_the_address(
    session: Session,
) -> None:
    anna, ben, cleo = PersonId(1), PersonId(2), PersonId(3)
    home, work = AddressId(21), AddressId(22)
    put(session, "permission_suppression", [no_against(anna, home, NIGHT)])
    told = told_of(session, {anna: home, ben: home, cleo: work})
    assert [len(told[who].facts.suppressions) for who in (anna, ben, cleo)] == [1, 1, 0]
    elsewhere = told_of(session, {anna: work, cleo: home})
    assert [len(elsewhere[who].facts.suppressions) for who in (anna, cleo)] == [1, 1]


def test_those_of_whom_nothing_is_on_file_are_gone_and_were_never_asked(session: Session) -> None:
    told = told_of(session, {NOBODY: AddressId(5)})
    assert told[NOBODY] == SameFacts({NOBODY: 0}, tracking=True, facts=Facts(gone=True))


def test_nobody_is_told_of_where_nobody_is_asked_for(session: Session) -> None:
    assert told_of(session, {}) == {}
