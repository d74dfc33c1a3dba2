"""The embedded servers: they keep what was committed, and are safe on a machine with others."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from mailer.development.places import PlaceUnusable, can_enter, home_of, server_account
from mailer.development.servers import (
    Service,
    broker_service,
    embedded_postgres,
    postgres_service,
)
from tests.development.waiting import eventually, is_over

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="module")
def postgres(folder: Path) -> Iterator[Service]:
    with postgres_service(folder / "postgres", throwaway=True) as service:
        yield service


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Service]:
    with broker_service(tmp_path, throwaway=True) as service:
        yield service


def one(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def test_postgres_speaks_utf_8_and_sorts_alike_on_every_machine(postgres: Service) -> None:
    locale = (
        "SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname='postgres'"
    )
    assert one(postgres.url, locale) == "b C.UTF-8"
    assert one(postgres.url, "SHOW server_encoding") == "UTF8"


def test_postgres_is_safe_against_a_power_cut_unless_it_is_for_throwing_away(
    postgres: Service, tmp_path: Path
) -> None:
    assert one(postgres.url, "SHOW fsync") == "off"
    with postgres_service(tmp_path, throwaway=True, durable=True) as durable:
        assert one(durable.url, "SHOW fsync") == "on"
        assert one(durable.url, "SHOW synchronous_commit") == "on"
        assert one(durable.url, "SHOW full_page_writes") == "on"


def test_a_killed_postgres_comes_back_with_what_was_committed(postgres: Service) -> None:
    one(postgres.url, "CREATE TABLE kept AS SELECT 1 AS n")
    postgres.kill()
    postgres.start()
    assert one(postgres.url, "SELECT n FROM kept") == 1


def test_a_number_in_the_pid_file_that_others_have_now_hinders_no_start(postgres: Service) -> None:
    data = Path(str(one(postgres.url, "SHOW data_directory")))
    postgres.kill()
    other = subprocess.Popen(["sleep", "60"])
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        (data / "postmaster.pid").write_text("\n".join([str(other.pid), *lines[1:], ""]))
        postgres.start()
        assert one(postgres.url, "SELECT 1") == 1
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_stop_ends_every_process_of_the_server(postgres: Service) -> None:
    family = psutil.Process(postgres.pid).children(recursive=True)
    postgres.stop()
    assert psutil.wait_procs(family, timeout=5)[1] == []
    postgres.start()


def test_other_users_of_the_machine_need_the_password(postgres: Service) -> None:
    head, _, tail = postgres.url.partition("@")
    wrong = f"{head.rpartition(':')[0]}:guess@{tail}"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)
    assert one(postgres.url, "SHOW unix_socket_directories") == ""
    assert one(postgres.url, "SHOW listen_addresses") == "127.0.0.1"


def test_no_password_stands_where_everybody_can_read_it(postgres: Service, broker: Service) -> None:
    for service in (postgres, broker):
        password = service.url.rpartition("@")[0].rpartition(":")[2]
        assert len(password) >= 32
        assert password not in " ".join(psutil.Process(service.pid).cmdline())


def test_servers_inherit_no_variable_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_VAULT_KEYS", "not-for-servers")
    with broker_service(tmp_path, throwaway=True) as service:
        assert "MAILER_VAULT_KEYS" not in psutil.Process(service.pid).environ()


def test_the_broker_asks_for_its_password_and_keeps_nothing(broker: Service) -> None:
    with redis.Redis.from_url(broker.url) as known:
        known.set("bell", "rung")
        assert known.get("bell") == b"rung"
    port = int(broker.url.rpartition(":")[2].partition("/")[0])
    stranger = redis.Redis(port=port, retry=Retry(NoBackoff(), 0))
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    broker.kill()
    broker.start()
    with redis.Redis.from_url(broker.url) as known:
        assert known.get("bell") is None


def test_a_second_server_on_the_same_data_is_refused_in_one_line(broker: Service) -> None:
    with (
        pytest.raises(PlaceUnusable, match=rf"in use by process {os.getpid()}; ") as refusal,
        broker_service(broker.home),
    ):
        pass
    assert "\n" not in str(refusal.value)


def test_data_of_another_version_is_refused_in_one_line(postgres: Service) -> None:
    data = Path(str(one(postgres.url, "SHOW data_directory")))
    right = (data / "PG_VERSION").read_text()
    postgres.stop()
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(PlaceUnusable, match="was made by PostgreSQL 9"):
        postgres.start()
    (data / "PG_VERSION").write_text(right)
    postgres.start()


def test_a_server_dies_with_a_program_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from mailer.development.servers import postgres_service, broker_service\n"
        "with postgres_service(Path(sys.argv[1]) / 'p', throwaway=True) as p, "
        "broker_service(Path(sys.argv[1]) / 'b', throwaway=True) as b:\n"
        "    print(p.pid, b.pid, p.home, b.home, flush=True); time.sleep(60)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout
    with owner.stdout:
        postgres_pid, broker_pid, *homes = owner.stdout.readline().split()
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert eventually(lambda: is_over(int(postgres_pid)))
    assert eventually(lambda: is_over(int(broker_pid)))
    for home in homes:
        subprocess.run(["rm", "-rf", home], check=True)


@as_root
def test_root_runs_the_servers_as_somebody_else(postgres: Service, broker: Service) -> None:
    for service in (postgres, broker):
        assert psutil.Process(service.pid).username() == "nobody"
        assert psutil.Process(service.pid).uids().real != 0


@as_root
def test_no_folder_changes_its_mode_when_root_starts_below_a_closed_one(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    asked = closed / "clone" / ".data" / "postgres"
    asked.mkdir(parents=True)
    closed.chmod(0o700)
    above = [asked, *asked.parents]
    before = [stat.S_IMODE(folder.stat().st_mode) for folder in above]
    with postgres_service(asked, throwaway=True) as service:
        assert one(service.url, "SELECT 1") == 1
        assert not service.home.is_relative_to(closed)
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in above] == before
    assert list(asked.iterdir()) == []
    assert not service.home.exists()


@as_root
def test_data_that_has_to_lie_elsewhere_is_found_again_until_its_folder_is_removed(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o700)
    homes = []
    for again in (False, True):
        with home_of(tmp_path / "data", user="nobody", throwaway=False) as home:
            homes.append(home.folder)
            assert (home.folder / "mark").exists() == again
            (home.folder / "mark").touch()
    (tmp_path / "data" / "elsewhere").unlink()
    with home_of(tmp_path / "data", user="nobody", throwaway=False) as home:
        homes.append(home.folder)
        assert not (home.folder / "mark").exists()
    for folder in set(homes):
        shutil.rmtree(folder)


@as_root
def test_programs_in_a_closed_folder_are_copied_to_where_the_server_can_read_them(
    tmp_path: Path,
) -> None:
    """As with an environment below /root: the interpreter itself may stay unreachable."""
    site_packages = Path(psycopg.__file__).parent.parent
    closed = tmp_path / "closed"
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        (closed / name).parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-a", site_packages / name, closed / name], check=True)
    closed.chmod(0o700)
    program = (
        "import sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path\n"
        "from mailer.development.servers import postgres_service\n"
        "with postgres_service(Path(sys.argv[1]), throwaway=True) as p:\n"
        "    print(Path(f'/proc/{p.pid}/exe').readlink(), p.home)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "data"), str(closed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    binary, home = ran.stdout.split()
    assert Path(binary).is_relative_to(home)


@as_root
def test_an_ordinary_user_runs_the_servers_as_themselves(tmp_path: Path) -> None:
    nobody = server_account("nobody")
    assert nobody
    reachable = all(
        can_enter(folder, nobody)
        for folder in (Path(sys.prefix), ROOT, Path("/var/tmp"))  # noqa: S108 - as below
    )
    python = Path(sys.executable).resolve()
    if not reachable or not can_enter(python.parent, nobody):
        pytest.skip("the environment lies where an ordinary user cannot go")
    place = Path("/var/tmp") / f"fpmail-test-{os.getpid()}"  # noqa: S108 - anybody may enter it
    program = (
        "import os, sys, psutil; from pathlib import Path\n"
        "from mailer.development.servers import postgres_service\n"
        "with postgres_service(Path(sys.argv[1]) / 'own', throwaway=True) as p:\n"
        "    print(psutil.Process(p.pid).uids().real == os.getuid() != 0)\n"
    )
    place.mkdir()
    os.chown(place, nobody.uid, nobody.gid)
    try:
        ran = subprocess.run(
            [sys.executable, "-B", "-c", program, str(place)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            user=nobody.uid,
            group=nobody.gid,
            extra_groups=[],
        )
    finally:
        subprocess.run(["rm", "-rf", place], check=True)
    assert ran.stdout.strip() == "True"


def test_the_door_gives_a_url(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path / "door", throwaway=True) as url:
        assert url.startswith("postgresql://")
        assert one(url, "SELECT 1") == 1
