"""The life of a batch as a table of transitions. Pure; the SQL compares and sets by it."""

from enum import StrEnum


class BatchState(StrEnum):
    """Where a batch stands; nothing but the sender's evidence, or its death, leads out of `handing`."""

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
    # handing → unknown: the reaper has seen it in hand for too long
    BatchState.HANDING: frozenset({BatchState.SETTLED, BatchState.UNKNOWN}),
    # unknown → settled: evidence came, or the sender's own late settlement
    BatchState.UNKNOWN: frozenset({BatchState.SETTLED}),
    BatchState.SETTLED: frozenset(),
    BatchState.CANCELLED: frozenset(),
}


AFTER_A_RESTORE: dict[BatchState, frozenset[BatchState]] = {
    BatchState.PREPARED: frozenset({BatchState.UNKNOWN}),
    BatchState.CLAIMED: frozenset({BatchState.UNKNOWN}),
}
"""Where a batch may go besides, by the replay of a journal alone: the database was restored from a
backup, and the journal knows that the batch, or a later one of its root, had been in hand."""


def may_follow(before: BatchState, after: BatchState) -> bool:
    """Say whether a batch may go from one state to another while no database is restored."""
    return after in NEXT[before]
