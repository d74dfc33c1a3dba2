"""The witness: an SMTP server outside the product that writes down what reached it, and when.

It has its own process, clock and log, speaks PIPELINING as fast as the sender, and misbehaves
on a script. As a process: `python -m tests.promises.witness --log FILE [--port N]`; it prints
its port as one JSON line, takes a new script as one JSON line on standard input, and ends with
standard input or SIGTERM. In tests: `witness_process` and `witness_thread`.
"""

import argparse
import contextlib
import json
import os
import random
import re
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import orjson

END_OF_CONTENT = b"\r\n.\r\n"
HEAD_LIMIT = 8_192
ROOM = 262_144
KEPT_HEADERS = re.compile(
    rb"^(Message-ID|List-ID|Feedback-ID|X-[\w-]+):((?:[^\r\n]|\r\n[ \t])*)", re.I | re.M
)
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Act:
    """One thing to do in place of good manners, when its turn comes.

    `step`: greeting, ehlo, mail, rcpt, data, content (its first byte) or dot. It applies to
    `recipient` (empty: anybody), not to the first `skip` of them (counted by connection if
    `by_connection`), and at most `times` (0: always), with a `chance`. `reply` replaces the
    usual one; `delay` seconds hold it back, and all after it; `cut` ends the connection:
    'instead' of the reply (the message was taken, if `reply` is none) or 'after' it; `pause`
    stops reading for so many seconds.
    """

    step: str
    recipient: str = ""
    reply: str = ""
    delay: float = 0.0
    cut: str = ""
    pause: float = 0.0
    skip: int = 0
    times: int = 0
    chance: float = 1.0
    by_connection: bool = False


Script = Sequence[Act]


@dataclass
class Handed:
    """What the witness saw of one message; moments are CLOCK_MONOTONIC seconds, at arrival.

    `begun`: its envelope (RCPT) arrived. `accepted`: the witness took it, whether or not its
    reply could be sent. `code` is of the last reply about it, 0 when there was none.
    """

    recipient: str
    connection: int
    sender: str
    begun: float
    begun_wall: float
    asked: float | None = None
    content: float | None = None
    dot: float | None = None
    replied: float | None = None
    code: int = 0
    accepted: bool = False
    size: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def message_id(self) -> str:
        """The Message-ID header, or an empty text."""
        return self.headers.get("message-id", "")


def read_log(path: Path) -> list[Handed]:
    """Return what a witness has written so far, in the order in which messages ended."""
    with path.open("rb") as lines:
        return [Handed(**orjson.loads(line)) for line in lines if line.endswith(b"\n")]


class _Director:
    """Says which act of the script applies now, if any."""

    def __init__(self, seed: int) -> None:
        self.script: Script = ()
        self._chance = random.Random(seed)
        self._met: dict[tuple[int, int], int] = {}

    def play(self, script: Script) -> None:
        self.script, self._met = tuple(script), {}

    def act(self, step: str, recipient: str, connection: int) -> Act | None:
        for n, act in enumerate(self.script):
            if act.step == step and act.recipient in {"", recipient}:
                key = (n, connection if act.by_connection else 0)
                met = self._met[key] = self._met.get(key, 0) + 1
                is_due = met > act.skip and not (act.times and met > act.skip + act.times)
                if is_due and self._chance.random() < act.chance:
                    return act
        return None


@dataclass
class Habits:
    """What the witness offers at EHLO, and how it treats an envelope without a recipient."""

    pipelining: bool = True
    size: int | None = None
    asks_anyway: bool = False
    """Answer DATA with 354 though no recipient was taken."""
    receive_buffer: int | None = None
    """Bytes that the kernel may hold for a connection, so that a paused one is soon full."""


class Witness:
    """The server: one thread, one selector. `port` is known once it is made."""

    def __init__(
        self, log: Path, *, port: int = 0, habits: Habits | None = None, seed: int = 1
    ) -> None:
        self.habits = habits or Habits()
        self.director = _Director(seed)
        self.kept: list[tuple[str, bytes]] | None = None
        """Recipients and contents of what was taken, if a test puts a list here."""
        self.connections = 0
        self._log = log.open("ab", buffering=0)
        self._lines: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", port), backlog=256)
        self._listening.settimeout(0)
        if self.habits.receive_buffer is not None:
            size = self.habits.receive_buffer
            self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        self.port: int = self._listening.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ, self._welcome)
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, self._stop)
        self._is_running = True
        self._guests: set[_Guest] = set()
        self._waiting: set[_Guest] = set()
        self.room = bytearray(ROOM)

    def listen_to(self, descriptor: int, heard: Callable[[], None]) -> None:
        """Call `heard` whenever `descriptor` can be read."""
        self._selector.register(descriptor, selectors.EVENT_READ, heard)

    def serve(self) -> None:
        """Serve until `stop`; at the end every connection is closed and the log is whole."""
        while self._is_running:
            for key, _ in self._selector.select(self._patience()):
                key.data()
            now = time.monotonic()
            for guest in [each for each in self._waiting if each.due <= now]:
                guest.go_on(now)
            self.write_log()
        for guest in list(self._guests):
            guest.gone()
        self.write_log()
        self._listening.close()
        self._selector.close()
        self._wake.close()
        self._woken.close()
        self._log.close()

    def stop(self) -> None:
        """End `serve`, from any thread or signal handler."""
        self._is_running = False
        with contextlib.suppress(OSError):
            self._wake.send(b"x")

    def note(self, handed: Handed) -> None:
        """Write one finished message down."""
        self._lines.append(orjson.dumps(handed) + b"\n")

    def watch(self, guest: "_Guest", *, is_reading: bool) -> None:
        """Read from a guest, or stop reading from it."""
        if is_reading:
            self._selector.register(guest.socket, selectors.EVENT_READ, guest.arrived)
        else:
            self._selector.unregister(guest.socket)

    def wait_for(self, guest: "_Guest", *, is_waiting: bool) -> None:
        """Come back to a guest when it is due."""
        (self._waiting.add if is_waiting else self._waiting.discard)(guest)

    def know(self, guest: "_Guest") -> None:
        """A connection has begun."""
        self._guests.add(guest)

    def forget(self, guest: "_Guest") -> None:
        """Its connection has ended."""
        self._guests.discard(guest)
        self._waiting.discard(guest)

    def _patience(self) -> float | None:
        if not self._waiting:
            return None
        return max(0.0, min(guest.due for guest in self._waiting) - time.monotonic())

    def _welcome(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listening.accept()
            self.connections += 1
            _Guest(self, connection, self.connections)

    def _stop(self) -> None:
        self._is_running = False

    def write_log(self) -> None:
        """Put what was noted on file."""
        if self._lines:
            os.write(self._log.fileno(), b"".join(self._lines))
            self._lines.clear()


class _Guest:
    """One client: what it has said, what it is owed, and the message under way."""

    def __init__(self, witness: Witness, connection: socket.socket, number: int) -> None:
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
        act = self._act("content", self._handed)
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

    def _act(self, step: str, about: Sequence[Handed]) -> Act | None:
        if not self.witness.director.script:
            return None
        recipient = about[-1].recipient if about else ""
        return self.witness.director.act(step, recipient, self.number)

    def _answer(self, step: str, usual: bytes, now: float, about: Sequence[Handed] = ()) -> int:
        """Owe the usual reply or the script's, and return the code that counts."""
        act = self._act(step, about)
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


# As a thread of a test, and as a process of its own


@dataclass
class RunningWitness:
    """A witness that serves: where it is, and what it has written."""

    port: int
    log: Path
    play: Callable[[Script], None]
    """Change its script, from the next command on."""

    @property
    def url(self) -> str:
        """Its address as MAILER_SMTP_URL wants it."""
        return f"smtp://127.0.0.1:{self.port}"

    def handed(self) -> list[Handed]:
        """What it has written so far."""
        return read_log(self.log)

    def accepted(self) -> list[Handed]:
        """The messages that it took."""
        return [handed for handed in self.handed() if handed.accepted]


@contextlib.contextmanager
def witness_thread(
    log: Path,
    *,
    script: Script = (),
    habits: Habits | None = None,
    kept: list[tuple[str, bytes]] | None = None,
) -> Iterator[RunningWitness]:
    """Serve from a thread of this process: quick to start, for tests that need no separation."""
    witness = Witness(log, habits=habits)
    witness.kept = kept
    witness.director.play(script)
    thread = threading.Thread(target=witness.serve, name="witness", daemon=True)
    thread.start()
    try:
        yield RunningWitness(witness.port, log, witness.director.play)
    finally:
        witness.stop()
        thread.join(10)


@contextlib.contextmanager
def witness_process(log: Path, *, script: Script = (), port: int = 0) -> Iterator[RunningWitness]:
    """Serve from a process of its own, which outlives whatever befalls the product's."""
    command = [sys.executable, "-m", "tests.promises.witness"]
    command += ["--log", str(log), "--port", str(port), "--script", _written(script)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root, start_new_session=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin = process.stdin

        def play(script: Script) -> None:
            stdin.write(_written(script).encode() + b"\n")
            stdin.flush()

        try:
            yield RunningWitness(json.loads(process.stdout.readline())["port"], log, play)
        finally:
            stdin.close()
            process.wait(10)


def _written(script: Script) -> str:
    """A script as one line of JSON."""
    return json.dumps([asdict(act) for act in script])


def _script_read(line: str | bytes) -> Script:
    known = {field.name for field in fields(Act)}
    acts: list[dict[str, Any]] = json.loads(line)
    unknown = {name for act in acts for name in act} - known
    if unknown:
        raise ValueError(f"no such thing in an act: {', '.join(sorted(unknown))}")
    return [Act(**act) for act in acts]


def _take_scripts(witness: Witness) -> Callable[[], None]:
    """Follow standard input: each line is a script, its end is ours."""
    rest = b""

    def heard() -> None:
        nonlocal rest
        arrived = os.read(sys.stdin.fileno(), 65_536)
        *lines, rest = (rest + arrived).split(b"\n")
        for line in lines:
            witness.director.play(_script_read(line))
        if not arrived:
            witness.stop()

    return heard


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until standard input ends or SIGTERM comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", default="[]", help="a JSON list of acts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-pipelining", action="store_true")
    options = parser.parse_args(arguments)
    script = _script_read(options.script)
    habits = Habits(pipelining=not options.no_pipelining)
    witness = Witness(options.log, port=options.port, habits=habits, seed=options.seed)
    witness.director.play(script)
    signal.signal(signal.SIGTERM, lambda *_: witness.stop())
    witness.listen_to(sys.stdin.fileno(), _take_scripts(witness))
    sys.stdout.write(json.dumps({"port": witness.port}) + "\n")
    sys.stdout.flush()
    witness.serve()


if __name__ == "__main__":
    main()
