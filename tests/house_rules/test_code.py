"""Rules about the code itself: who commits, who reads the clock, who reads the environment."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 400
DOORS = (
    "mailer/cli",
    "mailer/development",
    "mailer/wiring.py",
    "mailer/clock.py",
    "preference_center",
    "workers",
)


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def is_below_the_doors(path: Path) -> bool:
    return not any(path.relative_to(ROOT).as_posix().startswith(door) for door in DOORS)


def calls(path: Path) -> Iterator[tuple[int, str]]:
    """Every call in a module, as its line and its dotted name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def found(names: set[str], paths: Iterator[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in paths
        for line, name in calls(path)
        if name in names or name.rpartition(".")[2] in {n for n in names if "." not in n}
    ]


def test_nobody_reads_the_clock_below_the_doors() -> None:
    clocks = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"}
    assert found(clocks, filter(is_below_the_doors, modules("mailer"))) == []


def test_nobody_commits_but_the_database() -> None:
    paths = (
        path
        for path in modules("mailer", "preference_center", "workers")
        if path.name != "database.py"
    )
    assert found({"session.commit"}, paths) == []


def test_the_environment_is_read_by_settings_and_by_what_starts_everything() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in modules("mailer", "preference_center", "workers")
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    }
    allowed = ("mailer/settings.py", "mailer/development/", "mailer/cli/")
    assert {each for each in readers if not each.startswith(allowed)} == set()


def test_only_the_gate_is_given_a_provider() -> None:
    holders = {
        path.relative_to(ROOT).as_posix()
        for path in modules("mailer", "preference_center", "workers")
        if ".hand_over(" in path.read_text()
    }
    assert holders <= {
        "mailer/delivery/gate.py",
        "mailer/delivery/sender.py",
        "mailer/providers/smtp.py",
    }
    sender = (ROOT / "mailer/delivery/sender.py").read_text()
    assert "self._gate.hand_over(" in sender
    assert "provider.hand_over" not in sender


@pytest.mark.parametrize("package", ["mailer", "preference_center", "workers"])
def test_every_module_says_what_it_is_for(package: str) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in modules(package)
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


@pytest.mark.parametrize("package", ["mailer", "preference_center", "workers", "bench", "tests"])
def test_no_module_outgrows_what_is_read_in_one_sitting(package: str) -> None:
    """Only migrations may: each is generated, read once and then left alone."""
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for path in modules(package)
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert {each for each in long if not each.startswith("mailer/migrations/versions/")} == set()


LEARNED = {"_begun_per_second"}  # a number that a sender learns by sending, not how it acts


def changed_from_outside(source: str) -> Iterator[str]:
    """Every private attribute that is assigned to by somebody else than its owner."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            is_own = ast.unparse(node.value) in ("self", "cls")
            if node.attr.startswith("_") and not is_own and node.attr not in LEARNED:
                yield f"{node.lineno} {ast.unparse(node)}"


def test_no_test_changes_how_something_of_ours_acts() -> None:
    """A fake is scripted by its own door, and what is real is built with other parts."""
    assert list(changed_from_outside("sender._clock, self._it = clock, 1")) == ["1 sender._clock"]
    reached = [
        f"{path.relative_to(ROOT)}:{each}"
        for path in modules("tests")
        for each in changed_from_outside(path.read_text())
    ]
    assert reached == []


def test_every_queue_that_a_task_names_is_listened_to() -> None:
    from mailer.vocabulary import Lane
    from tests.web.house import settings_for
    from workers.app import QUEUES, create_celery

    app = create_celery(settings_for("postgresql://nobody@localhost/none", Path("none")))
    keys = {queue.name: queue.routing_key for queue in app.conf.task_queues}
    assert set(keys) == set(QUEUES)
    assert len(set(keys.values())) == len(keys), "each queue has a routing key of its own"
    assert {lane.value for lane in Lane} <= set(keys)
