"""A cable to the database that a test can pull out, freeze, or cut at the moment of a COMMIT."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from urllib.parse import urlsplit

from mailer.measure.line import NAME


class Cable:
    """Forwards a port of this machine to PostgreSQL, for as long as it is plugged in."""

    def __init__(self, database_url: str) -> None:
        parts = urlsplit(database_url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._listener: socket.socket | None = None
        self._ends: list[socket.socket] = []
        self._thawed = threading.Event()
        self._thawed.set()
        self._cut_on_commit = threading.Event()
        self._cut_on_answer = threading.Event()
        self.port = 0
        self.plug_in()
        who = parts.netloc.rpartition("@")[0]  # with the password, where there is one
        self.url = parts._replace(netloc=f"{who}@127.0.0.1:{self.port}").geturl()

    def __enter__(self) -> "Cable":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.thaw()
        self.pull_out()

    def plug_in(self) -> None:
        """Listen, on the port of the first time."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def pull_out(self) -> None:
        """Close everything; nobody can connect any more."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._ends = []

    def freeze(self) -> None:
        """Keep the connections and let nothing through."""
        self._thawed.clear()

    def thaw(self) -> None:
        """Let everything through that was held up."""
        self._thawed.set()

    def cut_after_the_next_commit(self) -> None:
        """Pass the next commit on, and pull the cable out before its answer comes back.

        A commit is the word, or a line's statement, which is a transaction by itself.
        """
        self._cut_on_commit.set()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._server)
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError), one, other:
            while content := one.recv(65536):
                self._thawed.wait()
                commits = b"COMMIT\0" in content or NAME + b"\0" in content
                if commits and self._cut_on_commit.is_set():
                    self._cut_on_commit.clear()
                    self._cut_on_answer.set()
                elif self._cut_on_answer.is_set():
                    # PostgreSQL has answered, so it is committed; nobody will hear of it.
                    self._cut_on_answer.clear()
                    self.pull_out()
                    return
                other.sendall(content)
