"""Which server takes our mail, read from one URL, and how it is reached."""

import errno
import socket
import ssl
import struct
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import unquote, urlsplit

IN_PROGRESS = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN})
LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)
"""struct linger {on, 0 seconds}: closing resets, so nothing that was buffered is delivered."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class SmtpUrlInvalid(ValueError):
    """The SMTP URL cannot be used; the text says why and never holds the password."""


class Security(Enum):
    """How a connection is protected, and the port that goes with it."""

    NONE = ("smtp", 25)
    STARTTLS = ("smtp+starttls", 587)
    TLS = ("smtps", 465)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The server that takes our mail, and who we are to it."""

    host: str
    port: int
    security: Security
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def read_smtp_url(url: str) -> SmtpServer:
    """Read smtp://, smtp+starttls:// or smtps://[user:password@]host[:port].

    User and password are percent-decoded. Raises SmtpUrlInvalid; also for a password that
    would cross a network in clear.
    """
    schemes = {security.value[0]: security for security in Security}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SmtpUrlInvalid("the SMTP URL has no valid host and port") from None
    if parts.scheme not in schemes:
        raise SmtpUrlInvalid("the SMTP URL must start with smtp://, smtp+starttls:// or smtps://")
    if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise SmtpUrlInvalid("the SMTP URL must end after its host and port")
    security = schemes[parts.scheme]
    server = SmtpServer(
        host=parts.hostname,
        port=port or security.value[1],
        security=security,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
    if server.user and security is Security.NONE and server.host not in LOOPBACK:
        raise SmtpUrlInvalid("a password needs smtp+starttls:// or smtps://")
    return server


Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]


def addresses_of(server: SmtpServer) -> list[Address]:
    """Resolve the server's name, which may block; raises OSError when it has no address."""
    found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    # Its types allow for a Python that was built without IPv6 as well.
    return [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]


def tls_settings() -> ssl.SSLContext:
    """Verify the server's certificate and name; TLS 1.2 or newer."""
    settings = ssl.create_default_context()
    settings.minimum_version = ssl.TLSVersion.TLSv1_2
    return settings


def begin_connecting(address: Address, *, unacknowledged_for: float) -> socket.socket:
    """Return a non-blocking socket that is on its way to `address`; raises OSError.

    The socket does not linger: when its process dies, or it is closed in doubt, the kernel
    throws away what it still holds, and no mail leaves after the process that began it.
    """
    family, where = address
    connecting = socket.socket(family, socket.SOCK_STREAM)
    try:
        connecting.settimeout(0)
        connecting.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT_AT_ALL)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            milliseconds = max(1, min(int(unacknowledged_for * 1000), 2**31 - 1))
            connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        error = connecting.connect_ex(where)
        if error not in {0, *IN_PROGRESS}:
            raise OSError(error, "cannot connect")
    except OSError:
        connecting.close()
        raise
    return connecting
