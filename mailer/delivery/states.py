"""The life of a batch as a table of transitions. Pure; the SQL compares and sets by it."""

from enum import StrEnum


class BatchState(StrEnum):
    """Where a batch stands; nothing but the sender's evidence leads out of `handing`."""

    PREPARED = "prepared"
    CLAIMED = "claimed"
    HANDING = "handing"
    SETTLED = "settled"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Say whether the batch never leaves this state, short of late evidence for `unknown`."""
        return self in (BatchState.SETTLED, BatchState.CANCELLED, BatchState.UNKNOWN)


class MailingState(StrEnum):
    """Whether batches of a mailing may be claimed; asked again at the gate."""

    SENDING = "sending"
    PAUSED = "paused"
    CANCELLED = "cancelled"


NEXT: dict[BatchState, frozenset[BatchState]] = {
    BatchState.PREPARED: frozenset({BatchState.CLAIMED, BatchState.CANCELLED}),
    # claimed → settled: everybody was refused, nothing is handed over;
    # claimed → claimed: the lease is over and another worker takes it under a new token;
    # claimed → prepared: its worker gives it back before anything was handed over
    BatchState.CLAIMED: frozenset(
        {
            BatchState.CLAIMED,
            BatchState.PREPARED,
            BatchState.HANDING,
            BatchState.SETTLED,
            BatchState.CANCELLED,
        }
    ),
    BatchState.HANDING: frozenset({BatchState.SETTLED, BatchState.UNKNOWN}),
    # unknown → settled: evidence came, or the sender's own late settlement
    BatchState.UNKNOWN: frozenset({BatchState.SETTLED}),
    BatchState.SETTLED: frozenset(),
    BatchState.CANCELLED: frozenset(),
}


def may_follow(before: BatchState, after: BatchState) -> bool:
    """Say whether a batch may go from one state to another."""
    return after in NEXT[before]
