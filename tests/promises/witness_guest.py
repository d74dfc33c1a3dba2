"""One client of the witness: what it has said, what it is owed, the message under way."""

import contextlib
import re
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.promises.witness_log import Handed
from tests.promises.witness_script import Act

if TYPE_CHECKING:
    from tests.promises.witness import Witness

END_OF_CONTENT = b"\r\n.\r\n"
HEAD_LIMIT = 8_192
KEPT_HEADERS = re.compile(
    rb"^(Message-ID|List-ID|Feedback-ID|Subject|X-[\w-]+):((?:[^\r\n]|\r\n[ \t])*)", re.I | re.M
)
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Habits:
    """What the witness offers at EHLO, and how it treats an envelope without a recipient."""

    pipelining: bool = True
    size: int | None = None
    asks_anyway: bool = False
    """Answer DATA with 354 though no recipient was taken."""
    receive_buffer: int | None = None
    """Bytes that the kernel may hold for a connection, so that a paused one is soon full."""


class Guest:
    """One client: what it has said, what it is owed, and the message under way."""

    def __init__(self, witness: "Witness", connection: socket.socket, number: int) -> None:
        self.witness = witness
        self.socket = connection
        self.number = number
        self.due = float("inf")
        self._rest = b""
        self._owed: list[tuple[float, bytes, list[Handed], str]] = []
        self._resume_at: float | None = None
        self._sender: str | None = None
        self._handed: list[Handed] = []
        self._is_content = False
        self._content = b""
        self._head = b""
        self._size = 0
        self._is_leaving = False
        connection.settimeout(0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        witness.know(self)
        witness.watch(self, is_reading=True)
        self._answer("greeting", b"220 witness ESMTP\r\n", time.monotonic())
        self._send_due(time.monotonic())

    # Arrival

    def arrived(self) -> None:
        """Read what is there, stamp it, and answer."""
        try:
            length = self.socket.recv_into(self.witness.room)
        except BlockingIOError:
            return
        except OSError:
            length = 0
        if not length:
            self.gone()
            return
        now = time.monotonic()
        self._take_in(self.witness.room, length, now)
        self._send_due(now)

    def _take_in(self, room: bytearray, length: int, now: float) -> None:
        at = 0
        while at < length and not self._is_leaving:
            at = (self._take_content if self._is_content else self._take_line)(
                room, at, length, now
            )

    def _take_line(self, room: bytearray, at: int, length: int, now: float) -> int:
        end = room.find(b"\n", at, length)
        if end < 0:
            self._rest += room[at:length]
            return length
        line = self._rest + room[at:end]
        self._rest = b""
        self._obey(bytes(line).rstrip(b"\r"), now)
        return end + 1

    def _take_content(self, room: bytearray, at: int, length: int, now: float) -> int:
        if self._handed and self._handed[0].content is None:
            for handed in self._handed:
                handed.content = now
            self._misbehave_at_content(now)
        joint = self._rest + room[at : min(at + 4, length)]
        end = joint.find(END_OF_CONTENT)
        if end >= 0:
            stop = at + end + len(END_OF_CONTENT) - len(self._rest)
        else:
            found = room.find(END_OF_CONTENT, at, length)
            stop = length if found < 0 else found + len(END_OF_CONTENT)
            end = found
        self._size += stop - at
        if len(self._head) < HEAD_LIMIT:
            self._head += room[at : min(stop, at + HEAD_LIMIT)]
        if self.witness.kept is not None:
            self._content += room[at:stop]
        if end < 0:
            self._rest = (self._rest + room[max(at, stop - 4) : stop])[-4:]
        else:
            self._finish_content(now)
        return stop

    def _misbehave_at_content(self, now: float) -> None:
        act = self._act("content", self._handed, now)
        if act is not None:
            self._pause(act, now)
            if act.cut:
                self._owe(now, b"", [], act.cut)

    def _finish_content(self, now: float) -> None:
        headers = {
            name.decode().lower(): b"".join(value.split()).decode("latin-1")
            for name, value in KEPT_HEADERS.findall(self._head.partition(b"\r\n\r\n")[0])
        }
        for handed in self._handed:
            handed.dot, handed.size, handed.headers = now, self._size - 3, headers
        usual = b"250 2.0.0 Ok: queued\r\n" if self._handed else b"554 5.5.1 no recipients\r\n"
        self._is_content, self._rest = False, b""
        about, self._handed, self._sender = self._handed, [], None
        if self._answer("dot", usual, now, about) < 300 and self.witness.kept is not None:
            content = _without_dots(self._content)
            self.witness.kept += [(handed.recipient, content) for handed in about]

    # Commands

    def _obey(self, line: bytes, now: float) -> None:
        verb = line[:4].upper()
        obey = self._COMMANDS.get(verb)
        if obey is None:
            self._owe(now, b"500 5.5.2 what?\r\n")
        else:
            obey(self, line, now)

    def _hello(self, line: bytes, now: float) -> None:
        habits = self.witness.habits
        lines = ["witness", "ENHANCEDSTATUSCODES", "8BITMIME"]
        lines += ["PIPELINING"] if habits.pipelining else []
        lines += [] if habits.size is None else [f"SIZE {habits.size}"]
        if line[:4].upper() == b"HELO":
            lines = lines[:1]
        marks = ["-"] * (len(lines) - 1) + [" "]
        text = "".join(f"250{mark}{word}\r\n" for mark, word in zip(marks, lines, strict=True))
        self._answer("ehlo", text.encode(), now)

    def _mail(self, line: bytes, now: float) -> None:
        if self._sender is not None:
            self._owe(now, b"503 5.5.1 nested MAIL\r\n")
        elif self._answer("mail", b"250 2.1.0 Ok\r\n", now) < 400:
            self._sender = _address(line)

    def _rcpt(self, line: bytes, now: float) -> None:
        if self._sender is None:
            self._owe(now, b"503 5.5.1 MAIL first\r\n")
            return
        handed = Handed(
            recipient=_address(line),
            connection=self.number,
            sender=self._sender,
            begun=now,
            begun_wall=time.time(),
        )
        self._handed.append(handed)
        if self._answer("rcpt", b"250 2.1.5 Ok\r\n", now, [handed]) >= 400:
            self._handed.remove(handed)

    def _data(self, _: bytes, now: float) -> None:
        if self._sender is None or not (self._handed or self.witness.habits.asks_anyway):
            self._owe(now, b"554 5.5.1 no valid recipients\r\n")
        elif self._answer("data", b"354 go on\r\n", now, self._handed) == 354:
            self._is_content = True
            self._rest, self._head, self._content, self._size = b"\r\n", b"", b"", 0
        else:
            self._handed = []

    def _rset(self, _: bytes, now: float) -> None:
        self._abandon()
        self._owe(now, b"250 2.0.0 Ok\r\n")

    def _noop(self, _: bytes, now: float) -> None:
        self._owe(now, b"250 2.0.0 Ok\r\n")

    def _quit(self, _: bytes, now: float) -> None:
        self._owe(now, b"221 2.0.0 Bye\r\n", [], "after")

    _COMMANDS = {  # noqa: RUF012 - never changed
        b"EHLO": _hello,
        b"HELO": _hello,
        b"MAIL": _mail,
        b"RCPT": _rcpt,
        b"DATA": _data,
        b"RSET": _rset,
        b"NOOP": _noop,
        b"QUIT": _quit,
    }

    # Answers

    def _act(self, step: str, about: Sequence[Handed], now: float) -> Act | None:
        if not self.witness.director.script:
            return None
        recipient = about[-1].recipient if about else ""
        return self.witness.director.act(step, recipient, self.number, now)

    def _answer(self, step: str, usual: bytes, now: float, about: Sequence[Handed] = ()) -> int:
        """Owe the usual reply or the script's, and return the code that counts."""
        act = self._act(step, about, now)
        reply = act.reply.encode() + b"\r\n" if act and act.reply else usual
        code = int(reply[:3])
        if step == "dot":
            for handed in about:
                handed.accepted = code < 300
        if act is None:
            self._owe(now, reply, about)
        else:
            self._pause(act, now)
            self._owe(now + act.delay, reply, about, act.cut)
        return code

    def _pause(self, act: Act, now: float) -> None:
        if act.pause and self._resume_at is None:
            self._resume_at = now + act.pause
            self.witness.watch(self, is_reading=False)
            self._note_due()

    def _owe(self, due: float, reply: bytes, about: Sequence[Handed] = (), cut: str = "") -> None:
        self._owed.append((due, reply, list(about), cut))
        self._is_leaving = self._is_leaving or bool(cut)

    def _send_due(self, now: float) -> None:
        """Send every reply whose time has come, in order."""
        sent: list[bytes] = []
        ending = ""
        done: list[tuple[bytes, list[Handed]]] = []
        while self._owed and self._owed[0][0] <= now and not ending:
            _, reply, about, ending = self._owed.pop(0)
            if ending == "instead":
                reply = b""
            sent.append(reply)
            done.append((reply, about))
        if sent:
            self._send(b"".join(sent), done)
        if ending:
            self._end(is_reset=ending == "instead")
        else:
            self._note_due()

    def _send(self, reply: bytes, done: list[tuple[bytes, list[Handed]]]) -> None:
        """Write down what is being answered, then answer: the log never lags behind a client."""
        now = time.monotonic()
        for text, about in done:
            for handed in about:
                self._note_reply(handed, text, now)
        self.witness.write_log()
        with contextlib.suppress(OSError):
            if reply:
                self.socket.send(reply)

    def _note_reply(self, handed: Handed, text: bytes, now: float) -> None:
        handed.code = int(text[:3]) if text else 0
        is_last = handed.dot is not None or handed.code >= 400
        if handed.code == 354:
            handed.asked = now
        elif text and is_last:
            handed.replied = now
        if is_last:
            self.witness.note(handed)

    def go_on(self, now: float) -> None:
        """What was held back is due: read again, or send."""
        if self._resume_at is not None and self._resume_at <= now:
            self._resume_at = None
            self.witness.watch(self, is_reading=True)
        self._send_due(now)

    def _note_due(self) -> None:
        waits = [self._owed[0][0]] if self._owed else []
        waits += [] if self._resume_at is None else [self._resume_at]
        if waits or self.due != float("inf"):
            self.due = min(waits, default=float("inf"))
            self.witness.wait_for(self, is_waiting=bool(waits))

    def gone(self) -> None:
        """The client has closed, or the witness ends."""
        self._end(is_reset=False)

    def _end(self, *, is_reset: bool) -> None:
        for _, _, about, _ in self._owed:
            for handed in about:
                if handed.dot is not None:
                    self.witness.note(handed)
        self._owed.clear()
        self._abandon()
        if self._resume_at is None:
            self.witness.watch(self, is_reading=False)
        self.witness.forget(self)
        if is_reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.socket.close()

    def _abandon(self) -> None:
        """Write down messages that were begun and will not be finished."""
        for handed in self._handed:
            self.witness.note(handed)
        self._handed, self._sender = [], None


def _without_dots(content: bytes) -> bytes:
    """The message as it was before it was dot-stuffed, without the final dot."""
    return (b"\r\n" + content[:-3]).replace(b"\r\n.", b"\r\n")[2:]


def _address(line: bytes) -> str:
    return line.partition(b"<")[2].partition(b">")[0].decode("ascii", "replace")
