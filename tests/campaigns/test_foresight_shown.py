"""A look ahead at a schedule tells no figure of fewer than ten people, and none that gives one away."""

from datetime import UTC, datetime

import pytest

from mailer.campaigns import Foresight, ZoneAhead, published_foresight
from mailer.measure import Published

FEW = "fewer than 10"
AT = datetime(2026, 12, 2, 8, tzinfo=UTC)
BERLIN, TOKYO, LIMA = "Europe/Berlin", "Asia/Tokyo", "America/Lima"
pytestmark = pytest.mark.clause("C15")


def ahead(people: dict[str, int], *, late: tuple[str, ...] = (), without: int = 0) -> Foresight:
    """Look ahead at people by zone; Berlin is the plan's own."""
    zones = tuple(
        ZoneAhead(zone, number, AT, AT, AT, None, zone in late, number if zone in late else 0)
        for zone, number in people.items()
    )
    return Foresight(
        begins=AT,
        first=AT,
        last=AT,
        audience=sum(people.values()),
        without_zone=without,
        late=sum(people[zone] for zone in late),
        zones=zones,
        occurrences=(),
        choice=AT,
        home=BERLIN,
    )


def shown(look: Foresight) -> dict[str, Published]:
    told = published_foresight(look)
    zones = {zone.zone: people for zone, people in told.zones}
    return {**zones, "without": told.without_zone, "late": told.late}


def test_what_is_large_is_told_as_it_is() -> None:
    told = shown(ahead({BERLIN: 40, TOKYO: 20}, late=(TOKYO,), without=15))
    assert told == {BERLIN: 40, TOKYO: 20, "without": 15, "late": 20}


def test_a_zone_from_which_a_small_one_could_be_worked_out_is_withheld() -> None:
    told = shown(ahead({BERLIN: 40, TOKYO: 20, LIMA: 3}))
    assert (told[LIMA], told[TOKYO], told[BERLIN]) == (FEW, "withheld", 40)


def test_the_late_do_not_tell_a_small_zone() -> None:
    told = shown(ahead({BERLIN: 40, TOKYO: 20, LIMA: 3}, late=(TOKYO, LIMA)))
    assert told["late"] == "withheld"
    assert shown(ahead({BERLIN: 40, TOKYO: 20}, late=(TOKYO, BERLIN)))["late"] == f"all but {FEW}"


def test_who_has_no_zone_does_not_tell_how_few_have_the_plans_own() -> None:
    told = shown(ahead({BERLIN: 40, TOKYO: 20}, without=35))
    assert (told[BERLIN], told["without"]) == (40, f"all but {FEW}")


def test_of_fewer_than_ten_neither_zones_nor_moments_are_told() -> None:
    told = published_foresight(ahead({TOKYO: 4}, late=(TOKYO,)))
    assert (told.audience, told.without_zone, told.late) == (FEW, FEW, FEW)
    assert (told.zones, told.first, told.last, told.choice) == ((), None, None, None)
