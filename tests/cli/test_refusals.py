"""What refuses to start, and how it says so: one line, one code, the variable's name."""

import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DataError, OperationalError, ProgrammingError

from mailer.cli.exits import Exit, told
from mailer.cli.fitness import outlives
from mailer.journal import JournalUnwritable
from mailer.migrations import MigrationBusy
from mailer.settings import SettingsInvalid, read_settings
from mailer.vault import VaultKeyMissing
from tests.cli.conftest import House, Run
from tests.web.house import environment_for, key


@pytest.fixture(autouse=True)
def broker(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker by name; none of these commands comes so far as to ask it."""
    monkeypatch.setenv("MAILER_BROKER_URL", "redis://127.0.0.1:1")


UNUSABLE = [
    ("MAILER_PACE_PER_DOMAIN", "example.com=fast"),
    ("MAILER_PACE_PER_DOMAIN", "example.com=0"),
    ("MAILER_PACE_PER_DOMAIN", "example.com=nan"),
    ("MAILER_PACE_PER_DOMAIN", "=5"),
    ("MAILER_PACE_PER_SECOND", "nan"),
    ("MAILER_PACE_PER_MINUTE", "-1"),
    ("MAILER_CAP", "3/week"),
    ("MAILER_WARM_UP", "500,1000"),
    ("MAILER_WARM_UP", "2026-12-01:500,0"),
    ("MAILER_SMTP_URL", "http://mail.example.com"),
    ("MAILER_SMTP_URL", "smtp://jo:opensesame@mail.example.com"),
]


@pytest.mark.parametrize(("name", "value"), UNUSABLE)
@pytest.mark.parametrize("part", ["web", "worker", "beat", "check"])
def test_a_setting_that_a_sender_would_trip_over_refuses_to_start_by_name(
    fpmail: Run, monkeypatch: pytest.MonkeyPatch, part: str, name: str, value: str
) -> None:
    monkeypatch.setenv("MAILER_PROVIDER", "smtp")
    monkeypatch.setenv("MAILER_SMTP_URL", "smtp://127.0.0.1:1")
    monkeypatch.setenv(name, value)
    said = fpmail(part)
    assert said.code == Exit.CONFIGURATION
    assert name in said.err
    assert said.err.count("\n") == 1
    assert "opensesame" not in said.err


@pytest.mark.clause("C08")
@pytest.mark.parametrize("lost", ["MAILER_VAULT_KEYS", "MAILER_INDEX_KEYS"])
@pytest.mark.parametrize("part", ["web", "worker"])
def test_without_a_key_that_protects_stored_data_nothing_starts(
    fpmail: Run, house: House, monkeypatch: pytest.MonkeyPatch, part: str, lost: str
) -> None:
    house.customer("Jo Example")
    monkeypatch.setenv(lost, key(9))
    said = fpmail(part)
    assert (said.code, said.err.count("\n")) == (Exit.CONFIGURATION, 1)
    assert lost in said.err
    assert "a key that protects stored data is missing" in said.err


def test_check_names_a_lost_key(fpmail: Run, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.customer("Jo Example")
    monkeypatch.setenv("MAILER_INDEX_KEYS", key(9))
    found = {each["check"]: each for each in fpmail("check", "--json").json["checks"]}
    assert (found["keys"]["ok"], found["keys"]["needed"]) == (False, True)
    assert "MAILER_INDEX_KEYS" in found["keys"]["say"]


def test_a_second_web_door_on_a_port_is_refused_in_one_line(fpmail: Run) -> None:
    with socket.socket() as first:
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        first.bind(("127.0.0.1", 0))
        first.listen()
        said = fpmail("web", "--port", first.getsockname()[1])
    assert (said.code, said.err.count("\n")) == (Exit.FAILED, 1)
    assert "Address already in use" in said.err


@pytest.fixture
def no_tables(server_url: str) -> Iterator[str]:
    """A database that nobody has migrated."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE test_bare")
    yield f"{server_url.rpartition('/')[0]}/test_bare"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE test_bare WITH (FORCE)")


@pytest.mark.parametrize("words", [("campaign", "list"), ("worker",)])
def test_a_database_without_tables_says_to_migrate(
    fpmail: Run, no_tables: str, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("MAILER_DATABASE_URL", no_tables)
    said = fpmail(*words)
    assert (said.code, said.err.count("\n")) == (Exit.CONFIGURATION, 1)
    assert "fpmail migrate" in said.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OperationalError("x", None, psycopg.OperationalError()), Exit.AWAY),
        (MigrationBusy("another process has been migrating"), Exit.AWAY),
        (VaultKeyMissing("the vault key 1a2b is not listed"), Exit.CONFIGURATION),
        (JournalUnwritable("No space left on device"), Exit.FAILED),
        (ProgrammingError("x", None, psycopg.errors.UndefinedColumn()), Exit.CONFIGURATION),
    ],
)
def test_what_is_to_be_expected_is_told_in_one_line(error: Exception, code: Exit) -> None:
    ending = told(error)
    assert ending is not None
    assert (ending[0], len(ending[1])) == (code, 1)


def test_a_statement_that_the_database_refuses_is_a_fault_of_ours() -> None:
    assert told(DataError("x", None, psycopg.DataError())) is None


def test_keys_create_says_how_to_rotate_without_a_gap(fpmail: Run) -> None:
    said = " ".join(fpmail("keys", "create", "--help").out.split())
    assert "BEFORE the last one" in said
    assert said.index("BEFORE the last one") < said.index("move it to the end")


MOUNTS = """overlay / overlay rw 0 0
tmpfs /run tmpfs rw 0 0
/dev/sda1 /var/lib/fpmail ext4 rw 0 0
fuse-overlayfs /home fuse.fuse-overlayfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "lasts"),
    [
        ("/app/.data", False),
        ("/run/fpmail", False),
        ("/home/jo", False),
        ("/var/lib/fpmail/data", True),
    ],
)
def test_a_container_s_own_layer_is_no_place_for_the_journal(folder: str, lasts: bool) -> None:
    assert outlives(Path(folder), MOUNTS) is lasts


@pytest.mark.parametrize("data_dir", [None, "data"])
def test_production_names_its_data_folder_by_an_absolute_path(
    monkeypatch: pytest.MonkeyPatch, data_dir: str | None
) -> None:
    monkeypatch.delenv("MAILER_DATA_DIR")
    given = environment_for("postgresql://db/fpmail", Path("/var/lib/fpmail"), env="production")
    given |= {"MAILER_PROVIDER": "smtp", "MAILER_SMTP_URL": "smtp://127.0.0.1"}
    given |= {"MAILER_PUBLIC_URL": "https://mail.example.com"}
    assert read_settings(given).data_dir == Path("/var/lib/fpmail")
    del given["MAILER_DATA_DIR"]
    if data_dir:
        given["MAILER_DATA_DIR"] = data_dir
    with pytest.raises(SettingsInvalid, match="MAILER_DATA_DIR"):
        read_settings(given)
