"""What a preference form asks for: off always wins, and on is asked again on a stale page."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mailer.permission import Standing, TopicStanding
from mailer.vocabulary import Frequency, PersonId, Topic
from preference_center.bodies import Form
from preference_center.customers.forms import (
    Asked,
    compare,
    read_posted,
    shown_now,
    without_partner_offers,
)

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
NEWS, SOFTWARE, PARTNERS = Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES, Topic.PARTNER_OFFERS


def standing(*on: Topic, version: int = 7) -> Standing:
    """Jo Example, with these topics on."""
    return Standing(
        person_id=PersonId(1),
        version=version,
        topics={
            topic: TopicStanding(on=topic in on, answered=topic in on, since=NOW) for topic in Topic
        },
        stopped_since=None,
        stopped_door=None,
        paused_until=None,
        frequency=Frequency.AS_IT_COMES,
        tracking=True,
        gpc_since=None,
    )


def page_of(shown: Standing) -> dict[str, list[str]]:
    """The form as a browser posts it when nothing was touched."""
    current = shown_now(shown, NEW_YORK, now=NOW)
    fields = {
        "version": str(shown.version),
        "frequency": current.frequency.value,
        "was.frequency": current.frequency.value,
        "pause": current.paused_on.isoformat() if current.paused_on else "",
        "was.pause": current.paused_on.isoformat() if current.paused_on else "",
        "tracking": "on" if current.tracking else "off",
        "was.tracking": "on" if current.tracking else "off",
    }
    for topic, on in current.topics.items():
        fields[f"topic.{topic}"] = fields[f"was.{topic}"] = "on" if on else "off"
    return {name: [value] for name, value in fields.items()} | {"shown": list(Topic)}


def asked(
    shown: Standing, now_stands: Standing | None = None, touched: Mapping[str, str] | None = None
) -> Asked:
    """Post the page of `shown`, some fields touched, to somebody who stands otherwise by now."""
    fields = page_of(shown) | {name: [value] for name, value in (touched or {}).items()}
    posted = read_posted(Form(fields), NEW_YORK, now=NOW)
    assert posted.mistakes == ()
    return compare(posted, now_stands or shown, NEW_YORK, now=NOW)


def test_a_form_that_nobody_touched_changes_nothing() -> None:
    assert asked(standing(NEWS, PARTNERS)).is_empty


def test_a_topic_is_switched_off() -> None:
    wish = asked(standing(NEWS, SOFTWARE), touched={f"topic.{NEWS}": "off"})
    assert wish == Asked(topics_off=frozenset({NEWS}))


def test_a_topic_is_switched_on() -> None:
    wish = asked(standing(NEWS), touched={f"topic.{SOFTWARE}": "on"})
    assert wish == Asked(topics_on=frozenset({SOFTWARE}))


def test_a_topic_that_the_page_did_not_show_is_left_alone() -> None:
    fields = page_of(standing(NEWS)) | {"shown": [SOFTWARE.value]}
    del fields[f"topic.{NEWS}"]
    posted = read_posted(Form(fields), NEW_YORK, now=NOW)
    assert compare(posted, standing(NEWS), NEW_YORK, now=NOW).is_empty


def test_a_half_loaded_page_switches_nothing_off() -> None:
    fields = page_of(standing(NEWS, SOFTWARE))
    for topic in (NEWS, SOFTWARE):
        del fields[f"topic.{topic}"]
    posted = read_posted(Form(fields), NEW_YORK, now=NOW)
    assert compare(posted, standing(NEWS, SOFTWARE), NEW_YORK, now=NOW).is_empty


def test_what_another_tab_switched_off_stays_off_and_is_asked_again() -> None:
    wish = asked(standing(NEWS, version=7), standing(version=8))
    assert wish == Asked(again=frozenset({NEWS.value}))


def test_off_on_a_stale_page_is_off() -> None:
    wish = asked(standing(NEWS, version=7), standing(NEWS, version=9), {f"topic.{NEWS}": "off"})
    assert wish.topics_off == {NEWS}


def test_off_wins_over_a_yes_in_another_tab() -> None:
    wish = asked(standing(version=7), standing(NEWS, version=8))
    assert wish == Asked(topics_off=frozenset({NEWS}))


def test_on_on_a_stale_page_is_asked_again() -> None:
    wish = asked(standing(version=7), standing(version=8), {f"topic.{NEWS}": "on"})
    assert wish == Asked(again=frozenset({NEWS.value}))


def test_a_form_without_a_version_counts_as_stale() -> None:
    fields = page_of(standing()) | {f"topic.{NEWS}": ["on"]}
    del fields["version"]
    posted = read_posted(Form(fields), NEW_YORK, now=NOW)
    wish = compare(posted, standing(), NEW_YORK, now=NOW)
    assert wish == Asked(again=frozenset({NEWS.value}))


def test_while_all_is_stopped_no_topic_is_shown_on() -> None:
    stopped = replace(standing(NEWS), stopped_since=NOW)
    assert not any(shown_now(stopped, NEW_YORK, now=NOW).topics.values())
    wish = asked(stopped, touched={f"topic.{SOFTWARE}": "on"})
    assert wish == Asked(topics_on=frozenset({SOFTWARE}))


def test_a_stop_in_another_tab_asks_every_yes_of_this_one_again() -> None:
    stopped = replace(standing(NEWS, version=8), stopped_since=NOW)
    wish = asked(standing(NEWS, version=7), stopped)
    assert wish == Asked(again=frozenset({NEWS.value}))


def test_a_pause_ends_at_the_start_of_that_day_where_the_person_lives() -> None:
    wish = asked(standing(), touched={"pause": "2027-03-14"})
    assert wish == Asked(paused_until=datetime(2027, 3, 14, 5, 0, tzinfo=UTC))


def test_an_emptied_pause_is_over() -> None:
    paused = replace(standing(), paused_until=datetime(2027, 3, 14, 5, 0, tzinfo=UTC))
    assert asked(paused, touched={"pause": ""}) == Asked(resume=True)


def test_a_pause_that_has_passed_is_not_shown() -> None:
    paused = replace(standing(), paused_until=NOW - timedelta(days=1))
    assert shown_now(paused, NEW_YORK, now=NOW).paused_on is None


@pytest.mark.parametrize("typed", ["2026-11-22", "2020-01-01", "2028-01-01", "soon", "0"])
def test_a_day_that_cannot_be_meant_is_named_and_kept(typed: str) -> None:
    fields = page_of(standing()) | {"pause": [typed]}
    posted = read_posted(Form(fields), NEW_YORK, now=NOW)
    assert [mistake.field for mistake in posted.mistakes] == ["pause"]
    assert posted.pause_text == typed


@pytest.mark.parametrize("typed", ["2026-11-23", "2027-11-23"])
def test_tomorrow_and_a_year_ahead_can_be_meant(typed: str) -> None:
    fields = page_of(standing()) | {"pause": [typed]}
    posted = read_posted(Form(fields), NEW_YORK, now=NOW)
    assert (posted.mistakes, posted.chosen.paused_on) == ((), date.fromisoformat(typed))


@pytest.mark.parametrize(
    ("touched", "changed"),
    [
        ({"frequency": "weekly"}, Asked(frequency=Frequency.WEEKLY)),
        ({"tracking": "off"}, Asked(tracking=False)),
        ({"frequency": "hourly", "tracking": "maybe"}, Asked()),
    ],
)
def test_manners_change_as_chosen(touched: dict[str, str], changed: Asked) -> None:
    assert asked(standing(), touched=touched) == changed


def test_stricter_manners_on_a_stale_page_hold() -> None:
    wish = asked(
        standing(version=7), standing(version=8), {"frequency": "monthly", "tracking": "off"}
    )
    assert wish == Asked(frequency=Frequency.MONTHLY, tracking=False)


def test_looser_manners_on_a_stale_page_are_asked_again() -> None:
    strict = replace(
        standing(version=7),
        frequency=Frequency.MONTHLY,
        tracking=False,
        paused_until=datetime(2027, 3, 14, 5, 0, tzinfo=UTC),
    )
    touched = {"frequency": "weekly", "tracking": "on", "pause": ""}
    wish = asked(strict, replace(strict, version=8), touched)
    assert wish == Asked(again=frozenset({"frequency", "tracking", "pause"}))


def test_a_choice_that_another_tab_has_made_already_changes_nothing() -> None:
    wish = asked(
        standing(version=7),
        replace(standing(version=8), frequency=Frequency.WEEKLY),
        {"frequency": "weekly"},
    )
    assert wish.is_empty


@pytest.mark.clause("C13")
def test_a_browsers_signal_switches_partner_offers_off_and_never_on() -> None:
    both = standing(NEWS, PARTNERS)
    assert without_partner_offers(asked(both), both).topics_off == {PARTNERS}
    none = standing()
    wanted = asked(none, touched={f"topic.{PARTNERS}": "on", f"topic.{NEWS}": "on"})
    assert without_partner_offers(wanted, none) == Asked(topics_on=frozenset({NEWS}))
