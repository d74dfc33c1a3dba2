"""The proxy carries what it is given, and cuts when it is told to."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.promises.proxy import proxy_process


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that says again what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1]


def _serve(listening: socket.socket) -> None:
    while True:
        try:
            guest, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_say_again, args=(guest,), daemon=True).start()


def _say_again(guest: socket.socket) -> None:
    with guest, contextlib.suppress(ConnectionResetError):
        while heard := guest.recv(65_536):
            guest.sendall(heard)


def called(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def test_what_goes_in_comes_out_and_the_end_goes_through_too(echo: int) -> None:
    with (
        proxy_process({"echo": ("127.0.0.1", echo)}) as proxy,
        called(proxy.ports["echo"]) as client,
    ):
        sent = b"0123456789" * 50_000
        threading.Thread(target=client.sendall, args=(sent,), daemon=True).start()
        came = b""
        while len(came) < len(sent):
            came += client.recv(65_536)
        assert came == sent


def test_a_cut_resets_what_is_open_and_new_connections_go_through(echo: int) -> None:
    with proxy_process({"echo": ("127.0.0.1", echo)}) as proxy:
        with called(proxy.ports["echo"]) as first:
            first.sendall(b"hello")
            assert first.recv(5) == b"hello"
            assert proxy.cut("echo") == 1
            with pytest.raises(ConnectionResetError):
                first.recv(1)
        with called(proxy.ports["echo"]) as second:
            second.sendall(b"again")
            assert second.recv(5) == b"again"
        assert proxy.cut("echo", share=0.0) == 0


def test_who_is_not_there_is_not_there_through_the_proxy_either() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with (
        proxy_process({"nobody": ("127.0.0.1", port)}) as proxy,
        called(proxy.ports["nobody"]) as client,
        pytest.raises(ConnectionResetError),
    ):
        client.recv(1)
