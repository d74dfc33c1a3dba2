"""For whom a campaign is: rules in a typed form, each with one SELECT and one sentence (C03)."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, event
from sqlmodel import Session

from mailer import measure, people, permission
from mailer.campaigns import Audience, audience
from mailer.campaigns.audience import ListId, sentence
from mailer.campaigns.audience.rules import KINDS, ChosenAudience, field_path
from mailer.measure import Kind
from mailer.permission import Change
from mailer.vault import Vault
from mailer.vocabulary import Door, PersonId, Topic
from tests.campaigns.audience import customer, members, order, rule
from tests.measure.mails import Handed, hand_over
from tests.people_of_tests import a_customer

PAGE = (Path(__file__).parents[2] / "docs" / "audiences.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^\| `(\{.+\})` \| (.+) \|$", PAGE, re.MULTILINE)


@contextmanager
def listening(engine: Engine, name: str, heard: Callable[[object], None]) -> Iterator[None]:
    """Listen to what SQLAlchemy tells of this engine."""
    event.listen(engine, name, heard)
    try:
        yield
    finally:
        event.remove(engine, name, heard)


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


@pytest.mark.clause("C03")
def test_days_are_counted_back_from_the_moment_at_which_a_rule_is_asked(
    session: Session, vault: Vault, now: datetime
) -> None:
    anna = customer(session, vault, "anna", now - timedelta(days=40))
    jo = customer(session, vault, "jo", now - timedelta(days=10))
    order(session, vault, anna, "A-1", "POS-PRO", now - timedelta(days=5))
    order(session, vault, jo, "J-1", "POS-PRO", now - timedelta(days=50))
    ordered = {"kind": "ordered", "product": "POS-PRO", "within_days": 30}
    came = {"kind": "customer_since", "within_days": 30}
    month_later = now + timedelta(days=30)
    assert members(session, now, **ordered) == [anna]
    assert members(session, now, kind="not", of=ordered) == [jo]
    assert members(session, month_later, **ordered) == []
    assert members(session, now, **came) == [jo]
    assert members(session, month_later, **came) == []
    assert members(session, month_later, kind="customer_since", within_days=36_500) == [anna, jo]


def test_a_rule_with_two_times_is_told_what_to_send() -> None:
    said = {"kind": "ordered", "within_days": 30, "since": "2026-01-01T00:00:00Z"}
    with pytest.raises(ValidationError, match="says its time twice"):
        rule(**said)


@pytest.mark.clause("C03")
def test_whose_country_or_zone_is_not_on_file_can_be_asked_for(
    session: Session, vault: Vault, now: datetime
) -> None:
    anna = customer(session, vault, "anna", now, country="DE", timezone="Europe/Berlin")
    jo = customer(session, vault, "jo", now)
    ben = customer(session, vault, "ben", now, country="US", timezone="America/New_York")
    for kind, berlin in (("country", "DE"), ("timezone", "Europe/Berlin")):
        unknown = {"kind": kind, "any_of": ["unknown"]}
        assert members(session, now, **unknown) == [jo]
        assert members(session, now, kind="not", of=unknown) == [anna, ben]
        assert members(session, now, kind=kind, any_of=[berlin, "unknown"]) == [anna, jo]
        assert members(session, now, kind=kind, any_of=[berlin]) == [anna]


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


def test_a_name_that_is_taken_is_no_error_of_the_database(session: Session, now: datetime) -> None:
    errors: list[object] = []
    everybody = rule(kind="everybody")
    kept = audience.save(session, name="All", rule=everybody, by="test", now=now)
    other = audience.save(session, name="Others", rule=everybody, by="test", now=now)
    audience.create_list(session, name="Staff", by="test", now=now)
    acts = (
        lambda: audience.save(session, name="All", rule=everybody, by="test", now=now),
        lambda: audience.change(
            session, other.audience_id, name="All", rule=everybody, by="test", now=now
        ),
        lambda: audience.create_list(session, name="Staff", by="test", now=now),
    )
    with listening(session.connection().engine, "handle_error", errors.append):
        for act in acts:
            with pytest.raises(audience.NameTaken):
                act()
    assert errors == []
    same = audience.change(
        session, kept.audience_id, name="All", rule=everybody, by="test", now=now
    )
    assert same.name == "All"


def test_a_product_that_nobody_ever_ordered_is_doubted(
    session: Session, vault: Vault, now: datetime
) -> None:
    order(session, vault, customer(session, vault, "anna", now), "1", "POS-PRO", now)
    both = [{"kind": "ordered", "product": product} for product in ("POSPRO", "POS-PRO")]
    asked = rule(kind="any", of=[*both, {"kind": "ordered"}])
    assert audience.doubts_about(session, asked) == ["No order on file has the product “POSPRO”."]
    assert audience.doubts_about(session, rule(kind="everybody")) == []


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
        *(
            {"kind": kind, "since": since}
            for kind in ("customer_since", "ordered")
            for since in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00")
        ),
        {"kind": "customer_since", "before": "2200-01-01T00:00:00Z"},
        {"kind": "customer_since", "since": "2000-01-01T00:00:00+01:00"},
        {"kind": "ordered", "orders_at_least": 0},
        {"kind": "ordered", "within_days": 0},
        {"kind": "ordered", "within_days": 36_501},
        {"kind": "ordered", "within_days": 1.0},
        {"kind": "ordered", "within_days": 30, "since": "2026-01-01T00:00:00Z"},
        {"kind": "customer_since", "within_days": 30, "before": "2026-01-01T00:00:00Z"},
        {"kind": "country", "any_of": ["Unknown"]},
        {"kind": "timezone", "any_of": ["Unknown"]},
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


def test_a_bare_rule_is_no_audience_and_is_not_taken_for_everybody() -> None:
    with pytest.raises(ValidationError) as refused:
        ChosenAudience.model_validate({"kind": "country", "any_of": ["US"]})
    (told,) = refused.value.errors()
    assert "has to hold one" in told["msg"]
    assert "rule" in told["ctx"]["error"].fix


@pytest.mark.parametrize(("said", "wanted"), SHOWN)
def test_the_page_shows_each_rule_with_its_sentence(said: str, wanted: str) -> None:
    assert sentence(rule(**json.loads(said))) == wanted


def test_the_page_shows_every_kind_of_rule() -> None:
    shown = {kind for said, _ in SHOWN for kind in re.findall(r'"kind": "(\w+)"', said)}
    assert shown == KINDS
