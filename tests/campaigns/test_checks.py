"""The checks before sending: one list, whose stops hold everywhere and whose warnings hold nothing."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mailer import campaigns, ledger
from mailer.campaigns import (
    CampaignId,
    CannotSend,
    Check,
    ContentRefused,
    Every,
    Finding,
    NewCampaign,
    Plan,
    Repeat,
    Rules,
    State,
    audience,
)
from mailer.campaigns.alignment import organisation_of, sender_findings
from mailer.campaigns.audience.rules import All, AnyOf, Engaged, Everybody, LivesIn, Not, Rule
from mailer.database import Database
from mailer.delivery import Limits
from mailer.letters import PromotionalContent
from mailer.providers import MemoryProvider
from mailer.settings import SettingsInvalid
from mailer.vocabulary import Topic
from mailer.wiring import build
from tests.campaigns.conftest import BY, Desk, new_campaign
from tests.web.house import settings_for

PUBLIC = "https://mail.focalpointsystem.com"


@pytest.fixture
def desk(database: Database, database_url: str, tmp_path: Path, now: datetime) -> Iterator[Desk]:
    """A desk whose links lead over a host of the company's own."""
    time = [now]
    settings = settings_for(database_url, tmp_path, public_url=PUBLIC)
    parts = build(settings, process="test", clock=lambda: time[0])
    yield Desk(parts, MemoryProvider(), time)
    parts.close()


def draft(desk: Desk, **changed: object) -> CampaignId:
    content = PromotionalContent.sample().model_copy(update=changed)
    new = NewCampaign("Autumn release", Topic.COMPANY_NEWS, content, new_campaign().audience)
    with desk.database.transaction() as session:
        made = campaigns.create(session, new, brand=desk.parts.brand, by=BY, now=desk.now)
    return made.campaign_id


def twelve(desk: Desk, cities: int = 12) -> None:
    """Make so many customers as figures may be told of, a city known of some."""
    for n in range(12):
        desk.customer(f"Jo{n} Example", city="Trenton" if n < cities else "")


def said(findings: list[Finding]) -> list[tuple[Check, str]]:
    return [(each.check, each.field) for each in findings]


def test_a_sound_campaign_to_people_of_whom_all_is_known_has_no_findings(desk: Desk) -> None:
    twelve(desk)
    checked = desk.check(desk.draft())
    assert (list(checked.findings), checked.audience) == ([], 12)


@pytest.mark.clause("C03")
def test_a_missing_field_is_told_with_how_many_read_what_instead(desk: Desk) -> None:
    twelve(desk)
    desk.crowd(11)
    warnings = desk.check(desk.draft()).warnings
    assert said(warnings) == [(Check.MERGE_FIELDS, "city")]
    assert warnings[0].text == "city is missing for 11 of 23; they read “your city”."
    assert warnings[0].clause == "C03"


@pytest.mark.clause("C15")
@pytest.mark.parametrize(("cities", "some"), [(11, "fewer than 10"), (2, "all but fewer than 10")])
def test_of_how_few_a_field_is_missing_or_known_is_withheld(
    desk: Desk, cities: int, some: str
) -> None:
    twelve(desk, cities)
    [warning] = desk.check(desk.draft()).warnings
    assert warning.text == f"city is missing for {some} of 12; they read “your city”."


@pytest.mark.clause("C15")
def test_of_fewer_than_ten_the_checks_do_not_tell_whose_field_is_missing(desk: Desk) -> None:
    desk.customer("Jo Example")
    [warning] = desk.check(desk.draft()).warnings
    assert warning.text == "Fewer than 10 people, or nobody, belong to the audience now."


def test_a_warm_up_that_falls_is_warned_of(desk: Desk) -> None:
    twelve(desk)
    for curve, told in (((500, 400, 600), [(Check.PACE, "pace.warm_up")]), ((400, 400, 600), [])):
        campaign_id = desk.draft()
        desk.do("set_pace", campaign_id, pace=Limits(warm_up=curve))
        assert said(desk.check(campaign_id).warnings) == told


@pytest.mark.clause("C27")
def test_without_a_postal_address_a_stop_stands_and_the_draft_may_be_saved(
    desk: Desk, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = settings_for(database_url, tmp_path_factory.mktemp("bare"), postal_address="")
    bare = Desk(build(settings, process="bare"), desk.provider, desk.time)
    stops = bare.check(bare.draft()).stops
    assert [(each.check, each.clause) for each in stops] == [(Check.POSTAL_ADDRESS, "C27")]
    bare.parts.close()


def test_an_empty_audience_is_told(desk: Desk) -> None:
    assert said(desk.check(desk.draft()).warnings) == [(Check.AUDIENCE, "audience")]


def engaged_with(campaign_id: CampaignId) -> list[Rule]:
    """A rule about one campaign: by itself, within others, and as a rule kept under a name."""
    alone = Engaged(by="click", campaign=campaign_id)
    return [alone, All(of=(Everybody(), Not(of=AnyOf(of=(alone, LivesIn(any_of=("US",)))))))]


@pytest.mark.parametrize("nested", [0, 1])
def test_a_rule_that_names_a_campaign_that_never_left_is_warned_of(desk: Desk, nested: int) -> None:
    named, gone = desk.draft(), desk.draft()
    desk.do("cancel", gone)
    for each in (named, gone):
        (told,) = about_campaigns(desk, desk.draft(rule=engaged_with(each)[nested]))
        assert f"campaign {each}, which has not started" in told.text
        assert told.fix
    desk.do("start", named)
    assert about_campaigns(desk, desk.draft(rule=engaged_with(named)[nested])) == []


def test_a_rule_that_was_kept_under_a_name_is_looked_over_likewise(desk: Desk) -> None:
    named = desk.draft()
    with desk.database.transaction() as session:
        rule = engaged_with(named)[1]
        kept = audience.save(session, name="Others", rule=rule, by=BY, now=desk.now)
    asking = desk.draft(saved=kept.audience_id)
    assert len(about_campaigns(desk, asking)) == 1


def test_a_time_of_what_repeats_counts_as_the_campaign_that_repeats(desk: Desk) -> None:
    named = desk.draft()
    at = (desk.now + timedelta(hours=1)).replace(tzinfo=None)
    every_day = Plan(at=at, zone="UTC", repeat=Repeat(every=Every.DAY))
    desk.do("schedule", named, plan=every_day)
    asking = desk.draft(rule=engaged_with(named)[0])
    assert len(about_campaigns(desk, asking)) == 1
    desk.later(hours=1)
    assert desk.tick()
    assert about_campaigns(desk, asking) == []


def about_campaigns(desk: Desk, campaign_id: CampaignId) -> list[Finding]:
    return [each for each in desk.check(campaign_id).findings if "has not started" in each.text]


def test_the_same_letter_sent_before_is_told_with_when_and_to_whom(desk: Desk) -> None:
    twelve(desk)
    first = desk.draft()
    desk.do("start", first)
    desk.later(days=3)
    again, elsewhere = desk.draft(), desk.draft(rule=LivesIn(any_of=("US",)))
    other = draft(desk, subject="Winter release")
    [same] = [each for each in desk.check(again).warnings if each.check is Check.REPEAT]
    assert same.text.startswith(f"Campaign {first} sent the same letter to the same audience on ")
    [partly] = [each for each in desk.check(elsewhere).warnings if each.check is Check.REPEAT]
    assert "to another audience" in partly.text
    assert not desk.check(other).findings


def test_an_audience_more_than_twice_the_largest_so_far_is_told(desk: Desk) -> None:
    for number in range(100):
        desk.customer(f"Jo Example {number}", city="Trenton", country="US")
    told = said(desk.check(desk.draft()).warnings)
    assert told == [(Check.AUDIENCE, "audience")]
    small = desk.draft(rule=LivesIn(any_of=("IS",)))
    desk.do("start", small)
    [surprise] = [
        each for each in desk.check(desk.draft()).warnings if each.check is Check.AUDIENCE
    ]
    assert surprise.text == "It goes to 100 people; the largest campaign so far went to 0."
    desk.do("start", draft(desk, subject="Winter release"))
    assert not [each for each in desk.check(desk.draft()).warnings if each.check is Check.AUDIENCE]


@pytest.mark.parametrize("approved", [False, True])
def test_what_was_warned_of_stands_in_the_ledger_at_the_start(desk: Desk, approved: bool) -> None:
    twelve(desk, cities=1)
    campaign_id = desk.draft()
    if approved:  # then its audience is counted while it is cut
        desk.do("approve", campaign_id, by="staff:anna")
    mailing_id = desk.do("start", campaign_id).mailing_id
    assert mailing_id is not None
    with desk.database.reading() as session:
        [entry] = ledger.entries_of_mailing(session, mailing_id, limit=10)
    assert entry.detail["warnings"] == ["merge_fields: city"]


def test_a_scheduled_campaign_that_a_check_stops_goes_back_with_the_check_in_the_ledger(
    desk: Desk, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    campaign_id = desk.draft()
    desk.do("schedule", campaign_id, at=desk.now + timedelta(hours=1))
    desk.later(hours=1)
    with desk.database.transaction() as session:
        started = campaigns.start_due(
            session, brand=desk.parts.brand, rules=Rules(approval_above=0), now=desk.now
        )
    assert started == []
    assert desk.look(campaign_id).state is State.DRAFT
    with desk.database.reading() as session:
        row = session.connection().exec_driver_sql(
            "SELECT detail FROM ledger_entry WHERE kind = 'campaign.start_refused'"
        )
        assert row.scalar_one()["checks"] == ["approval"]


def test_a_stop_of_the_sender_refuses_the_start(desk: Desk) -> None:
    with pytest.raises(CannotSend) as told:
        desk.do("start", desk.draft(), rules=Rules(sender="FocalPoint <focalpoint@gmail.com>"))
    assert said(list(told.value.findings)) == [(Check.SENDER, "sender")]


@pytest.mark.parametrize(
    ("sender", "public_url", "field"),
    [
        ("FocalPoint <news@focalpointsystem.com>", PUBLIC, None),
        ("FocalPoint <news@mail.focalpointsystem.com>", "https://focalpointsystem.com", None),
        ("Shop <news@shop.example.co.uk>", "https://click.example.co.uk", None),
        ("Shop <news@example.co.uk>", "https://other.co.uk", "sender"),
        ("FocalPoint <news@focalpointsystem.com>", "https://clicks.example.net", "sender"),
        ("FocalPoint <news@focalpointsystem.com>", "http://127.0.0.1:8000", "public_url"),
        ("FocalPoint <news@focalpointsystem.com>", "http://localhost:8000", "public_url"),
        ("FocalPoint <focalpoint@gmail.com>", PUBLIC, "sender"),
        ("news", PUBLIC, "sender"),
    ],
)
def test_the_senders_domain_goes_with_the_links(
    sender: str, public_url: str, field: str | None
) -> None:
    assert [each.field for each in sender_findings(sender, public_url)] == (
        [field] if field else []
    )


def test_an_organisation_is_known_by_what_it_registered() -> None:
    assert organisation_of("a.b.example.com") == "example.com"
    assert organisation_of("A.Example.CO.UK.") == "example.co.uk"
    assert organisation_of("mail.example.de") == "example.de"


def test_a_host_that_the_installation_names_may_be_linked_to(
    desk: Desk, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    partner = "https://shop.partner.example.org/tills"
    with pytest.raises(ContentRefused):
        draft(desk, button_url=partner)
    settings = settings_for(
        database_url, tmp_path_factory.mktemp("wide"), link_hosts="partner.example.org, example.net"
    )
    wide = Desk(build(settings, process="wide"), desk.provider, desk.time)
    assert draft(wide, button_url=partner)
    wide.parts.close()


@pytest.mark.parametrize("name", ["link_hosts", "test_domains"])
def test_a_list_of_hosts_that_holds_none_refuses_to_start(
    name: str, database_url: str, tmp_path: Path
) -> None:
    settings = settings_for(database_url, tmp_path, **{name: "https://partner.example.org/"})
    with pytest.raises(SettingsInvalid, match=f"MAILER_{name.upper()}"):
        build(settings, process="wrong")
