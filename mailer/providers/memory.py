"""The fake that ships: keeps the contract of a provider, and sends nothing."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from mailer.providers.answers import (
    AboutUs,
    Accepted,
    Answer,
    HandOver,
    Later,
    NotBegun,
    Outgoing,
    Unknown,
    refuse_doubles,
)
from mailer.vocabulary import PersonId

Scripted = Answer | AboutUs


class MemoryProvider:
    """Accepts every message, keeps it in `accepted`, and answers otherwise where told to.

    For development and tests: it grows with every message, unless `keep` takes them instead of
    `accepted`. `before_each` runs before each message is begun, so that a test can let something
    happen between two people.
    """

    name = "memory"

    def __init__(
        self,
        *,
        before_each: Callable[[Outgoing], object] | None = None,
        keep: Callable[[Outgoing], None] | None = None,
    ) -> None:
        self.accepted: list[Outgoing] = []
        self._keep = keep or self.accepted.append
        self._taken = 0
        self.doubtful: list[Outgoing] = []
        """Messages whose answer was Unknown: in a real mailbox, or not."""
        self._before_each = before_each
        self._scripts: dict[str, deque[Scripted]] = {}
        self._trouble: AboutUs | None = None
        self._lock = threading.Lock()

    def answer_for(self, recipient: str, *answers: Scripted) -> None:
        """Give these answers, in turn, for the next messages to `recipient`."""
        self._scripts.setdefault(recipient, deque()).extend(answers)

    def forget_script(self, recipient: str) -> None:
        """Accept what comes for `recipient` again."""
        self._scripts.pop(recipient, None)

    def before_each(self, act: Callable[[Outgoing], object] | None) -> None:
        """From now on run this before each message is begun; None: nothing."""
        self._before_each = act

    def refuse_us(self, trouble: AboutUs | None) -> None:
        """From now on begin nothing and answer this; None: serve again."""
        self._trouble = trouble

    def make_ready(self, messages: int) -> AboutUs | None:  # noqa: ARG002 - the contract's name
        """Answer what `refuse_us` was told."""
        return self._trouble

    def hand_over(
        self,
        messages: Sequence[Outgoing],
        *,
        begin_before: float,
        all_begun: Callable[[], None],
    ) -> HandOver:
        """Offer each message once and answer for each person; see `Provider.hand_over`."""
        refuse_doubles(messages)
        answers: dict[PersonId, Answer] = {}
        about_us = self._trouble
        for message in messages:
            if about_us is not None or time.monotonic() >= begin_before:
                answers[message.person_id] = NotBegun()
                continue
            answer = self._take(message)
            if isinstance(answer, AboutUs):
                about_us, answer = answer, Later(answer.code, answer.text)
            answers[message.person_id] = answer
        all_begun()
        return HandOver(answers, about_us)

    def close(self) -> None:
        """Nothing is open."""

    def _take(self, message: Outgoing) -> Scripted:
        if self._before_each is not None:
            self._before_each(message)
        with self._lock:
            script = self._scripts.get(message.recipient)
            answer = script.popleft() if script else Accepted(f"memory-{self._taken + 1}")
            if isinstance(answer, Accepted):
                self._taken += 1
                self._keep(message)
            elif isinstance(answer, Unknown):
                self.doubtful.append(message)
            return answer
