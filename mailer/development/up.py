"""`fpmail up`: the whole service on one machine, for developers, from nothing."""

import base64
import http.client
import json
import os
import secrets
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from mailer import access, people
from mailer.database import Database
from mailer.development.broker import broker_in
from mailer.development.demo import CUSTOMERS
from mailer.development.places import (
    Home,
    PlaceUnusable,
    free_port,
    home_of,
    is_free,
    locked,
    write_private,
)
from mailer.development.postgres import postgres_in
from mailer.development.processes import Command, Program, ProgramFailed
from mailer.development.servers import SERVER_USER
from mailer.development.supervisor import Stopped, Supervisor, supervising
from mailer.development.told import Told
from mailer.migrations import migrate
from mailer.settings import Settings, SettingsInvalid, read_settings

DONE, FAILED, CONFIGURATION = 0, 1, 3
"""The exit codes of the command line that this can end with."""
KEYS = ("MAILER_SECRET_KEYS", "MAILER_VAULT_KEYS", "MAILER_INDEX_KEYS")
WORKERS = 2
SERVERS, CATCHER, SERVICE = 0, 1, 2
LOG = "log"
"""The folder, in that of the data, of what each program says."""
POSTAL_ADDRESS = "FocalPoint System, 1 Example Street, Example City, EX 00000, United States"
"""Stands in demo mails only; a real installation must set MAILER_POSTAL_ADDRESS."""
DEMO_SHOP = "https://www.example.com"
"""Where the demo company's links lead: a name that is reserved, nobody's shop."""
DEMO_PACE = "15"
"""Messages a second, so that the demo company's campaign can be watched for a few minutes."""


WHAT_TO_DO = (
    "put right what it tells of and start it again, or only start it again where this machine was"
    " busy with other things; the data stays"
)


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What the command line may ask for; port 0 chooses a free one."""

    json: bool = False
    demo: bool = True
    servers_only: bool = False
    """Nothing of ours is started: a backup is restored while nobody sends."""
    port: int = 8000
    server_user: str = SERVER_USER
    demo_words: tuple[str, ...] = ("demo", "--if-empty")
    """The `fpmail` command that makes the demo company; it must leave a used database alone."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where everything is: the folder, the port, and the environment that children get."""

    options: UpOptions
    data: Path
    port: int
    environment: dict[str, str] = field(repr=False)

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def mail_folder(self) -> Path | None:
        """The catcher's folder; None where mail goes to a server that was named."""
        folder = self.environment.get("MAILER_MAIL_CATCHER")
        return Path(folder) if folder else None


def up(options: UpOptions, environment: Mapping[str, str] | None = None) -> int:
    """Start everything, say where to look, keep it running until Ctrl-C; return the exit code.

    Embedded servers stand in for what `environment` (the process's own by default) has no URL
    for. Data is kept in MAILER_DATA_DIR, `.data` by default; a second `up` on it is refused.
    What goes wrong is told in one line on standard error; of a program that failed, its own last
    lines and what to do come behind it.
    """
    given = dict(os.environ if environment is None else environment)
    try:
        with _planned(options, given) as plan, closing(Told(plan.data / LOG)) as log:
            _run(plan, log)
            log.say("up", f"stopped; the data is in {_from_here(plan.data)}")
    except SettingsInvalid as error:
        return _fail(str(error), CONFIGURATION)
    except ProgramFailed as error:
        return _fail(_with_its_words(error), FAILED)
    except (PlaceUnusable, OSError) as error:
        return _fail(str(error), FAILED)
    return DONE


def _run(plan: _Plan, log: Told) -> None:
    try:
        with ExitStack() as homes, supervising(log.say) as supervisor:
            _bring_up(plan, supervisor, homes, log)
            supervisor.watch()
            log.say("up", "stopping everything")
    except Stopped:
        log.say("up", "stopped before everything was up")


def _from_here(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _with_its_words(error: ProgramFailed) -> str:
    """Say what failed last of all, below what the others said while they were stopped."""
    last = [f"  {line}" for line in error.said] or ["  nothing"]
    return "\n".join([str(error), "the last that it said:", *last, WHAT_TO_DO])


def _fail(text: str, code: int) -> int:
    for line in text.splitlines():
        print(f"fpmail up: {line}", file=sys.stderr, flush=True)  # noqa: T201 - a command's answer
    return code


def _bring_up(plan: _Plan, supervisor: Supervisor, homes: ExitStack, log: Told) -> None:
    _start_servers(plan, supervisor, homes, log)
    if plan.options.servers_only:
        write_private(plan.data / "environment", _as_shell(plan.environment))
        _announce_servers(plan)
        return
    database_url = plan.environment["MAILER_DATABASE_URL"]
    for revision in migrate(database_url):
        log.say("up", f"migrated to {revision}")
    api_key = _api_key(database_url, plan.data)
    write_private(plan.data / "environment", _as_shell(plan.environment))
    _start_service(plan, supervisor)
    if plan.options.demo:
        if _has_no_customer(database_url):
            log.say("up", f"making the demo company of {CUSTOMERS:,} customers")
        supervisor.run_once("demo", _fpmail(plan, *plan.options.demo_words))
    supervisor.check()
    _announce(plan, api_key)


def _has_no_customer(database_url: str) -> bool:
    database = Database(database_url, pool_size=1)
    try:
        with database.reading() as session:
            anybody = people.audience_of(people.AudienceFilter()).limit(1)
            return session.execute(anybody).first() is None
    finally:
        database.close()


@contextmanager
def _planned(options: UpOptions, given: dict[str, str]) -> Iterator[_Plan]:
    """Choose folder, port and environment, and hold the folder for this process alone."""
    if given.get("MAILER_ENV", "development") != "development":
        raise SettingsInvalid(
            "MAILER_ENV: this command is for development; in production start web, worker and "
            "beat (see Procfile)"
        )
    port = options.port or free_port()
    if not is_free(port):
        raise PlaceUnusable(f"port {port} of 127.0.0.1 is taken; choose another with --port")
    data = Path(given.get("MAILER_DATA_DIR") or ".data").resolve()
    if not data.is_dir():
        # Others may pass through, so that the servers' account can reach its own folder within.
        data.mkdir(parents=True)
        data.chmod(0o711)
    with locked(data):
        environment = given | what_is_missing(given, data, port, demo=options.demo)
        _check(environment)
        yield _Plan(options, data, port, environment)


def what_is_missing(
    given: Mapping[str, str], data: Path, port: int, *, demo: bool = False
) -> dict[str, str]:
    """Return the settings for development that the environment does not give itself.

    Beside the mail catcher, the demo company sends at a gentle pace.
    """
    wanted = {
        "MAILER_ENV": "development",
        "MAILER_DATA_DIR": str(data),
        "MAILER_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "MAILER_POSTAL_ADDRESS": POSTAL_ADDRESS,
        **_development_keys(data),
    }
    if not given.get("MAILER_SMTP_URL") and given.get("MAILER_PROVIDER", "smtp") == "smtp":
        wanted["MAILER_SMTP_URL"] = f"smtp://127.0.0.1:{free_port()}"
        wanted["MAILER_MAIL_CATCHER"] = str(data / "mail")
        if demo:
            wanted |= {"MAILER_SHOP_URL": DEMO_SHOP, "MAILER_PACE_PER_SECOND": DEMO_PACE}
    return {name: value for name, value in wanted.items() if not given.get(name)}


def _development_keys(data: Path) -> dict[str, str]:
    """Return this folder's own keys, made once: without them its data cannot be read again."""
    file = data / "keys.json"
    if not file.exists():
        made = {name: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() for name in KEYS}
        write_private(file, json.dumps(made, indent=2))
    kept = json.loads(file.read_text())
    return {name: str(kept[name]) for name in KEYS}


def _check(environment: Mapping[str, str]) -> None:
    """Refuse bad settings before anything is started. Raises SettingsInvalid."""
    read_settings(_ours(environment))


def _ours(environment: Mapping[str, str]) -> dict[str, str]:
    known = {f"MAILER_{name.upper()}" for name in Settings.model_fields}
    return {name: value for name, value in environment.items() if name in known}


def _as_shell(environment: Mapping[str, str]) -> str:
    """Write our settings for a shell, so that `fpmail` can be run beside what is up."""
    programs = shlex.quote(str(Path(sys.executable).parent))
    lines = (f"export {name}={shlex.quote(value)}" for name, value in _ours(environment).items())
    return "\n".join([*lines, f'export PATH={programs}:"$PATH"', ""])


def _start_servers(plan: _Plan, supervisor: Supervisor, homes: ExitStack, log: Told) -> None:
    if not plan.environment.get("MAILER_DATABASE_URL"):
        postgres = postgres_in(_home(plan, "postgres", homes, log))
        supervisor.start(postgres.program)
        plan.environment["MAILER_DATABASE_URL"] = postgres.url
    if not plan.environment.get("MAILER_BROKER_URL"):
        broker = broker_in(_home(plan, "broker", homes, log))
        supervisor.start(broker.program)
        plan.environment["MAILER_BROKER_URL"] = broker.url


def _home(plan: _Plan, name: str, homes: ExitStack, log: Told) -> Home:
    folder = plan.data / name
    home = homes.enter_context(home_of(folder, user=plan.options.server_user, throwaway=False))
    if home.account and home.folder != folder:
        log.say("up", f"{home.account.name} cannot enter {folder}: {name} is in {home.folder}")
    return home


def _start_service(plan: _Plan, supervisor: Supervisor) -> None:
    if plan.mail_folder:
        supervisor.start(_catcher(plan, plan.mail_folder))
    for number in range(1, WORKERS + 1):
        supervisor.start(_part(plan, f"worker-{number}", "worker"))
    supervisor.start(_part(plan, "beat", "beat"))
    web = _part(plan, "web", "web", "--port", str(plan.port))
    supervisor.start(replace(web, is_ready=partial(_answers, plan.port)))


def _part(plan: _Plan, name: str, *words: str) -> Program:
    return Program(name, partial(_fpmail, plan, *words), layer=SERVICE)


def _catcher(plan: _Plan, folder: Path) -> Program:
    port = _smtp_port(plan)
    words = ("mailer.development.mail_catcher", str(folder), str(port))
    return Program(
        "catcher", lambda: _python(plan, *words), lambda: not is_free(port), layer=CATCHER
    )


def _smtp_port(plan: _Plan) -> int:
    return int(plan.environment["MAILER_SMTP_URL"].rpartition(":")[2])


def _fpmail(plan: _Plan, *words: str) -> Command:
    return _python(plan, "mailer", *words)


def _python(plan: _Plan, module: str, *words: str) -> Command:
    return Command(
        argv=(sys.executable, "-m", module, *words),
        folder=Path.cwd(),
        environment=plan.environment,
        stop_signal=signal.SIGTERM,
    )


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _api_key(database_url: str, data: Path) -> str:
    """Return the developer's API key, which is kept in the data folder; a new one if need be."""
    file = data / "api-key"
    database = Database(database_url, pool_size=1)
    try:
        with database.transaction() as session:
            if file.exists() and access.key_of(session, file.read_text()):
                return file.read_text()
            new = access.create_key(
                session,
                name="development",
                scopes=frozenset(access.ApiScope),
                secret_bytes=secrets.token_bytes(32),
                now=datetime.now(UTC),
            )
    finally:
        database.close()
    write_private(file, new.plaintext)
    return new.plaintext


def _announce(plan: _Plan, api_key: str) -> None:
    """Say where to look: one line of JSON for scripts, or sentences for people."""
    if plan.options.json:
        caught = str(plan.mail_folder) if plan.mail_folder else None
        port = _smtp_port(plan) if plan.mail_folder else None
        ready = {"web": plan.web, "api_key": api_key, "smtp_port": port, "mail_folder": caught}
        print(json.dumps(ready), flush=True)  # noqa: T201 - a command's answer
        return
    lines = {
        "Open": f"{plan.web}/",
        "Caught mail": f"{plan.web}/outbox" if plan.mail_folder else "",
        "API": f"{plan.web}/api/v1 (key in {plan.data / 'api-key'})",
        "Commands": f". {_from_here(plan.data / 'environment')} (then, in that shell: fpmail campaign list)",
        "Data": str(plan.data),
        "Logs": f"{_from_here(plan.data / LOG)} (a file for each program; warnings stand here, too)",
    }
    said = [f"  {name:<12} {value}" for name, value in lines.items() if value]
    text = "\n".join(
        ["", "FocalPoint Mail is running. Ctrl-C stops it; the data stays.", *said, ""]
    )
    print(text, flush=True)  # noqa: T201 - a command's answer


def _announce_servers(plan: _Plan) -> None:
    """Say how to reach the servers: one line of JSON for scripts, or sentences for people."""
    file = plan.data / "environment"
    if plan.options.json:
        print(json.dumps({"environment": str(file)}), flush=True)  # noqa: T201 - a command's answer
        return
    text = "\n".join(
        [
            "",
            "Database and broker are running, and nothing else. Ctrl-C stops them; the data stays.",
            f"  {'Commands':<12} . {_from_here(file)}",
            "",
        ]
    )
    print(text, flush=True)  # noqa: T201 - a command's answer
