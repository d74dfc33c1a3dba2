"""A connection on its way: from the first packet to a conversation that can carry mail."""

import re
import socket
import ssl
import time
from dataclasses import dataclass
from enum import Enum
from selectors import EVENT_READ, EVENT_WRITE

from mailer.providers.answers import AboutUs
from mailer.providers.conversation import Conversation
from mailer.providers.handshake import (
    NO_REPLY,
    Features,
    Secure,
    Unwelcome,
    shake_hands,
)
from mailer.providers.replies import Confused, Reply, ReplyReader
from mailer.providers.server import Address, SmtpServer, begin_connecting, tls_settings
from mailer.providers.wire import Securing, Wire


@dataclass(frozen=True, slots=True)
class Manners:
    """How we behave towards a server; all times in seconds."""

    hello: str = "localhost"
    """Our name at EHLO."""
    connections: int = 4
    """Connections kept open at most, by each process."""
    connect_timeout: float = 10.0
    """For all of connecting, TLS, EHLO and AUTH."""
    reply_timeout: float = 60.0
    """From the server's 354 to its reply to the final dot; after that a fate is unknown."""
    start_grace: float = 0.5
    """After `begin_before`: how long an envelope may still wait for its 354."""
    idle_limit: float = 30.0
    """A kept connection that was unused for longer is replaced before its next use."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", self.hello):
            raise ValueError("the name at EHLO must be a host name")


class _Stage(Enum):
    CONNECTING = 1
    SECURING = 2
    TALKING = 3


class Dialling:
    """One attempt to reach one address; `proceed` takes it further when its socket is ready."""

    def __init__(
        self, server: SmtpServer, address: Address, manners: Manners, tls: ssl.SSLContext | None
    ) -> None:
        self.address = address
        self.deadline = time.monotonic() + manners.connect_timeout
        self._server = server
        self._manners = manners
        self._tls = tls
        self._stage = _Stage.CONNECTING
        self._wire = Wire(begin_connecting(address, unacknowledged_for=manners.reply_timeout))
        self._handshake = shake_hands(server, manners.hello)
        self._reader = ReplyReader()
        self._out = b""
        self._securing: Securing | None = None

    @property
    def waits_for(self) -> int:
        """The selector events to wait for."""
        if self._securing is not None:
            return self._securing.waits_for
        if self._stage is _Stage.CONNECTING or self._out:
            return EVENT_WRITE
        return EVENT_READ

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return (self._securing or self._wire).socket.fileno()

    def cut(self) -> None:
        """Close at once."""
        (self._securing or self._wire).socket.close()

    def proceed(self) -> Conversation | None:
        """Go on as far as possible; return the conversation when it can carry mail.

        Raises Unwelcome when the server, reached, does not let us begin, and OSError when it
        cannot be reached.
        """
        try:
            features = self._go_on()
        except (ssl.SSLError, Confused) as error:
            raise Unwelcome(AboutUs(0, f"no conversation: {_reason(error)}")) from None
        if features is None:
            return None
        return Conversation(self._wire, features, reply_timeout=self._manners.reply_timeout)

    def _go_on(self) -> Features | None:
        if self._stage is _Stage.CONNECTING:
            self._check_connected()
            self._stage = _Stage.TALKING
            self._say(next(self._handshake))
        if self._securing is not None:
            return self._secure(self._securing)
        if self._out:
            self._out = self._out[self._wire.write([self._out]) :]
            return None
        return self._listen()

    def _check_connected(self) -> None:
        error = self._wire.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, "cannot connect")

    def _secure(self, securing: Securing) -> Features | None:
        secured = securing.proceed()
        if secured is not None:
            self._wire, self._securing = secured, None
            self._say(self._handshake.send(NO_REPLY))
        return None

    def _listen(self) -> Features | None:
        arrived = self._wire.read()
        if arrived is None:
            return None
        if not arrived:
            raise Unwelcome(AboutUs(0, "the server closed the connection before any mail"))
        replies = list(self._reader.feed(arrived))
        if len(replies) > 1 or (replies and not self._reader.is_between_replies):
            raise Confused("more than one reply to one command")
        return self._answer(replies[0]) if replies else None

    def _answer(self, reply: Reply) -> Features | None:
        try:
            self._say(self._handshake.send(reply))
        except StopIteration as end:
            features: Features = end.value
            return features
        return None

    def _say(self, command: bytes | Secure) -> None:
        if isinstance(command, Secure):
            tls = self._tls or tls_settings()
            self._securing = Securing(self._wire, tls, self._server.host)
        else:
            self._out = command[self._wire.write([command]) :] if command else b""


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate: {error.verify_message}"
    return str(getattr(error, "reason", None) or error)
