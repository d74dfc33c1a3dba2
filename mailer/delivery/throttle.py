"""What is done when a provider or a mailbox asks us to go slower: half the rate, then step by step. Pure."""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailer.providers import Answer, HandOver, Later, NotBegun, Outgoing

EVERYWHERE = "*"
"""Stands for all promotional mail where an answer was not about one mailbox provider."""
SLOWEST = 1 / 60
"""Messages a second below which nothing is slowed down."""
STEP = timedelta(minutes=2)
STEPS = 10
"""Each step without another such answer gives back a tenth: half the rate in ten minutes."""
SAME_ANSWER = timedelta(seconds=10)
"""Within so long several answers are one: workers meet the same trouble at once."""

_ASKS = frozenset({421, 429})
_LATER = frozenset({450, 451, 452})
_ENHANCED = re.compile(r"\b4\.(\d{1,3})\.(\d{1,3})\b")
_BUSY = frozenset({(3, 1), (3, 2), (4, 5), (5, 3)})
"""RFC 3463: the system is full or takes nothing, congestion, too many recipients."""
_WORDS = re.compile(
    r"too (many|fast|much)|rate.?limit|throttl|slow down|unusual rate|busy|deferr", re.IGNORECASE
)
_GREYLISTED = re.compile(r"gr[ea]y.?list", re.IGNORECASE)


def asks_for_less(code: int, text: str) -> bool:
    """Say whether a reply means that we are too fast, and not that one person must wait.

    A full mailbox, a greylist and a mailbox that gets too much itself are about the person.
    """
    if code in _ASKS:
        return True
    if code not in _LATER or _GREYLISTED.search(text):
        return False
    found = _ENHANCED.search(text)
    if found is None:
        return _WORDS.search(text) is not None
    subject, detail = int(found.group(1)), int(found.group(2))
    return subject == 7 or (subject, detail) in _BUSY


@dataclass(frozen=True, slots=True)
class Throttle:
    """Messages a second for a domain, or for all promotional mail, since a moment."""

    scope: str
    rate: float
    top: float
    """What began in a second when it was asked for less first; reached again, nothing is slowed."""
    slowed_at: datetime

    def rate_at(self, now: datetime) -> float | None:
        """Return the rate that holds at a moment; None once it has recovered."""
        steps = max((now - self.slowed_at) // STEP, 0)
        rate = self.rate + steps * self.top / STEPS
        return rate if rate < self.top else None


def slowed(before: Throttle | None, scope: str, begun: int, *, now: datetime) -> Throttle:
    """Return the throttle after it was asked for less while so many began in a second."""
    rate = before.rate_at(now) if before is not None else None
    if before is None or rate is None:
        top = max(float(begun), 2 * SLOWEST)
        return Throttle(scope, top / 2, top, now)
    if now - before.slowed_at < SAME_ANSWER:
        return before
    return replace(before, rate=max(rate / 2, SLOWEST), slowed_at=now)


def who_asks(
    messages: Collection[Outgoing], answer: HandOver, *, known: Collection[str]
) -> dict[str, int]:
    """Return where to go slower after a slice, with how many of its messages began there.

    A known domain asks for itself; of any other the people who were told to wait do so, no more:
    its name may be somebody's own, and is not kept. An answer about us, or the same one from three
    domains and for half of the slice, comes from who takes our mail for everybody.
    """
    asking = {who for who, each in answer.answers.items() if _asks(each)}
    about_us = answer.about_us
    if about_us is None and not asking:
        return {}
    begun = [each for each in messages if _is_begun(answer.answers.get(each.person_id))]
    if about_us is not None:
        everywhere = asks_for_less(about_us.code, about_us.text)
        # Where nothing could begin, a slice is what would have, in a second: no reason to crawl.
        return {EVERYWHERE: max(len(begun or messages), 1)} if everywhere else {}
    domains = Counter(map(domain_of, begun))
    there = {domain_of(each) for each in begun if each.person_id in asking}
    if len(there) >= 3 and len(asking) * 2 >= len(begun):
        return {EVERYWHERE: len(begun)}
    return {domain: domains[domain] for domain in there if domain in known}


def domain_of(message: Outgoing) -> str:
    """Return the domain that a message goes to."""
    return message.recipient.rpartition("@")[2].casefold()


def _is_begun(answer: Answer | None) -> bool:
    return answer is not None and not isinstance(answer, NotBegun)


def _asks(answer: Answer) -> bool:
    return isinstance(answer, Later) and asks_for_less(answer.code, answer.text)
