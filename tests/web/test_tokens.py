"""The colours keep their promises: the sheet is read and every contrast ratio recomputed."""

import re
from collections.abc import Iterator

import pytest

from preference_center.pages import STATIC

TOKENS = (STATIC / "tokens.css").read_text()
GROUNDS = ("bg", "surface", "sunken", "accent-soft", "good-soft", "warn-soft", "bad-soft")
LOGICAL_ONLY = re.compile(
    r"(?<![\w-])(left|right|(margin|padding|border)-(left|right)|text-align:\s*(left|right)"
    r"|float:\s*(left|right))(?![\w-])"
)

Scheme = dict[str, str]


def schemes() -> tuple[Scheme, Scheme]:
    """Read the light values of :root, and the pairs that follow."""
    plain = TOKENS.split("@supports")[0]
    light = dict(re.findall(r"--([\w-]+): (#[0-9A-F]{6});", plain))
    pairs = re.findall(r"--([\w-]+): light-dark\((#[0-9A-F]{6}), (#[0-9A-F]{6})\);", TOKENS)
    assert {name: value for name, value, _ in pairs} == light
    return light, {name: value for name, _, value in pairs}


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def worst(scheme: Scheme, name: str, grounds: tuple[str, ...] = GROUNDS) -> float:
    return min(ratio(scheme[name], scheme[ground]) for ground in grounds)


LIGHT, DARK = schemes()


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "muted", "accent", "accent-hover"])
def test_text_reads_on_every_ground(scheme: Scheme, name: str) -> None:
    assert worst(scheme, name) >= 4.5


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_border_of_a_field_is_seen_on_every_ground(scheme: Scheme) -> None:
    assert worst(scheme, "edge") >= 3


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["good", "warn", "bad"])
def test_each_kind_of_notice_reads_on_its_own_ground(scheme: Scheme, name: str) -> None:
    assert ratio(scheme[name], scheme[f"{name}-soft"]) >= 4.5


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["accent", "accent-hover"])
def test_a_button_reads(scheme: Scheme, name: str) -> None:
    assert ratio(scheme["on-accent"], scheme[name]) >= 4.5


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_one_half_of_the_focus_ring_is_seen_on_every_ground_and_button(scheme: Scheme) -> None:
    for ground in (*GROUNDS, "accent"):
        halves = (ratio(scheme[half], scheme[ground]) for half in ("focus", "focus-edge"))
        assert max(halves) >= 3
    assert ratio(scheme["focus"], scheme["focus-edge"]) >= 4.5


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [(LIGHT, [14.08, 6.13, 3.70, 6.49, 9.10]), (DARK, [12.11, 6.92, 4.55, 7.27, 9.34])],
    ids=["light", "dark"],
)
def test_the_worst_ratios_are_the_ones_that_were_chosen(
    scheme: Scheme, expected: list[float]
) -> None:
    names = ("ink", "muted", "edge", "accent", "accent-hover")
    assert [round(worst(scheme, name), 2) for name in names] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_series_of_a_chart_is_seen(scheme: Scheme) -> None:
    for name in ("s1", "s2", "s3", "s4"):
        assert worst(scheme, name, ("bg", "surface")) >= 3


def declarations() -> Iterator[str]:
    for sheet in ("tokens.css", "site.css"):
        text = re.sub(r"/\*.*?\*/", "", (STATIC / sheet).read_text(), flags=re.DOTALL)
        yield from (line.strip() for line in text.splitlines())


def test_no_rule_knows_left_from_right() -> None:
    assert [line for line in declarations() if LOGICAL_ONLY.search(line)] == []


def test_no_rule_loads_anything() -> None:
    assert [line for line in declarations() if "url(" in line or "@import" in line] == []


def test_no_rule_uses_a_token_that_is_not_there() -> None:
    used = set(re.findall(r"var\(--([\w-]+)\)", (STATIC / "site.css").read_text()))
    assert used <= set(re.findall(r"--([\w-]+):", TOKENS))
