"""How a conversation with an SMTP server begins: greeting, EHLO, STARTTLS, AUTH.

Written as a generator that yields what to write and is sent each reply, so that it can be
driven by any loop and tested without a socket.
"""

import base64
from collections.abc import Generator
from dataclasses import dataclass, field

from mailer.providers.answers import AboutUs
from mailer.providers.replies import Reply, Step, scrubbed
from mailer.providers.server import Security, SmtpServer


class Secure:
    """Yielded in place of bytes: change to TLS now, then send None."""


SECURE = Secure()
NO_REPLY = Reply(0, ())


class Unwelcome(Exception):
    """The server does not let us begin; `about_us` says why."""

    def __init__(self, about_us: AboutUs) -> None:
        super().__init__(about_us.text)
        self.about_us = about_us


@dataclass(frozen=True, slots=True)
class Features:
    """What the server said it can do."""

    pipelining: bool = False
    size: int | None = None
    """The largest message in bytes that it takes; 0: it says SIZE and no limit; None: no SIZE."""
    starttls: bool = False
    login: frozenset[str] = field(default=frozenset())


Handshake = Generator[bytes | Secure, Reply, Features]


def shake_hands(server: SmtpServer, hello: str) -> Handshake:
    """Yield each command up to a conversation that can carry mail; raises Unwelcome.

    What was learnt before STARTTLS is forgotten after it (RFC 3207 4.2).
    """
    if server.security is Security.TLS:
        yield SECURE
    _need(Step.GREETING, (yield b""), 220)
    features = yield from _introduce(hello)
    if server.security is Security.STARTTLS:
        if not features.starttls:
            raise Unwelcome(AboutUs(0, "the server offers no STARTTLS"))
        _need(Step.STARTTLS, (yield b"STARTTLS\r\n"), 220)
        yield SECURE
        features = yield from _introduce(hello)
    if server.user:
        yield from _log_in(server, features)
    return features


def _introduce(hello: str) -> Handshake:
    name = hello.encode("ascii")
    reply = yield b"EHLO " + name + b"\r\n"
    if reply.code in {500, 502}:
        _need(Step.EHLO, (yield b"HELO " + name + b"\r\n"), 250)
        return Features()
    _need(Step.EHLO, reply, 250)
    return read_features(reply)


def read_features(reply: Reply) -> Features:
    """Read what an EHLO reply offers; an unreadable SIZE limit counts as none."""
    offered: dict[str, list[str]] = {}
    for line in reply.lines[1:]:
        word, *values = line.decode("ascii", "replace").upper().replace("=", " ").split() or [""]
        offered.setdefault(word, []).extend(values)
    size = offered.get("SIZE")
    limit = int(size[0]) if size and size[0].isascii() and size[0].isdigit() else 0
    return Features(
        pipelining="PIPELINING" in offered,
        size=None if size is None else limit,
        starttls="STARTTLS" in offered,
        login=frozenset(offered.get("AUTH", [])),
    )


def _log_in(server: SmtpServer, features: Features) -> Generator[bytes | Secure, Reply, None]:
    user, password = server.user.encode(), server.password.encode()
    if "PLAIN" in features.login:
        reply = yield b"AUTH PLAIN " + base64.b64encode(b"\0%b\0%b" % (user, password)) + b"\r\n"
    elif "LOGIN" in features.login:
        _need(Step.AUTH, (yield b"AUTH LOGIN\r\n"), 334)
        _need(Step.AUTH, (yield base64.b64encode(user) + b"\r\n"), 334)
        reply = yield base64.b64encode(password) + b"\r\n"
    else:
        raise Unwelcome(AboutUs(0, "the server offers neither AUTH PLAIN nor AUTH LOGIN"))
    _need(Step.AUTH, reply, 235)


def _need(step: Step, reply: Reply, code: int) -> None:
    if reply.code != code:
        raise Unwelcome(AboutUs(reply.code, f"{step}: {scrubbed(reply)}"))
