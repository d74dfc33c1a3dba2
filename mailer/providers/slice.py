"""The people of one hand-over: who waits, who was answered, and when nobody else is begun."""

import time
from collections import deque
from collections.abc import Callable, Sequence

from mailer.providers.answers import AboutUs, Answer, Later, NotBegun, Outgoing, Rejected
from mailer.providers.replies import Reply, Step, classify, sounds_meant_for_us
from mailer.vocabulary import PersonId

MOST_TRIES = 5
"""How often an envelope is offered again in one hand-over when its connection ends too early."""


class Slice:
    """The books of one hand-over. Pure but for the monotonic clock that `take` asks."""

    def __init__(
        self,
        messages: Sequence[Outgoing],
        *,
        begin_before: float,
        all_begun: Callable[[], None],
    ) -> None:
        self.begin_before = begin_before
        self.answers: dict[PersonId, Answer] = {}
        self.about_us: AboutUs | None = None
        self.served = False
        """Whether the server has taken a message of this slice."""
        self._waiting = deque(messages)
        self._all_begun = all_begun
        self._is_begun = False
        self._unanswered = len(messages)
        self._suspected = False
        self._tries: dict[PersonId, int] = {}

    @property
    def is_answered(self) -> bool:
        """Whether everybody has their answer."""
        return self._unanswered == 0

    @property
    def wants_to_begin(self) -> bool:
        """Whether anybody waits to be begun, and still may be."""
        return bool(self._waiting) and time.monotonic() < self.begin_before

    @property
    def is_late(self) -> bool:
        """Whether somebody waits who may not be begun any more."""
        return bool(self._waiting) and time.monotonic() >= self.begin_before

    def take(self) -> Outgoing | None:
        """Return the next message to begin now, or None: nobody waits, or it is too late."""
        if not self._waiting or time.monotonic() >= self.begin_before:
            return None
        return self._waiting.popleft()

    def put_back(self, message: Outgoing) -> None:
        """Let a message wait again of which nothing was written."""
        self._waiting.appendleft(message)

    def try_again(self, message: Outgoing, why: str) -> None:
        """Let a message wait again whose connection ended before its content was asked for."""
        tries = self._tries[message.person_id] = self._tries.get(message.person_id, 0) + 1
        if self._is_begun or self.about_us is not None or tries >= MOST_TRIES:
            self.settle(message, Later(0, why))
        else:
            self._waiting.appendleft(message)

    def set_aside(self, message: Outgoing, answer: Answer) -> None:
        """Answer for a message that waits, so that it is never begun."""
        self._waiting.remove(message)
        self.settle(message, answer)

    def settle(self, message: Outgoing, answer: Answer) -> None:
        """Enter a person's answer; the first one stands."""
        if message.person_id not in self.answers:
            self.answers[message.person_id] = answer
            self._unanswered -= 1

    def refuse(self, message: Outgoing, verdict: Rejected | Later | AboutUs) -> None:
        """Enter what a refusal means; one that is about us stops the beginning of others."""
        if isinstance(verdict, AboutUs):
            self.stop(verdict)
            verdict = Later(verdict.code, verdict.text)
        self.settle(message, verdict)

    def verdict(self, step: Step, reply: Reply, message: Outgoing) -> Rejected | Later | AboutUs:
        """Say what a refusal means, in the light of what this slice has met so far."""
        verdict = classify(
            step,
            reply,
            recipient=message.recipient,
            served=self.served,
            suspected=self._suspected,
        )
        self._suspected = self._suspected or sounds_meant_for_us(step, reply)
        return verdict

    def stop(self, about_us: AboutUs) -> None:
        """Begin nobody else; the first reason stands."""
        self.about_us = self.about_us or about_us
        self._end_waiting()

    def tell_when_begun(self, *, is_any_opening: bool) -> None:
        """Call `all_begun`, once, when nobody else will be begun and no envelope is open."""
        if self._is_begun or is_any_opening or self.wants_to_begin:
            return
        self._is_begun = True
        self._end_waiting()
        self._all_begun()

    def _end_waiting(self) -> None:
        while self._waiting:
            message = self._waiting.popleft()
            was_offered = message.person_id in self._tries
            late = Later(0, "the connection ended before the content was asked for")
            self.settle(message, late if was_offered else NotBegun())
