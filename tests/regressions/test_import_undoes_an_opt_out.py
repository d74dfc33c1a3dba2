"""Elsewhere importing an edited export again set everybody in it to active, those who had
unsubscribed among them (https://github.com/pentacent/keila/issues/253).

Here a file may begin a topic for who never answered and never answers a no: not under the shop's own
number, not under a new one at the same address, and not at an address that the person moves to by it.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

from mailer.intake import ImportOptions, import_customers
from mailer.permission import Change
from mailer.vocabulary import Door, Topic
from tests.campaigns.conftest import Desk
from tests.campaigns.conftest import desk as desk  # noqa: PLC0414 - a fixture

EVERYTHING = " ".join(topic.value for topic in Topic)
NOS = {
    "all": {"stop_all": True},
    "topic": {"topics_off": frozenset({Topic.COMPANY_NEWS})},
}


def take(desk: Desk, folder: Path, *rows: Sequence[str]) -> None:
    """Import customers who all want everything, as the file says."""
    file = folder / f"customers-{len(list(folder.iterdir()))}.csv"
    lines = [",".join([*row, EVERYTHING]) for row in rows]
    file.write_text("\n".join(["external_id,email,topics", *lines, ""]))
    options = ImportOptions(source="shop", helpers=0)
    import_customers(desk.database, desk.parts.vault, file, options=options, now=desk.now)


@pytest.mark.clause("C08")
@pytest.mark.parametrize("no", sorted(NOS))
def test_an_import_of_somebody_who_said_no_switches_nothing_on(
    desk: Desk, tmp_path: Path, no: str
) -> None:
    take(desk, tmp_path, ("C-1", "jo@example.com"))
    jo = desk.customer("Jo Example", email="jo@example.com", topics=())
    change = Change(Door.ONE_CLICK, "2026-11", **NOS[no])  # type: ignore[arg-type]
    desk.parts.opt_outs.change(jo.person_id, change)
    desk.later(days=1)
    take(desk, tmp_path, ("C-1", "jo@example.com"), ("C-2", "anna@example.com"))
    take(desk, tmp_path, ("C-3", "jo@example.com"))
    take(desk, tmp_path, ("C-1", "jo@example.net"))
    take(desk, tmp_path, ("C-4", "jo@example.net"))
    desk.do("start", desk.draft())
    desk.send_all()
    assert [each.recipient for each in desk.provider.accepted] == ["anna@example.com"]
