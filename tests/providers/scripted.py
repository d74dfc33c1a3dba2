"""A server of a few lines that says what it is told, in turn."""

import contextlib
import socket
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def scripted(*says: bytes) -> Iterator[int]:
    """A server that says these things in turn, one for each line it hears."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    for said in says:
                        connection.sendall(said)
                        connection.recv(4096)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)
