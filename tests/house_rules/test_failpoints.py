"""Every failpoint stands in the product, once, so that each can be aimed at and none means two things."""

import re
from collections import Counter

from mailer.failpoints import Failpoint
from tests.house_rules.test_code import modules

USE = re.compile(r"\breached\(Failpoint\.([A-Z_]+)\)")


def test_every_failpoint_is_reached_in_one_place() -> None:
    used = Counter(
        name
        for path in modules("mailer", "preference_center", "workers")
        for name in USE.findall(path.read_text())
    )
    assert used == Counter({each.name: 1 for each in Failpoint})


def test_there_are_points_in_every_part_that_may_be_killed() -> None:
    parts = {each.split(".")[0] for each in Failpoint}
    assert {
        "sender", "gate", "provider", "reaper", "optout", "journal", "import", "orders", "campaign",
    } <= parts  # fmt: skip
    assert len(Failpoint) >= 25
