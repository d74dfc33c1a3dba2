"""`fpmail up`: one command starts everything, one signal ends it, the data stays."""

import http.client
import json
import os
import signal
import smtplib
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from mailer.development.mail_catcher import read_outbox
from mailer.development.up import what_is_missing
from tests.development.waiting import eventually, is_over

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@dataclass
class Up:
    """A running `fpmail up`, what it said when it was ready, and its whole family."""

    process: "subprocess.Popen[str]"
    ready: dict[str, object]

    @property
    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection(urlsplit(str(self.ready["web"])).netloc, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAILER_")}
    return kept | {"MAILER_DATA_DIR": str(folder / "data")}


def begin(folder: Path, *words: str) -> Up:
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mailer", "up", "--json", "--no-demo", "--port", "0", *words],
            cwd=ROOT,
            env=environment(folder),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout
    with process.stdout:
        line = process.stdout.readline()
    if not line:
        process.wait(timeout=60)
    assert line, (folder / "log").read_text()[-3000:]
    return Up(process, json.loads(line))


def end(process: "subprocess.Popen[str]", by: signal.Signals = signal.SIGINT) -> int:
    process.send_signal(by)
    return process.wait(timeout=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up")


@pytest.fixture(scope="module")
def up(folder: Path) -> Iterator[Up]:
    started = begin(folder)
    yield started
    end(started.process)


def refusal(folder: Path, *words: str, **variables: str) -> tuple[int, list[str]]:
    ran = subprocess.run(
        [sys.executable, "-m", "mailer", "up", "--no-demo", *words],
        cwd=ROOT,
        env=environment(folder) | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.returncode, ran.stderr.splitlines()


def test_one_line_says_where_to_look(up: Up) -> None:
    assert set(up.ready) == {"web", "api_key", "smtp_port", "mail_folder"}
    assert up.get("/healthz") == 200
    assert up.get("/readyz") == 200


def test_the_catcher_takes_mail_and_the_outbox_shows_it(up: Up) -> None:
    with smtplib.SMTP("127.0.0.1", int(str(up.ready["smtp_port"]))) as client:
        client.sendmail("a@example.com", ["jo@example.com"], b"Subject: hello\r\n\r\nJo\r\n")
    assert [mail.subject for mail in read_outbox(Path(str(up.ready["mail_folder"])))] == ["hello"]
    assert up.get("/outbox") == 200


def test_what_each_program_says_stands_in_a_file_of_its_own_and_the_terminal_stays_quiet(
    up: Up, folder: Path
) -> None:
    log = folder / "data" / "log"
    assert stat.S_IMODE(log.stat().st_mode) == 0o700
    assert up.get("/healthz") == 200
    assert eventually(lambda: '"route": "/healthz"' in (log / "web.log").read_text())
    assert '"level": "info"' not in (folder / "log").read_text()


def test_nobody_else_can_read_the_development_secrets(up: Up, folder: Path) -> None:
    assert up.ready["api_key"] == (folder / "data" / "api-key").read_text()
    for name in ("keys.json", "api-key", "environment"):
        assert stat.S_IMODE((folder / "data" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "data" / "mail").stat().st_mode) == 0o700


def test_commands_work_beside_it_in_a_shell_that_reads_the_environment(
    up: Up, folder: Path
) -> None:
    words = f". {folder}/data/environment && exec python -m mailer campaign list --json"
    ran = subprocess.run(
        ["sh", "-c", words],
        cwd=ROOT,
        env=environment(folder) | {"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout.strip()) == (0, "[]"), ran.stderr


def test_a_second_start_on_the_same_data_is_refused_in_one_line(up: Up, folder: Path) -> None:
    code, lines = refusal(folder, "--port", "0")
    assert code == 1
    assert len(lines) == 1
    assert f"in use by process {up.process.pid}; stop that first" in lines[0]


def test_a_port_that_is_taken_is_told_in_one_line(up: Up, tmp_path: Path) -> None:
    port = str(urlsplit(str(up.ready["web"])).port)
    code, lines = refusal(tmp_path, "--port", port)
    assert (code, len(lines)) == (1, 1)
    assert f"port {port} of 127.0.0.1 is taken" in lines[0]


def test_two_workers_run_and_one_that_is_killed_is_replaced(up: Up) -> None:
    first, second = workers(up)
    first.kill()
    assert eventually(lambda: len(workers(up)) == 2 and first not in workers(up))
    assert second in workers(up)


def workers(up: Up) -> list[psutil.Process]:
    children = psutil.Process(up.process.pid).children()
    return [child for child in children if not is_over(child.pid) and "worker" in child.cmdline()]


def test_one_signal_ends_everything_the_data_stays_and_nothing_outlives_a_kill(
    tmp_path: Path,
) -> None:
    first = begin(tmp_path)
    family = first.family
    assert end(first.process) == 0
    last = (tmp_path / "log").read_text().splitlines()[-1]
    assert last.endswith(f"| stopped; the data is in {tmp_path / 'data'}")
    assert psutil.wait_procs(family, timeout=5)[1] == []
    keys = (tmp_path / "data" / "keys.json").read_text()
    second = begin(tmp_path)
    assert second.ready["api_key"] == first.ready["api_key"]
    assert (tmp_path / "data" / "keys.json").read_text() == keys
    numbers = [process.pid for process in second.family]
    end(second.process, signal.SIGKILL)
    assert eventually(lambda: all(map(is_over, numbers)), within=60)


def test_servers_alone_are_found_by_the_environment_and_nobody_sends(tmp_path: Path) -> None:
    up = begin(tmp_path, "--servers-only")
    file = tmp_path / "data" / "environment"
    assert up.ready == {"environment": str(file)}
    ran = subprocess.run(
        ["sh", "-c", f'. {file} && printf %s "$MAILER_DATABASE_URL"'],
        capture_output=True,
        text=True,
        check=True,
    )
    with psycopg.connect(ran.stdout) as connection:
        assert connection.execute("SELECT to_regclass('delivery_batch')").fetchone() == (None,)
    assert workers(up) == []
    assert end(up.process) == 0


def test_what_a_program_that_fails_said_last_stands_at_the_end_with_what_to_do(
    tmp_path: Path,
) -> None:
    """A demo that does not know its own command stands for any program that ends too soon."""
    program = (
        "import sys; from mailer.development.up import UpOptions, up;"
        "sys.exit(up(UpOptions(port=0, demo_words=('no-such-command',))))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert ran.returncode == 1
    told = [line for line in ran.stderr.splitlines() if line.startswith("fpmail up: ")]
    assert told == ran.stderr.splitlines()[-len(told) :]
    assert told[:2] == ["fpmail up: demo ended with status 2", "fpmail up: the last that it said:"]
    assert "No such command" in told[-2]
    assert "start it again" in told[-1]


def test_bad_settings_are_told_before_anything_starts(tmp_path: Path) -> None:
    code, lines = refusal(tmp_path, "--port", "0", MAILER_VAULT_KEYS="c2hvcnQ")
    assert code == 3
    assert any("MAILER_VAULT_KEYS" in line for line in lines)
    assert not (tmp_path / "data" / "postgres").exists()


def test_production_is_not_started_this_way(tmp_path: Path) -> None:
    code, lines = refusal(tmp_path, "--port", "0", MAILER_ENV="production")
    assert (code, len(lines)) == (3, 1)
    assert "Procfile" in lines[0]


def test_a_named_mail_server_takes_the_place_of_the_catcher(tmp_path: Path) -> None:
    own = what_is_missing({}, tmp_path, 8000)
    assert own["MAILER_MAIL_CATCHER"] == str(tmp_path / "mail")
    named = what_is_missing({"MAILER_SMTP_URL": "smtp://127.0.0.1:2525"}, tmp_path, 8000)
    assert not {"MAILER_MAIL_CATCHER", "MAILER_SMTP_URL"} & set(named)


def test_the_demo_company_sends_gently_into_the_catcher_only(tmp_path: Path) -> None:
    demo = what_is_missing({}, tmp_path, 8000, demo=True)
    assert float(demo["MAILER_PACE_PER_SECOND"]) > 0
    given = {"MAILER_PACE_PER_SECOND": "0"}
    assert "MAILER_PACE_PER_SECOND" not in what_is_missing(given, tmp_path, 8000, demo=True)
    named = {"MAILER_SMTP_URL": "smtp://127.0.0.1:2525"}
    assert "MAILER_PACE_PER_SECOND" not in what_is_missing(named, tmp_path, 8000, demo=True)
    assert "MAILER_PACE_PER_SECOND" not in what_is_missing({}, tmp_path, 8000)
