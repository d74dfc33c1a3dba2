"""When somebody who was not handed over is tried again, by delivery class. Pure."""

from datetime import datetime, timedelta

from mailer.vocabulary import Stream

UNKNOWN_ATTEMPTS = 3
"""How often an order update is handed over in all when the provider never says what became of it.

Where it was put off, the provider has said so: such tries do not count."""

_WAITS = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
)


def next_try(attempt: int, *, use_by: datetime | None, now: datetime) -> datetime | None:
    """Return when a person answered 'later' on their `attempt`-th try is due again, or None.

    Tries in doubt do not count among them.

    Eight tries over about sixteen hours; none after `use_by`.
    """
    if attempt > len(_WAITS):
        return None
    due = now + _WAITS[attempt - 1]
    return None if use_by is not None and due > use_by else due


def may_try_unknown_again(stream: Stream, doubts: int) -> bool:
    """Say whether mail of unknown fate may go once more; `doubts` of its tries ended so before.

    Promotional mail never: at most once is its class. Order updates, with the same Message-ID,
    up to three tries in doubt in all, however often they were put off: at least once is theirs.
    """
    return stream is Stream.ORDER_UPDATE and doubts + 1 < UNKNOWN_ATTEMPTS
