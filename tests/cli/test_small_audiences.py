"""Before a campaign starts the command line tells no figure of fewer than ten (C15)."""

import pytest

from tests.cli.conftest import House, Run

FEW = "fewer than 10"
LOCAL = ("2098-10-26T09:00", "--zone", "Europe/Berlin", "--local", "--preview")


@pytest.mark.clause("C15")
def test_the_status_of_a_draft_tells_no_figure_of_fewer_than_ten(fpmail: Run, house: House) -> None:
    house.crowd(22)
    fpmail("remove", house.customer("Anna Becker").email)
    number = house.draft()
    books = fpmail("campaign", "status", number, "--json").json["books"]
    assert (books["audience"], books["allowed"]) == (23, f"all but {FEW}")
    assert (books["held"], books["refused"]) == (0, {"not.all": FEW})
    said = fpmail("campaign", "status", number).out.splitlines()
    assert [line.split()[-1] for line in said if line.startswith(("audience", "held"))] == [
        "23",
        "0",
    ]
    assert not [line for line in said if line.startswith("refused")]
    fpmail("campaign", "start", number)
    assert fpmail("campaign", "status", number, "--json").json["books"]["audience"] == 23


@pytest.mark.clause("C15")
def test_the_look_ahead_tells_no_zone_of_fewer_than_ten(fpmail: Run, house: House) -> None:
    number = house.draft()
    words = ("campaign", "schedule", number, *LOCAL)
    house.customer("Li Wei", timezone="Asia/Tokyo")
    ahead = fpmail(*words, "--json").json
    assert (ahead["audience"], ahead["zones"]) == (FEW, [])
    assert (ahead["first"], ahead["last"]) == (None, None)
    assert "Tokyo" not in fpmail(*words).out
    house.crowd(12, timezones=["America/New_York"])
    ahead = fpmail(*words, "--json").json
    told = {each["zone"]: each["people"] for each in ahead["zones"]}
    assert told == {"Asia/Tokyo": FEW, "America/New_York": f"all but {FEW}"}
    assert ahead["audience"] == 13
    assert " 12 " not in fpmail(*words).out
