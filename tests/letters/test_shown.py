"""Money, days and times as each reader writes them."""

from datetime import UTC, date, datetime

import pytest

from mailer.letters import Money
from mailer.letters.shown import day, habits_of, moment, money

NEW_YEAR = datetime(2027, 1, 1, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("country", "expected"),
    [
        ("US", "€1,234.50"),
        ("DE", "1.234,50\u00a0€"),
        ("CH", "€\u00a01’234.50"),
        ("", "€1,234.50"),
        ("XX", "€1,234.50"),
        ("../etc", "€1,234.50"),
    ],
)
def test_money_is_written_as_in_the_readers_country(country: str, expected: str) -> None:
    shown = money(Money(amount=123_450, currency="EUR"), habits_of({"country_code": country}))
    assert shown == expected


@pytest.mark.parametrize(
    ("country", "zone", "expected"),
    [
        ("US", "America/New_York", "December 31, 2026 at 10:04\u00a0PM\u00a0EST"),
        ("DE", "Europe/Berlin", "1 January 2027 at 04:04\u00a0CET"),
        ("BR", "America/Sao_Paulo", "January 1, 2027 at 12:04\u00a0AM\u00a0UTC-03:00"),
        ("", "", "January 1, 2027 at 3:04\u00a0AM\u00a0UTC"),
        ("", "Mars/Olympus", "January 1, 2027 at 3:04\u00a0AM\u00a0UTC"),
        ("", "../../etc/passwd", "January 1, 2027 at 3:04\u00a0AM\u00a0UTC"),
    ],
)
def test_a_moment_is_told_in_the_readers_zone_by_name(
    country: str, zone: str, expected: str
) -> None:
    assert moment(NEW_YEAR, habits_of({"country_code": country, "timezone": zone})) == expected


def test_a_day_of_the_calendar_moves_with_no_zone() -> None:
    assert day(date(2026, 11, 24), habits_of({"country_code": "GB"})) == "24 November 2026"
