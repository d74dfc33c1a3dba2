"""For whom a campaign is: rules in a typed form, each with one SELECT and one sentence (C03)."""

import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from sqlmodel import Session

from mailer import campaigns, measure, orders, people, permission
from mailer.campaigns import Audience, audience, audience_select
from mailer.campaigns.audience import (
    Count,
    ListId,
    Numbers,
    Rule,
    count_step,
    published_count,
    sentence,
)
from mailer.campaigns.audience.rules import KINDS, ChosenAudience, field_path
from mailer.database import Database
from mailer.measure import Kind
from mailer.orders import Line, NewOrder
from mailer.people import NewProfile
from mailer.permission import Change
from mailer.vault import Vault
from mailer.vocabulary import Door, PersonId, Reason, Topic
from tests.measure.mails import Handed, hand_over
from tests.people_of_tests import a_customer

PAGE = (Path(__file__).parents[2] / "docs" / "audiences.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^\| `(\{.+\})` \| (.+) \|$", PAGE, re.MULTILINE)


def rule(**said: Any) -> Rule:
    """Read a rule as a client sends it."""
    return Audience.model_validate_json(json.dumps({"rule": said})).rule


def customer(session: Session, vault: Vault, name: str, now: datetime, **more: Any) -> PersonId:
    """Make a customer with facts of their own."""
    profile = NewProfile(email=f"{name}@example.com", name=name, **{"source": "shop", **more})
    made = people.upsert(session, vault, profile, now=now)
    permission.admit(session, [made.person_id], now=now)
    return made.person_id


def order(
    session: Session, vault: Vault, person: PersonId, number: str, sku: str, at: datetime
) -> None:
    """Let somebody order one thing for 1.00 EUR."""
    line = Line(sku=sku, name="A thing", quantity=1, unit_price=100)
    orders.place(session, vault, NewOrder(number, person, "EUR", (line,), 100, at), now=at)


def members(session: Session, now: datetime, **said: Any) -> list[PersonId]:
    """Who is in an audience, in its order."""
    rows = session.execute(audience_select(Audience(rule=rule(**said)), now=now)).all()
    return [row.person_id for row in rows]


@pytest.mark.clause("C03")
def test_what_a_profile_says_lets_in_or_leaves_out(
    session: Session, vault: Vault, now: datetime
) -> None:
    anna = customer(
        session, vault, "anna", now - timedelta(days=400), country="DE", language="de-AT",
        timezone="Europe/Berlin", attributes={"plan": "gold", "tags": "VIP, beta"},
    )  # fmt: skip
    jo = customer(session, vault, "jo", now, country="US", language="en", source="website")
    assert members(session, now, kind="everybody") == [anna, jo]
    assert members(session, now, kind="language", any_of=["de"]) == [anna]
    assert members(session, now, kind="language", any_of=["de-DE", "en"]) == [jo]
    assert members(session, now, kind="country", any_of=["DE", "IE"]) == [anna]
    assert members(session, now, kind="timezone", any_of=["Europe/Berlin"]) == [anna]
    assert members(session, now, kind="source", any_of=["website"]) == [jo]
    assert members(session, now, kind="attribute", name="plan") == [anna]
    assert members(session, now, kind="attribute", name="plan", any_of=["silver"]) == []
    assert members(session, now, kind="tag", any_of=["vip"]) == [anna]
    silver = {"kind": "attribute", "name": "plan", "any_of": ["silver"]}
    assert members(session, now, kind="not", of=silver) == [anna, jo]
    assert members(session, now, kind="not", of={"kind": "tag", "any_of": ["beta"]}) == [jo]
    year = (now - timedelta(days=365)).isoformat()
    assert members(session, now, kind="customer_since", since=year) == [jo]
    assert members(session, now, kind="customer_since", before=year) == [anna]


@pytest.mark.clause("C03")
def test_orders_count_when_they_meet_all_that_is_said(
    session: Session, vault: Vault, now: datetime
) -> None:
    anna, jo, ben = (customer(session, vault, name, now) for name in ("anna", "jo", "ben"))
    for number in ("1", "2"):
        order(session, vault, anna, f"A-{number}", "POS-PRO", now)
    order(session, vault, jo, "J-1", "TP-80", now - timedelta(days=100))
    week = (now - timedelta(days=7)).isoformat()
    assert members(session, now, kind="ordered") == [anna, jo]
    assert members(session, now, kind="ordered", product="POS-PRO") == [anna]
    assert members(session, now, kind="ordered", before=week) == [jo]
    assert members(session, now, kind="ordered", orders_at_least=2) == [anna]
    for amount, currency, who in ((200, "EUR", [anna]), (201, "EUR", []), (1, "USD", [])):
        worth = {"amount": amount, "currency": currency}
        assert members(session, now, kind="ordered", worth_at_least=worth) == who
    assert members(session, now, kind="not", of={"kind": "ordered"}) == [ben]
    either = [{"kind": "ordered", "product": "TP-80"}, {"kind": "not", "of": {"kind": "ordered"}}]
    assert members(session, now, kind="any", of=either) == [jo, ben]
    assert members(session, now, kind="all", of=either) == []
    people.erase(session, vault, anna, now=now)
    assert members(session, now, kind="ordered") == [jo]


def two_mailed(
    session: Session, vault: Vault, at: datetime, *, now: datetime
) -> tuple[PersonId, PersonId]:
    """Two customers, who were both handed one mailing at a moment."""
    anna, jo = customer(session, vault, "anna", now), customer(session, vault, "jo", now)
    hand_over(session, at, {7: [anna, jo]})
    return anna, jo


def ask(session: Session, *asked: tuple[PersonId, int | None, Kind, datetime]) -> None:
    """Record clicks, and opens where no link is named, of the mail of one mailing."""
    for who, n, kind, at in asked:
        Handed(1, at).write(session, [(who, n, kind, 0)])


@pytest.mark.clause("C18")
@pytest.mark.parametrize("judged", [False, True])
def test_people_engage_and_machines_do_not(
    session: Session, vault: Vault, now: datetime, *, judged: bool
) -> None:
    anna, jo = two_mailed(session, vault, now - timedelta(days=25), now=now)
    ask(
        session,
        (anna, 0, Kind.GET, now - timedelta(days=20)),
        (anna, None, Kind.GET, now - timedelta(days=3)),
        (jo, 0, Kind.SCANNER, now),
    )
    while judged and measure.judge_fresh(session):
        pass
    assert members(session, now, kind="engaged", within_days=30, by="click") == [anna]
    assert members(session, now, kind="engaged", within_days=10, by="click") == []
    assert members(session, now, kind="engaged", within_days=10) == [anna]
    later = now + timedelta(days=30)
    assert members(session, later, kind="engaged", within_days=10) == []


@pytest.mark.clause("C18")
def test_a_scanner_that_looks_like_a_browser_is_not_engaged_once_it_was_judged(
    session: Session, vault: Vault, now: datetime
) -> None:
    anna, jo = two_mailed(session, vault, now, now=now)
    an_hour_later = now + timedelta(hours=1)
    burst = [(jo, n, Kind.GET, an_hour_later + timedelta(seconds=n / 4)) for n in range(4)]
    soon = [(jo, None, Kind.GET, now + timedelta(seconds=20))]
    ask(session, *burst, *soon, (anna, 0, Kind.GET, an_hour_later))
    engaged = {"kind": "engaged", "within_days": 1}
    wanted = {"kind": "not", "of": engaged}
    assert members(session, an_hour_later, **engaged) == [anna, jo], "its clicks wait"
    assert members(session, an_hour_later, **wanted) == []
    measure.judge_fresh(session)
    assert members(session, an_hour_later, **engaged) == [anna], "nor is what nobody can tell"
    assert members(session, an_hour_later, **wanted) == [jo]


@pytest.mark.clause("C17")
def test_who_switched_measuring_off_since_is_not_engaged(
    session: Session, vault: Vault, now: datetime
) -> None:
    anna, jo = two_mailed(session, vault, now, now=now)
    hour = now + timedelta(hours=1)
    ask(session, (anna, 0, Kind.GET, hour), (jo, 0, Kind.GET, hour + timedelta(minutes=1)))
    measure.judge_fresh(session)
    off = Change(door=Door.PREFERENCE_PAGE, policy_version="2026-11", tracking=False)
    permission.apply(
        session, person_id=anna, address_ids=[], change=off, reference="P-TEST-0001", now=hour
    )
    engaged = {"kind": "engaged", "within_days": 1}
    assert members(session, hour, **engaged) == [jo]
    assert members(session, hour, kind="not", of=engaged) == [anna]


def test_a_topic_that_is_on_can_be_asked_for(session: Session, vault: Vault, now: datetime) -> None:
    jo = a_customer(session, vault, "Jo Example", now=now).person_id
    anna = a_customer(session, vault, "Anna Becker", topics=(), now=now).person_id
    wanted = {"kind": "topic", "on": Topic.COMPANY_NEWS.value}
    assert members(session, now, **wanted) == [jo]
    assert members(session, now, kind="not", of=wanted) == [anna]


def test_who_was_merged_is_on_a_list_as_the_survivor(
    session: Session, vault: Vault, now: datetime
) -> None:
    anna, jo, kim = (customer(session, vault, name, now) for name in ("anna", "jo", "kim"))
    made = audience.create_list(session, name="Fair", by="test", now=now)
    given: dict[str, Any] = {"session": session, "list_id": made.list_id, "by": "test", "now": now}
    assert audience.put_on_list(persons=[jo], **given) == 1
    assert audience.put_on_list(persons=[jo], **given) == 0
    listed = {"kind": "list", "id": made.list_id}
    people.merge(session, survivor=anna, merged=jo, now=now)
    assert members(session, now, **listed) == [anna]
    assert members(session, now, kind="not", of=listed) == [kim]
    assert audience.take_off_list(persons=[jo], **given) == 1
    assert audience.list_of(session, made.list_id).people == 0


def test_a_list_that_a_rule_speaks_of_cannot_be_deleted(session: Session, now: datetime) -> None:
    made = audience.create_list(session, name="Staff", by="test", now=now)
    inner = {"kind": "not", "of": {"kind": "list", "id": made.list_id}}
    kept = audience.save(session, name="Others", rule=rule(**inner), by="test", now=now)
    assert sentence(kept.rule, audience.names_in(session, kept.rule)) == (
        "Customers who are not on the list “Staff”."
    )
    with pytest.raises(audience.ListInUse):
        audience.forget_list(session, made.list_id, by="test", now=now)
    audience.forget(session, kept.audience_id, by="test", now=now)
    audience.forget_list(session, made.list_id, by="test", now=now)
    with pytest.raises(audience.ListNotFound):
        audience.list_of(session, made.list_id)
    with pytest.raises(audience.ReferenceUnknown):
        audience.check_references(session, rule(kind="list", id=ListId(made.list_id)))


def test_a_share_is_drawn_as_written_down_and_stays(
    session: Session, vault: Vault, now: datetime
) -> None:
    everybody = [customer(session, vault, f"customer{n}", now) for n in range(60)]

    def drawn(percent: float, draw: str) -> list[PersonId]:
        mark = (round(percent * 100) * 2**32 // 10_000).to_bytes(4, "big")
        return [
            each for each in everybody if hashlib.sha256(f"{draw}:{each}".encode()).digest() < mark
        ]

    for percent, draw in ((50, "autumn"), (12.5, "autumn"), (50, "winter")):
        assert members(session, now, kind="share", percent=percent, draw=draw) == (
            drawn(percent, draw)
        )
    assert set(drawn(12.5, "autumn")) < set(drawn(50, "autumn"))
    assert drawn(50, "winter") != drawn(50, "autumn")


def test_an_audience_in_parts_is_the_whole(session: Session, vault: Vault, now: datetime) -> None:
    those = [customer(session, vault, f"customer{n}", now) for n in range(9)]
    for number, each in enumerate(those[::2]):
        order(session, vault, each, f"N-{number}", "POS-PRO", now)
    wanted = Audience(rule=rule(kind="not", of={"kind": "ordered"}))
    cut = [those[0], those[4], those[8] + 1]
    parts = [
        row.person_id
        for first, end in pairwise(cut)
        for row in session.execute(audience_select(wanted, now=now, within=Numbers(first, end)))
    ]
    assert parts == members(session, now, kind="not", of={"kind": "ordered"}) == those[1::2]


def test_a_count_in_parts_says_how_far_it_is_and_ends_as_the_dry_run(
    database: Database, vault: Vault, now: datetime
) -> None:
    everybody = rule(kind="everybody")
    with database.transaction() as session:
        a_customer(session, vault, "Jo Example", now=now)
        session.execute(text("SELECT setval('people_customer_id_seq', 250000)"))
        a_customer(session, vault, "Anna Becker", now=now)
        a_customer(session, vault, "Ben Stone", topics=(), now=now)
    told: list[Count] = []
    while not told or not told[-1].is_whole:
        with database.transaction() as session:
            told.append(count_step(session, everybody, topic=Topic.COMPANY_NEWS, now=now))
    assert [(each.audience, each.is_whole) for each in told] == [(1, False), (3, True)]
    assert 0.7 < told[0].progress < 0.9
    with database.reading() as session:
        whole = campaigns.count(session, Audience(), topic=Topic.COMPANY_NEWS, now=now)
        assert session.execute(text("SELECT count(*) FROM campaigns_count")).scalar_one() == 0
    assert (whole.allowed, whole.refused) == (2, {Reason.NOT_NEVER: 1})
    assert (told[-1].allowed, told[-1].refused) == (whole.allowed, whole.refused)


def test_a_count_lives_from_its_last_step_on_and_not_from_its_beginning(
    database: Database, vault: Vault, now: datetime
) -> None:
    with database.transaction() as session:
        a_customer(session, vault, "Jo Example", now=now)
        session.execute(text("SELECT setval('people_customer_id_seq', 850000)"))
        a_customer(session, vault, "Anna Becker", now=now)

    def step(minutes: int) -> Count:
        with database.transaction() as session:
            return count_step(
                session,
                rule(kind="everybody"),
                topic=Topic.COMPANY_NEWS,
                now=now + timedelta(minutes=minutes),
            )

    steps = [step(minutes) for minutes in (0, 12, 24, 40)]
    assert [each.progress for each in steps] == pytest.approx([0.235, 0.47, 0.7, 0.235], abs=0.01)
    assert [each.as_at for each in steps] == [now, now, now, now + timedelta(minutes=40)]


def test_two_who_ask_for_the_same_count_at_once_share_it(
    database: Database, vault: Vault, now: datetime
) -> None:
    with database.transaction() as session:
        a_customer(session, vault, "Jo Example", now=now)
        session.execute(text("SELECT setval('people_customer_id_seq', 450000)"))
        a_customer(session, vault, "Anna Becker", now=now)

    def step() -> Count:
        with database.transaction() as session:
            return count_step(session, rule(kind="everybody"), topic=Topic.COMPANY_NEWS, now=now)

    with ThreadPoolExecutor(1) as other, database.transaction() as session:
        first = count_step(session, rule(kind="everybody"), topic=Topic.COMPANY_NEWS, now=now)
        meanwhile = other.submit(step)
        while not session.execute(text("SELECT 1 FROM pg_locks WHERE NOT granted")).all():
            pass
        session.commit()
        second = meanwhile.result()
    assert [first.progress, second.progress] == pytest.approx([0.444, 0.889], abs=0.01)
    whole = step()
    assert (whole.audience, whole.is_whole) == (2, True)


@pytest.mark.clause("C15")
@pytest.mark.parametrize(
    ("allowed", "refused", "shown"),
    [
        (80, (20, 0), (80, ("fewer than 10", "fewer than 10"))),
        (80, (20, 5), (80, ("fewer than 10", "fewer than 10"))),
        (80, (6, 5), (80, ("fewer than 10", "fewer than 10"))),
        (4, (3, 2), ("fewer than 10", ("fewer than 10", "fewer than 10"))),
    ],
)
def test_no_part_of_a_count_gives_a_small_one_away(
    now: datetime, allowed: int, refused: tuple[int, int], shown: tuple[Any, tuple[Any, Any]]
) -> None:
    reasons = (Reason.NOT_ALL, Reason.NOT_NEVER)
    whole = Count(
        allowed + sum(refused), allowed, dict(zip(reasons, refused, strict=True)), as_at=now
    )
    told = published_count(whole)
    assert (told.allowed, tuple(told.refused[each] for each in reasons)) == shown


def test_faults_are_told_with_the_path_that_their_author_wrote() -> None:
    said = {"kind": "all", "of": [{"kind": "not", "of": {"kind": "country", "any_of": ["us"]}}]}
    with pytest.raises(ValidationError) as refused:
        Audience.model_validate({"rule": said})
    assert field_path(refused.value.errors()[0]["loc"]) == ("rule", "of", 0, "of", "any_of", 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "colour", "any_of": ["red"]},
        {"kind": "country", "any_of": ["Germany"]},
        {"kind": "country", "any_of": []},
        {"kind": "country", "any_of": ["US"], "sql": "1=1"},
        {"kind": "timezone", "any_of": ["Mars/Olympus"]},
        {"kind": "customer_since"},
        {"kind": "customer_since", "since": 1700000000},
        {"kind": "ordered", "orders_at_least": 0},
        {"kind": "engaged"},
        {"kind": "engaged", "within_days": 3, "campaign": 1},
        {"kind": "share", "percent": 100},
        {"kind": "all", "of": []},
        {"kind": "all", "of": [{"kind": "everybody"}] * 50},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Audience.model_validate_json(json.dumps({"rule": wrong}))


def test_a_rule_is_refused_where_it_is_too_deep() -> None:
    said: dict[str, Any] = {"kind": "everybody"}
    for _ in range(5):
        said = {"kind": "not", "of": said}
    Audience.model_validate({"rule": said})
    with pytest.raises(ValidationError, match="deeper"):
        Audience.model_validate({"rule": {"kind": "not", "of": said}})


def test_an_audience_is_a_rule_or_a_saved_one_and_not_both() -> None:
    with pytest.raises(ValidationError, match="names a rule and a saved audience"):
        ChosenAudience.model_validate({"rule": {"kind": "everybody"}, "saved": 3})


@pytest.mark.parametrize(("said", "wanted"), SHOWN)
def test_the_page_shows_each_rule_with_its_sentence(said: str, wanted: str) -> None:
    assert sentence(rule(**json.loads(said))) == wanted


def test_the_page_shows_every_kind_of_rule() -> None:
    shown = {kind for said, _ in SHOWN for kind in re.findall(r'"kind": "(\w+)"', said)}
    assert shown == KINDS
