"""Mail leaves by SMTP: a few kept connections, one loop, nothing sent that is not accounted for.

Why a client of our own, what each reply means, and when a fate is called unknown:
docs/decisions/smtp-client.md.
"""

import math
import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from selectors import DefaultSelector

from mailer.providers.answers import AboutUs, HandOver, Outgoing, Rejected, refuse_doubles
from mailer.providers.conversation import Conversation
from mailer.providers.dialling import Dialling, Manners
from mailer.providers.handshake import Unwelcome
from mailer.providers.server import Address, Security, addresses_of, read_smtp_url, tls_settings
from mailer.providers.slice import Slice

MESSAGES_A_CONNECTION = 4
"""A further connection is worth its greeting from so many messages on."""
NAMES_LAST = 300.0
"""Seconds for which resolved addresses are used before `make_ready` asks again."""
LOSSES_ALLOWED = 3
"""One strange message may cost a fresh connection; when so many are lost, it is not the message."""
QUIT_PATIENCE = 1.0
UNREACHABLE = "the server cannot be reached"

_WRITABLE_ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")


class SmtpProvider:
    """Hands messages over to one SMTP server; see `Provider` for what it promises.

    Connections belong to the process that opened them: after a fork the child opens its own.
    """

    name = "smtp"

    def __init__(
        self, url: str, *, manners: Manners | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._server = read_smtp_url(url)
        self._manners = manners or Manners()
        if tls is None and self._server.security is not Security.NONE:
            tls = tls_settings()
        self._tls = tls
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._open: list[Conversation] = []
        self._dialling: list[Dialling] = []
        self._addresses: list[Address] = []
        self._resolved_at = -math.inf
        self._untried: list[Address] = []
        self._trouble: AboutUs | None = None
        self._losses = 0

    def make_ready(self, messages: int) -> AboutUs | None:
        """Resolve, connect, greet and log in, for so many messages; answer what stands in the way."""
        people = Slice([], begin_before=-math.inf, all_begun=_nothing)
        with self._lock:
            self._begin(people, resolve_again=True)
            while len(self._open) + len(self._dialling) < self._wanted(messages) and self._dial():
                pass
            with _Watch() as watch:
                while self._dialling:
                    self._pass(people, watch)
            return None if self._open else self._trouble

    def hand_over(
        self,
        messages: Sequence[Outgoing],
        *,
        begin_before: float,
        all_begun: Callable[[], None],
    ) -> HandOver:
        """Offer each message once and answer for each person; see `Provider.hand_over`."""
        refuse_doubles(messages)
        people = Slice(messages, begin_before=begin_before, all_begun=all_begun)
        with self._lock:
            self._refuse_unwritable(messages, people)
            self._begin(people, resolve_again=False)
            try:
                self._run(people, self._wanted(len(messages)))
            finally:
                self._end(is_clean=people.is_answered)
        return HandOver(people.answers, people.about_us)

    def close(self) -> None:
        """Leave every connection politely; the next use opens new ones."""
        with self._lock:
            self._forget_another_process()
            for conversation in self._open:
                conversation.leave(patience=QUIT_PATIENCE)
            self._open.clear()

    def _run(self, people: Slice, wanted: int) -> None:
        with _Watch() as watch:
            stirred = self._open
            while True:
                for conversation in stirred:
                    conversation.push(people)
                self._drop_ended()
                self._keep_enough(people, wanted)
                self._note_no_connection(people)
                people.tell_when_begun(is_any_opening=any(c.opening for c in self._open))
                if people.is_answered:
                    return
                stirred = self._pass(people, watch)

    def _pass(self, people: Slice, watch: "_Watch") -> list[Conversation]:
        """Wait until something can happen, and let it; return who may have something to write.

        Those are who heard or wrote something, and who is at rest, for whom a message may have come
        back; whoever waits for a reply has nothing to say before it comes.
        """
        deadline = self._next_deadline(people)
        heard = []
        for ready in watch.wait(self._wires, max(0.0, deadline - time.monotonic())):
            if isinstance(ready, Conversation):
                ready.read(people)
                heard.append(ready)
            else:
                self._proceed(ready)
        if time.monotonic() >= deadline:
            self._expire(people)
        self._drop_ended()
        at_rest = [each for each in self._open if each.is_quiet and each not in heard]
        return heard + at_rest

    def _next_deadline(self, people: Slice) -> float:
        """When (monotonic) anything is due: infinite where nobody is waited for."""
        deadlines = [wire.deadline for wire in self._wires]
        if people.wants_to_begin:
            deadlines.append(people.begin_before)
        if any(conversation.opening for conversation in self._open):
            deadlines.append(people.begin_before + self._manners.start_grace)
        return min(deadlines, default=0.0)

    def _expire(self, people: Slice) -> None:
        now = time.monotonic()
        for conversation in self._open:
            if now >= people.begin_before:
                is_in_grace = now < people.begin_before + self._manners.start_grace
                conversation.withdraw(people, unwritten_only=is_in_grace)
            if now >= conversation.deadline:
                conversation.give_up(people)
        for dialling in [each for each in self._dialling if now >= each.deadline]:
            self._try_next_address(dialling, "the server did not answer in time")

    def _drop_ended(self) -> None:
        """Count connections that ended before they carried anything; too many are about us."""
        for ended in [each for each in self._open if each.is_over]:
            self._open.remove(ended)
            if not ended.served:
                self._losses += 1 if ended.was_asked_for_content else LOSSES_ALLOWED
        if self._losses >= LOSSES_ALLOWED:
            self._trouble = self._trouble or AboutUs(0, "the server ends our connections")

    # Connections

    @property
    def _wires(self) -> "list[Conversation | Dialling]":
        return [*self._open, *self._dialling]

    def _wanted(self, messages: int) -> int:
        return min(self._manners.connections, -(-messages // MESSAGES_A_CONNECTION))

    def _keep_enough(self, people: Slice, wanted: int) -> None:
        """Open what is missing; when nothing can be opened and somebody waits, stop."""
        while (
            people.wants_to_begin
            and self._trouble is None
            and len(self._open) + len(self._dialling) < wanted
            and self._dial()
        ):
            pass
        if people.wants_to_begin and not self._open and not self._dialling:
            people.stop(self._trouble or AboutUs(0, "no connection to the server"))

    def _note_no_connection(self, people: Slice) -> None:
        """When it is too late and nothing was open, the clock is not the reason."""
        if people.is_late and not self._open and (self._trouble or self._dialling):
            people.stop(self._trouble or AboutUs(0, "no connection to the server in time"))

    def _dial(self) -> bool:
        """Begin to connect; say whether that could be begun."""
        while self._untried:
            try:
                self._dialling.append(
                    Dialling(self._server, self._untried[0], self._manners, self._tls)
                )
            except OSError:
                self._untried.pop(0)
            else:
                return True
        self._trouble = self._trouble or AboutUs(0, UNREACHABLE)
        return False

    def _proceed(self, dialling: Dialling) -> None:
        try:
            conversation = dialling.proceed()
        except Unwelcome as unwelcome:
            self._fail(dialling, unwelcome.about_us)
        except OSError:
            self._try_next_address(dialling, UNREACHABLE)
        else:
            if conversation is not None:
                self._dialling.remove(dialling)
                self._open.append(conversation)

    def _try_next_address(self, dialling: Dialling, why: str) -> None:
        """Try the server's next address, now and first of all from now on."""
        if dialling.address in self._untried:
            self._untried.remove(dialling.address)
            self._addresses.remove(dialling.address)
            self._addresses.append(dialling.address)
        if self._untried:
            self._drop(dialling)
            self._dial()
        else:
            self._fail(dialling, AboutUs(0, why))

    def _fail(self, dialling: Dialling, about_us: AboutUs) -> None:
        """Note why; while other connections carry, one that is not welcome changes nothing."""
        self._drop(dialling)
        self._trouble = self._trouble or about_us

    def _drop(self, dialling: Dialling) -> None:
        dialling.cut()
        self._dialling.remove(dialling)

    # Before and after

    def _begin(self, people: Slice, *, resolve_again: bool) -> None:
        self._forget_another_process()
        self._trouble = None
        self._losses = 0
        now = time.monotonic()
        if not self._addresses or (resolve_again and now > self._resolved_at + NAMES_LAST):
            self._resolve(now)
        self._untried = list(self._addresses)
        for conversation in self._open:
            conversation.freshen(people, idle_limit=self._manners.idle_limit)
        self._open = [each for each in self._open if not each.is_over]

    def _resolve(self, now: float) -> None:
        try:
            self._addresses = addresses_of(self._server)
            self._resolved_at = now
        except OSError:
            if not self._addresses:
                self._trouble = AboutUs(0, "the server's name does not resolve")

    def _end(self, *, is_clean: bool) -> None:
        """Keep what carries mail; after an error nobody knows where a conversation stands."""
        for dialling in list(self._dialling):
            self._drop(dialling)
        if not is_clean:
            self._cut_all()

    def _cut_all(self) -> None:
        for wire in self._wires:
            wire.cut()
        self._open, self._dialling = [], []

    def _forget_another_process(self) -> None:
        """After a fork: close our copies of the parent's sockets, which does not end them."""
        if self._process == os.getpid():
            return
        self._cut_all()
        self._process = os.getpid()

    def _refuse_unwritable(self, messages: Sequence[Outgoing], people: Slice) -> None:
        """Keep what could break out of an envelope away from the wire."""
        for message in messages:
            if not _WRITABLE_ADDRESS.fullmatch(message.recipient):
                people.set_aside(message, Rejected(501, "no address", about_person=True))
            elif not _WRITABLE_ADDRESS.fullmatch(message.sender):
                people.stop(AboutUs(501, "our own sender address cannot be written"))


class _Watch:
    """A selector for one hand-over, told only what changed since the last wait."""

    def __init__(self) -> None:
        self._selector = DefaultSelector()
        self._watched: dict[int, tuple[Conversation | Dialling, int]] = {}

    def __enter__(self) -> "_Watch":
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()

    def wait(
        self, wires: Sequence[Conversation | Dialling], patience: float
    ) -> list[Conversation | Dialling]:
        """Return those whose socket is ready for what they wait for."""
        self._follow({wire.fileno(): (wire, wire.waits_for) for wire in wires})
        timeout = None if patience == math.inf else patience
        return [key.data for key, _ in self._selector.select(timeout)]

    def _follow(self, wanted: dict[int, tuple[Conversation | Dialling, int]]) -> None:
        if wanted == self._watched:
            return
        for descriptor in self._watched.keys() - wanted.keys():
            self._selector.unregister(descriptor)
        for descriptor, (wire, events) in wanted.items():
            if descriptor not in self._watched:
                self._selector.register(descriptor, events, wire)
            elif self._watched[descriptor][0] is not wire:
                self._selector.unregister(descriptor)
                self._selector.register(descriptor, events, wire)
            elif self._watched[descriptor][1] != events:
                self._selector.modify(descriptor, events, wire)
        self._watched = wanted


def _nothing() -> None:
    """What a slice without people tells when it is begun."""
