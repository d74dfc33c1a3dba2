"""Before a campaign starts the command line tells no figure of fewer than ten (C15)."""

import pytest

from tests.cli.conftest import House, Run

FEW = "fewer than 10"


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
