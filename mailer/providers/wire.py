"""Bytes to and from one server, without waiting: in clear or over TLS."""

import contextlib
import socket
import ssl
import struct
from collections.abc import Sequence
from selectors import EVENT_READ, EVENT_WRITE

READ_AT_ONCE = 65_536


class Wire:
    """A connected, non-blocking socket. Every method raises OSError when the wire is cut."""

    takes_parts_together = True
    """Whether `write` may hand over several parts in one call."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self.socket.fileno()

    def write(self, parts: Sequence[bytes | memoryview]) -> int:
        """Hand the kernel what it takes of `parts`; return how many bytes that was."""
        try:
            return self.socket.sendmsg(parts)
        except BlockingIOError:
            return 0

    def read(self) -> bytes | None:
        """Return what has arrived: None for nothing yet, no bytes for the end."""
        try:
            return self.socket.recv(READ_AT_ONCE)
        except BlockingIOError:
            return None

    def linger(self) -> None:
        """Let a later close be an orderly one: everything was said and answered."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))

    def cut(self) -> None:
        """Close at once, resetting: whatever the kernel still held is not delivered."""
        with contextlib.suppress(OSError):
            self.socket.close()


class TlsWire(Wire):
    """The same over TLS. A write that had to wait is repeated with the same bytes, as TLS asks."""

    takes_parts_together = False
    socket: ssl.SSLSocket

    def write(self, parts: Sequence[bytes | memoryview]) -> int:
        """Hand over of the first part what the kernel takes of it as TLS records."""
        try:
            return self.socket.send(parts[0])
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0

    def read(self) -> bytes | None:
        """Return all that has arrived, since what TLS holds back wakes no selector."""
        arrived = b""
        try:
            while piece := self.socket.recv(READ_AT_ONCE):
                arrived += piece
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return arrived or None
        except OSError:
            if not arrived:
                raise
        return arrived


class Securing:
    """A wire on its way to TLS: call `proceed` when the socket is ready for what it waits for."""

    def __init__(self, wire: Wire, settings: ssl.SSLContext, host: str) -> None:
        self.socket = settings.wrap_socket(
            wire.socket, server_hostname=host, do_handshake_on_connect=False
        )
        self.waits_for = EVENT_READ | EVENT_WRITE

    def proceed(self) -> TlsWire | None:
        """Take the handshake further; return the secured wire when it is done."""
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            self.waits_for = EVENT_READ
            return None
        except ssl.SSLWantWriteError:
            self.waits_for = EVENT_WRITE
            return None
        return TlsWire(self.socket)
