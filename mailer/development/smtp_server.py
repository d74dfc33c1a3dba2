"""A small, strict SMTP receiver (RFC 5321, 1870, 2920, 6152) that hands mails to a mailbox.

Written out because it is several times faster than a server that awaits line after line, and
because a test may want to stand exactly between a command and its reply.
"""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Protocol

MOST_BYTES_OF_A_MAIL = 10 * 2**20
MOST_RECIPIENTS = 1000
LONGEST_COMMAND = 2048
IDLE_SECONDS = 300.0
PATH = re.compile(
    rb"(?P<word>FROM|TO):[ ]?<(?:@[^:<>]*:)?(?P<address>[^<>\s\x00-\x1f\x7f]*)>"
    rb"(?P<parameters>(?: [A-Za-z0-9][^ =]*(?:=[^ =]+)?)*)",
    re.IGNORECASE,
)
LONGEST_LINE = 998


@dataclass
class SmtpEnvelope:
    """Who a mail is from and for, as the client said in its commands."""

    sender: str = ""
    recipients: list[str] = field(default_factory=list)


class Mailbox(Protocol):
    """What becomes of mails. An answer is a reply line, such as `250 kept`."""

    def greet(self, envelope: SmtpEnvelope) -> str | None:
        """Answer a DATA command before its 354, to refuse; None to go on."""

    def keep(self, envelope: SmtpEnvelope, content: bytes) -> str:
        """Keep a mail and answer its final dot. An error that it raises is answered with 451."""


class SmtpSession(asyncio.Protocol):
    """One client's connection."""

    def __init__(
        self, mailbox: Mailbox, *, name: str = "localhost", most_bytes: int = MOST_BYTES_OF_A_MAIL
    ) -> None:
        self._mailbox = mailbox
        self._name = name
        self._most_bytes = most_bytes
        self._buffer = bytearray()
        self._searched = 0
        self._dropped = 0
        self._envelope: SmtpEnvelope | None = None
        self._said_hello = False
        self._in_data = False
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream is all we serve
        self._transport = transport
        self._wait_again()
        transport.write(f"220 {self._name} ESMTP\r\n".encode())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        """Forget an unfinished mail: no final dot, no mail."""
        self._transport = None
        if self._timer:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer every command and mail that is complete, with one write."""
        self._buffer += data
        self._wait_again()
        replies = []
        while (reply := self._mail() if self._in_data else self._line()) is not None:
            replies.append(reply)
        if replies and self._transport:
            self._transport.write("".join(f"{reply}\r\n" for reply in replies).encode())
            if replies[-1].startswith(("221", "421")):
                self._transport.close()

    def _wait_again(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._transport:
            self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._transport.close)

    def _line(self) -> str | None:
        if self._transport is None or self._transport.is_closing():
            return None
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return self._refuse_endless_line()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        verb, _, words = line.partition(b" ")
        return self._answer(verb.upper().decode("ascii", "replace"), words.strip())

    def _refuse_endless_line(self) -> str | None:
        if len(self._buffer) <= LONGEST_COMMAND:
            return None
        self._buffer.clear()
        return "421 4.5.2 command too long"

    def _answer(self, verb: str, words: bytes) -> str:
        match verb:
            case "EHLO" | "HELO":
                return self._hello(verb)
            case "MAIL":
                return self._mail_from(words)
            case "RCPT":
                return self._rcpt_to(words)
            case "DATA":
                return self._data()
            case "RSET" | "NOOP" | "VRFY" | "QUIT":
                return self._small(verb)
            case _:
                return "500 5.5.1 no such command"

    def _small(self, verb: str) -> str:
        if verb == "RSET":
            self._envelope = None
        return {"VRFY": "252 2.1.5 send it and see", "QUIT": "221 2.0.0 goodbye"}.get(
            verb, "250 2.0.0 done"
        )

    def _hello(self, verb: str) -> str:
        self._said_hello, self._envelope = True, None
        offers = ("PIPELINING", f"SIZE {self._most_bytes}", "8BITMIME", "ENHANCEDSTATUSCODES")
        if verb == "HELO":
            return f"250 {self._name}"
        return "\r\n".join(
            [f"250-{self._name}", *(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}"]
        )

    def _mail_from(self, words: bytes) -> str:
        if not self._said_hello:
            return "503 5.5.1 say EHLO first"
        if self._envelope:
            return "503 5.5.1 one mail at a time"
        path = PATH.fullmatch(words)
        if not path or path["word"].upper() != b"FROM":
            return "501 5.5.4 MAIL FROM:<address>"
        if (refusal := self._refuse_parameters(path["parameters"])) is not None:
            return refusal
        self._envelope = SmtpEnvelope(path["address"].decode("ascii", "replace"))
        return "250 2.1.0 sender noted"

    def _refuse_parameters(self, parameters: bytes) -> str | None:
        for parameter in parameters.upper().split():
            name, _, value = parameter.partition(b"=")
            if name == b"SIZE" and value.isdigit():
                if int(value) > self._most_bytes:
                    return "552 5.3.4 too big"
            elif parameter not in {b"BODY=8BITMIME", b"BODY=7BIT"}:
                return "555 5.5.4 a parameter that was not offered"
        return None

    def _rcpt_to(self, words: bytes) -> str:
        if not self._envelope:
            return "503 5.5.1 MAIL first"
        path = PATH.fullmatch(words)
        if not path or path["word"].upper() != b"TO" or not path["address"]:
            return "501 5.5.4 RCPT TO:<address>"
        if len(self._envelope.recipients) >= MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        self._envelope.recipients.append(path["address"].decode("ascii", "replace"))
        return "250 2.1.5 recipient noted"

    def _data(self) -> str:
        if not self._envelope or not self._envelope.recipients:
            return "503 5.5.1 RCPT first"
        refusal = self._mailbox.greet(self._envelope)
        if refusal is not None:
            self._envelope = None
            return refusal
        self._in_data, self._searched, self._dropped = True, 0, 0
        return "354 end with a dot on a line of its own"

    def _mail(self) -> str | None:
        # The dot that ends an empty mail has no line before it.
        empty = self._searched == 0 and self._buffer.startswith(b".\r\n")
        end = 0 if empty else self._buffer.find(b"\r\n.\r\n", self._searched) + 2
        if end < 2 and not empty:
            self._searched = max(0, len(self._buffer) - 4)
            self._drop_what_is_too_much()
            return None
        content = bytes(self._buffer[:end])
        del self._buffer[: end + 3]
        envelope, self._envelope, self._in_data = self._envelope, None, False
        return self._kept(envelope or SmtpEnvelope(), content)

    def _drop_what_is_too_much(self) -> None:
        if len(self._buffer) > self._most_bytes + 4:
            self._dropped += self._searched
            del self._buffer[: self._searched]
            self._searched = 0

    def _kept(self, envelope: SmtpEnvelope, content: bytes) -> str:
        if self._dropped or len(content) > self._most_bytes:
            return "552 5.3.4 too big"
        content = content.removeprefix(b".").replace(b"\r\n.", b"\r\n")
        if max(map(len, content.split(b"\r\n"))) > LONGEST_LINE:
            return "500 5.6.0 a line is longer than 998 characters"
        try:
            return self._mailbox.keep(envelope, content)
        except OSError:
            return "451 4.3.0 cannot keep it now"
