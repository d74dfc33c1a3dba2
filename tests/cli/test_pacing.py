"""Another pace from the command line: what holds now, and what does not any more."""

from tests.cli.conftest import House, Run


def test_another_pace_is_told_with_what_it_no_longer_limits(fpmail: Run, house: House) -> None:
    number = house.draft()
    words = ("campaign", "pace", number)
    first = fpmail(*words, "--per-minute", 120, "--warm-up", "200,1000").out
    assert "Its pace: 120 a minute, a warm-up of 200, 1,000." in first
    assert "any more" not in first
    second = fpmail(*words, "--per-minute", 600).out
    assert "Its pace: 600 a minute; no warm-up any more." in second
    third = fpmail(*words, "--per-hour", 9000, "--per-day", 90_000).out
    assert "Its pace: 9,000 an hour, 90,000 a day; no limit by the minute any more." in third
    none = fpmail(*words, "--unlimited").out
    assert "Its pace: as fast as the installation goes; no limit by the hour any more," in none
    assert "no limit by the day any more." in none


def test_a_warm_up_that_falls_is_taken_with_a_remark(fpmail: Run, house: House) -> None:
    falling = fpmail("campaign", "pace", house.draft(), "--warm-up", "300,500,400")
    assert falling.code == 0
    assert "the warm-up falls from 500 to 400" in falling.out
    rising = fpmail("campaign", "pace", house.draft(), "--warm-up", "300,300,400").out
    assert "falls" not in rising


def test_scripts_get_the_pace_as_before(fpmail: Run, house: House) -> None:
    told = fpmail("campaign", "pace", house.draft(), "--warm-up", "500,400", "--json").json
    assert told["pace"] == {"warm_up": [500, 400]}
