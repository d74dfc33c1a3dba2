"""A plan of what goes wrong: the same for the same seed, and with every danger in it."""

import pytest

from mailer.failpoints import Failpoint
from tests.promises.plan import EVERY, JOURNAL, KINDS, drawn

SHORT = 60.0


def test_a_seed_replays_its_plan_and_another_has_another() -> None:
    assert drawn(7, SHORT) == drawn(7, SHORT)
    assert drawn(7, SHORT) != drawn(8, SHORT)


@pytest.mark.parametrize("seed", range(20))
def test_even_a_short_plan_does_every_kind_of_deed_and_kills_at_every_point(seed: int) -> None:
    deeds = drawn(seed, SHORT)
    assert {deed.kind for deed in deeds} == set(KINDS)
    killed = {deed.target for deed in deeds if (deed.kind, deed.act) == ("aim", "kill")}
    assert killed == {point.value for point in Failpoint}
    full = {deed.target for deed in deeds if deed.act == "no_space"}
    assert full == {point.value for point in JOURNAL}


def test_deeds_come_in_order_and_at_their_pace() -> None:
    moments = [deed.at for deed in drawn(7, 600)]
    assert moments == sorted(moments)
    assert moments[0] > 0
    assert moments[-1] < 600
    assert len(moments) == 600 / EVERY


def test_a_long_plan_stops_delays_and_fills_the_disk_under_the_journal_only() -> None:
    aims = [deed for deed in drawn(7, 3600) if deed.kind == "aim"]
    assert {deed.act for deed in aims} == {"kill", "stop", "wait", "no_space"}
    full = {deed.target for deed in aims if deed.act == "no_space"}
    assert full == {point.value for point in JOURNAL}
