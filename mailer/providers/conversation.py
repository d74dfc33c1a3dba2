"""What is said on one open connection: an envelope, its content, and whom each reply is about.

With PIPELINING the next envelope follows the final dot at once, so a message costs one round
trip; without it every command waits for its reply. Replies come in the order of the commands,
so each is attributed to its person by a queue of what was asked.
"""

import math
import re
import time
from collections import deque
from selectors import EVENT_READ, EVENT_WRITE
from typing import Final

from mailer.failpoints import Failpoint, reached
from mailer.providers.answers import AboutUs, Accepted, Later, Outgoing, Rejected, Unknown
from mailer.providers.handshake import Features
from mailer.providers.replies import Confused, Reply, ReplyReader, Step, scrubbed
from mailer.providers.slice import Slice
from mailer.providers.wire import Wire

DOT: Final = b".\r\n"
LOST_BEFORE_DOT = "the connection was lost before the final dot was given"
LOST_IN_DOUBT = "the connection was lost after the final dot was given and before its reply"
SILENT_IN_DOUBT = "no reply to the final dot in time"
SILENT = "the server took too long to take the message"
ASKED_TOO_LATE = "the server did not ask for the content in time"
TOO_LARGE = "larger than what the server says it takes"

_LEADING_DOT = re.compile(rb"\n\.")
"""Twice as fast over a whole mail as `in`."""


class Conversation:
    """One connection that carries mail, message after message, from slice to slice."""

    def __init__(self, wire: Wire, features: Features, *, reply_timeout: float) -> None:
        self.wire = wire
        self.features = features
        self.deadline = math.inf
        """When (monotonic) the server has been silent for too long."""
        self.idle_since = time.monotonic()
        self.served = 0
        """Messages that this connection has carried."""
        self.was_asked_for_content = False
        self.is_over = False
        self.opening: Outgoing | None = None
        """Whose envelope is written, and whose content the server has not asked for yet."""
        self._current: Outgoing | None = None
        self._refusal: Rejected | Later | AboutUs | None = None
        self._expected: deque[Step] = deque()
        self._script: deque[tuple[Step, bytes]] = deque()
        self._out: list[bytes | memoryview] = []
        self._before_dot = 0
        self._is_dot_touched = False
        self._needs_reset = False
        self._is_leaving = False
        self._reply_timeout = reply_timeout
        self._reader = ReplyReader()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is under way: it may be kept, or left politely."""
        return not (self.is_over or self._is_leaving or self._expected or self._out)

    @property
    def _is_content_unwritten(self) -> bool:
        return bool(self._out) and not self._is_dot_touched

    @property
    def waits_for(self) -> int:
        """The selector events to wait for."""
        return EVENT_READ | EVENT_WRITE if self._out else EVENT_READ

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self.wire.fileno()

    # Writing

    def push(self, people: Slice) -> None:
        """Write what can be written now, and begin the next message when there is room."""
        if self.is_over:
            return
        self._write_next_command()
        offer = self._offer(people)
        is_whole = self._flush()
        if offer is not None:
            self._note_begun(*offer, people)
        if not is_whole:
            self._read_the_rest(people)

    def _write_next_command(self) -> None:
        if self._script and not self._expected:
            step, command = self._script.popleft()
            self._expected.append(step)
            self._out.append(command)

    def _offer(self, people: Slice) -> tuple[Outgoing, bytes] | None:
        """Put the next envelope behind what is being written; say whose, to see how far it got."""
        message = self._next_message(people)
        if message is None:
            return None
        commands = self._envelope(message)
        if self.features.pipelining:
            together = b"".join(command for _, command in commands)
            self._out.append(together)
            self._expected.extend(step for step, _ in commands)
            return message, together
        self._script.extend(commands)
        self._begin(message)
        self._write_next_command()
        return None

    def _next_message(self, people: Slice) -> Outgoing | None:
        if self._is_leaving or self.opening is not None or not self._has_room():
            return None
        if self._needs_reset and not self.features.pipelining:
            self._reset()
            return None
        while (message := people.take()) is not None:
            if not self.features.size or message.size <= self.features.size:
                return message
            people.settle(message, Rejected(552, TOO_LARGE, about_person=False))
        return None

    def _reset(self) -> None:
        """End the refused message's transaction by itself, before the next message is taken."""
        self._needs_reset = False
        self._out.append(b"RSET\r\n")
        self._expected.append(Step.RSET)
        self._wait_from_now()

    def _has_room(self) -> bool:
        if self.features.pipelining:
            return self.wire.takes_parts_together or not self._out
        return not self._expected and not self._out

    def _envelope(self, message: Outgoing) -> list[tuple[Step, bytes]]:
        size = b"" if self.features.size is None else b" SIZE=%d" % message.size
        commands = [
            (Step.MAIL, b"MAIL FROM:<%b>%b\r\n" % (message.sender.encode("ascii"), size)),
            (Step.RCPT, b"RCPT TO:<%b>\r\n" % message.recipient.encode("ascii")),
            (Step.DATA, b"DATA\r\n"),
        ]
        if self._needs_reset:
            commands.insert(0, (Step.RSET, b"RSET\r\n"))
        return commands

    def _note_begun(self, message: Outgoing, envelope: bytes, people: Slice) -> None:
        """Count a pipelined envelope as begun, or take it back when none of it was written.

        Over TLS an envelope that had to wait may stand half in the record layer: that is begun.
        """
        if self._out and self._out[-1] is envelope and self.wire.takes_parts_together:
            self._out.pop()
            for _ in self._envelope(message):
                self._expected.pop()
            people.put_back(message)
        else:
            self._begin(message)

    def _begin(self, message: Outgoing) -> None:
        self.opening = message
        self._refusal = None
        self._needs_reset = False
        if self._current is None:
            self._wait_from_now()

    def _flush(self) -> bool:
        """Write until the kernel takes no more; False when the wire is cut."""
        taken = 1
        while self._out and taken:
            if not self.wire.takes_parts_together and self._out[0] is DOT:
                self._is_dot_touched = True
            try:
                taken = self.wire.write(self._out)
            except OSError:
                return False
            self._before_dot -= taken
            self._is_dot_touched = self._is_dot_touched or self._before_dot < 0
            self._drop_written(taken)
        return True

    def _drop_written(self, taken: int) -> None:
        while self._out and taken >= len(self._out[0]):
            taken -= len(self._out.pop(0))
        if taken:
            self._out[0] = memoryview(self._out[0])[taken:]

    # Reading

    def read(self, people: Slice) -> None:
        """Take in what has arrived and act on each reply."""
        try:
            arrived = self.wire.read()
            if arrived is None:
                return
            if not arrived:
                raise EOFError
            for reply in self._reader.feed(arrived):
                if self.is_over:
                    return
                self._hear(reply, people)
        except (OSError, EOFError, Confused):
            self._lose(people)

    def _read_the_rest(self, people: Slice) -> None:
        """After a failed write: what the server said before it closed still counts."""
        while not self.is_over:
            expected = len(self._expected)
            self.read(people)
            if len(self._expected) == expected and not self.is_over:
                self._lose(people)

    def _hear(self, reply: Reply, people: Slice) -> None:
        step = self._expected.popleft() if self._expected else Step.GREETING
        if reply.code == 421:
            self._turned_away(step, reply, people)
        elif step is Step.DOT:
            self._hear_fate(reply, people)
        elif step is Step.DATA:
            self._hear_go_ahead(reply, people)
        elif step is Step.NOBODY:
            pass
        elif 400 <= reply.code < 600 and step in {Step.MAIL, Step.RCPT}:
            self._refuse(step, reply, people)
        elif not 200 <= reply.code < 300 or step is Step.GREETING:
            raise Confused("a reply out of place")
        if not self._expected and self._current is None and self.opening is None:
            self.deadline, self.idle_since = math.inf, time.monotonic()

    def _hear_go_ahead(self, reply: Reply, people: Slice) -> None:
        """The reply to DATA: 354 asks for the content, anything else refuses the message."""
        if reply.code == 354 and self._refusal is None:
            self._give_content()
            return
        if reply.code == 354:
            self._out.append(DOT)
            self._expected.append(Step.NOBODY)
        elif not 400 <= reply.code < 600:
            raise Confused("a reply out of place")
        else:
            self._refuse(Step.DATA, reply, people)
        self._end_opening(people)

    def _give_content(self) -> None:
        reached(Failpoint.CONTENT_WANTED)
        message, self.opening = self.opening, None
        if message is None:
            raise Confused("content was asked for and there is none")
        content = message.content if message.is_dot_free else dot_stuffed(message.content)
        self.was_asked_for_content = True
        self._current = message
        self._out += [content, DOT]
        self._before_dot = len(content)
        self._is_dot_touched = False
        self._expected.append(Step.DOT)
        self._wait_from_now()

    def _hear_fate(self, reply: Reply, people: Slice) -> None:
        reached(Failpoint.FATE_ARRIVED)
        message, self._current = self._current, None
        if message is not None and 200 <= reply.code < 300 and self._is_dot_touched:
            self.served += 1
            people.served = True
            people.settle(message, Accepted(scrubbed(reply, message.recipient)))
        elif message is not None and 400 <= reply.code < 600:
            people.refuse(message, people.verdict(Step.DOT, reply, message))
        else:
            self._current = message
            raise Confused("a reply out of place")
        self._wait_from_now()
        if self._is_leaving or self._is_content_unwritten:
            self._lose(people)

    def _refuse(self, step: Step, reply: Reply, people: Slice) -> None:
        if self.opening is not None and self._refusal is None:
            self._refusal = people.verdict(step, reply, self.opening)
        if self._script:
            self._script.clear()
            self._end_opening(people)

    def _end_opening(self, people: Slice) -> None:
        if self.opening is not None and self._refusal is not None:
            people.refuse(self.opening, self._refusal)
        self.opening = None
        self._needs_reset = True

    # Endings

    def _turned_away(self, step: Step, reply: Reply, people: Slice) -> None:
        """421: the server closes. After messages it is a habit of servers, before, about us."""
        text = scrubbed(reply)
        if step is Step.DOT and self._current is not None:
            people.settle(self._current, Later(421, text))
            self._current = None
        if not self.served and step is not Step.GREETING:
            people.stop(AboutUs(421, text))
        self._lose(people, later=text)

    def withdraw(self, people: Slice, *, unwritten_only: bool) -> None:
        """Give up an envelope whose content was not asked for; its content is never written.

        The connection then only listens for the reply that it still owes, and ends.
        """
        if self.opening is None or (unwritten_only and not self._out):
            return
        people.refuse(self.opening, self._refusal or Later(0, ASKED_TOO_LATE))
        self.opening = None
        self._script.clear()
        self._out.clear()
        self._is_leaving = True
        if self._current is None:
            self.cut()

    def give_up(self, people: Slice) -> None:
        """End at the deadline: what may have been taken is unknown, the rest is later."""
        self._lose(people, later=SILENT, unknown=SILENT_IN_DOUBT)

    def _lose(
        self, people: Slice, *, later: str = LOST_BEFORE_DOT, unknown: str = LOST_IN_DOUBT
    ) -> None:
        if self._current is not None:
            doubt = Unknown(unknown) if self._is_dot_touched else Later(0, later)
            people.settle(self._current, doubt)
            self._current = None
        if self.opening is not None and self._refusal is not None:
            people.refuse(self.opening, self._refusal)
        elif self.opening is not None:
            people.try_again(self.opening, later)
        self.opening = None
        self.cut()

    def cut(self) -> None:
        """Close at once, whatever is under way."""
        self.is_over = True
        self.wire.cut()

    def freshen(self, people: Slice, *, idle_limit: float) -> None:
        """Before the next slice: end a connection that has died meanwhile or idled too long."""
        if self.is_quiet and time.monotonic() - self.idle_since > idle_limit:
            self.cut()
        else:
            self.read(people)

    def leave(self, *, patience: float) -> None:
        """Say QUIT, wait for its reply, close. Nothing is owed when this is called."""
        try:
            if self.is_quiet:
                self.wire.socket.settimeout(patience)
                self.wire.socket.sendall(b"QUIT\r\n")
                self.wire.socket.recv(512)
                self.wire.linger()
        except OSError:
            pass
        self.cut()

    def _wait_from_now(self) -> None:
        self.deadline = time.monotonic() + self._reply_timeout


def dot_stuffed(content: bytes) -> bytes:
    """Return the content as it goes over the wire: CRLF at its end, no line's dot lost."""
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    if content.startswith(b"."):
        content = b"." + content
    return content.replace(b"\n.", b"\n..") if _LEADING_DOT.search(content) else content
