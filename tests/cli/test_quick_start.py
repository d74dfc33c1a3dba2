"""A command loads what it runs and no more, so that help and refusals answer at once."""

import os
import subprocess
import sys

import pytest

HEAVY = frozenset(
    {"sqlalchemy", "sqlmodel", "psycopg", "pydantic", "rich", "jinja2", "structlog", "celery"}
    | {"fastapi", "babel", "cryptography", "phonenumbers"}
)

ASK = """
import sys
from mailer.cli import main
try:
    main(sys.argv[1:])
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def _loaded_by(*words: str, **settings: str) -> frozenset[str]:
    """Run a command under these settings alone, and return the packages that it loaded."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MAILER_")}
    ran = subprocess.run(
        [sys.executable, "-c", ASK, *words],
        capture_output=True,
        text=True,
        env={**bare, **settings},
        check=False,
    )
    return frozenset(ran.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("--version",),
        ("campaign", "--help"),
        ("campaign", "schedule", "--help"),
        ("campaign", "start", "x"),
        ("no-such-command",),
        ("keys", "create"),
    ],
    ids=" ".join,
)
def test_what_needs_no_database_loads_none_of_the_big_packages(words: tuple[str, ...]) -> None:
    loaded = _loaded_by(*words)
    assert "click" in loaded
    assert loaded & HEAVY == set()


def test_who_only_looks_loads_neither_the_queue_nor_the_web(environment: dict[str, str]) -> None:
    loaded = _loaded_by(
        "campaign", "list", **environment, MAILER_BROKER_URL="redis://127.0.0.1:1/0"
    )
    assert "sqlalchemy" in loaded
    assert loaded & {"celery", "kombu", "fastapi", "starlette"} == set()
