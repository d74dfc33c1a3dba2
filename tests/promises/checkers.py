"""The checkers: they read the witness's log, the clients' log and at the end the books."""

from collections import Counter
from dataclasses import dataclass

from tests.promises.crowd import Acknowledged
from tests.promises.witness import Handed


@dataclass(frozen=True)
class Findings:
    """What the logs say about the promise."""

    broken: list[str]
    """People whose hand-over began after their acknowledgement, which had not named it."""
    named: int
    twice: list[str]
    begun_after_the_no: int
    """People whose message began after they had said no, and was named by the answer."""
    acknowledged: int
    longest_wait: float


def promotional(handed: list[Handed]) -> list[Handed]:
    """The messages that carry a List-Id: promotional mail."""
    return [each for each in handed if "list-id" in each.headers or not each.headers]


def examine(handed: list[Handed], log: list[Acknowledged]) -> Findings:
    """Hold the witness's clock against the clients' clocks; both are this machine's monotonic one."""
    begun: dict[str, list[float]] = {}
    for each in handed:
        begun.setdefault(each.recipient, []).append(each.begun)
    broken = [
        no.email
        for no in log
        if not no.named and any(at > no.answered for at in begun.get(no.email, ()))
    ]
    crossed = [
        no
        for no in log
        if no.named and any(no.asked < at <= no.answered for at in begun.get(no.email, ()))
    ]
    accepted = Counter(each.recipient for each in handed if each.accepted)
    return Findings(
        broken=broken,
        named=sum(no.named for no in log),
        twice=[recipient for recipient, count in accepted.items() if count > 1],
        begun_after_the_no=len(crossed),
        acknowledged=len(log),
        longest_wait=max((no.answered - no.asked for no in log), default=0.0),
    )
