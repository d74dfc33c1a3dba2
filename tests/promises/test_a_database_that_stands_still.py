"""A database that stands still for longer than a start window costs nobody their certain fate."""

from pathlib import Path

import pytest

from tests.promises.system import running_system
from tests.promises.test_opt_outs_under_load import books_of, people_of, start_campaign
from tests.promises.trouble import aim, freeze_the_database

PEOPLE = 1500
FREEZES = 3


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_who_waits_for_a_frozen_database_is_late_and_not_ended(tmp_path: Path) -> None:
    with running_system(tmp_path) as system:
        if system.database is None:
            pytest.skip("TEST_DATABASE_URL names a database that the test may not stop")
        system.environment["MAILER_PACE_PER_SECOND"] = "300"
        people_of(system, PEOPLE)
        system.start_all()
        _, mailing = start_campaign(system)
        for _ in range(FREEZES):
            aim(system)
            freeze_the_database(system)
        system.wait_for(lambda: books_of(system, mailing).to_go == 0, 120, "the campaign to end")
        books, ended = books_of(system, mailing), system.ended_by_the_kernel()
    assert books.balance
    assert (ended, books.unknown) == (0, 0)
    assert books.accepted == PEOPLE
