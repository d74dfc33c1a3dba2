"""Failpoints: the named steps at which a test may end, stop or delay this process.

Nothing happens at them unless somebody acts on them: the service when `MAILER_FAILPOINTS` names a
folder (never in production), a simulation in its own process. Each point stands in one place of the
product, after a step or in the middle of one, where a crash would hurt most.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum


class Failpoint(StrEnum):
    """Every step that can be aimed at; the comment says what is true there."""

    # The sender (design section 3)
    CLAIMED = "sender.claimed"  # S1 is committed, nothing is printed
    PRINTED = "sender.printed"  # every message is there
    READY = "sender.ready"  # connections are open
    TURN_TAKEN = "sender.turn_taken"  # the pace has counted them
    WINDOW_OPEN = "sender.window_open"  # S2 is not asked for yet
    IN_HAND = "sender.in_hand"  # S2 is committed, the journal does not know
    IN_HAND_JOURNALED = "sender.in_hand_journaled"  # the gate has not been asked
    GATE_DECIDED = "gate.decided"  # its refusals are not committed
    GATE_REFUSED = "gate.refused"  # they are
    GATE_ARMED = "gate.armed"  # nobody is begun
    CONTENT_WANTED = "provider.content_wanted"  # somebody is begun, no content is given
    FATE_ARRIVED = "provider.fate_arrived"  # a message was taken or not, and nobody has looked
    HANDED_OVER = "sender.handed_over"  # every reply is there, S5 is not begun
    SETTLING = "sender.settling"  # S5 is written and not committed
    SETTLED = "sender.settled"  # S5 is committed
    CHILD_MADE = "sender.child_made"  # who waits is off the parent, not committed
    GIVEN_UP = "reaper.given_up"  # unknown is written and not committed

    # The opt-out
    WISH_WRITING = "optout.writing"  # O1 is written and not committed
    WISH_WRITTEN = "optout.written"  # O1 is committed, the journal does not know
    WISH_JOURNALED = "optout.journaled"  # nobody has looked for batches in hand
    WISH_LOOKED = "optout.looked"  # O2 is done
    WISH_WAITED = "optout.waited"  # O3 is done, nothing is acknowledged
    ADDRESS_SILENCED = "optout.address_silenced"  # an address's no is committed
    MERGED = "optout.merged"  # two customers are one, the journal does not know
    MOVED = "optout.moved"  # an address has changed, the journal does not know
    NEWS_WRITTEN = "optout.news_written"  # what a mailbox said is committed

    # The journal
    LINE_BEGUN = "journal.line_begun"  # no byte of the line is written
    LINE_WRITTEN = "journal.line_written"  # all of it, and not on the disk
    LINE_SAFE = "journal.line_safe"  # on the disk, and nobody told

    # Import
    SET_READ = "import.set_read"  # rows are checked, nothing is written
    SET_WRITTEN = "import.set_written"  # a set is written and not committed
    SET_COMMITTED = "import.set_committed"  # the next one is not begun
    IMPORT_ENDED = "import.ended"  # the last set is committed, the report is not

    # Orders
    EVENT_WRITTEN = "orders.event_written"  # an event and its mail are written, not committed

    # The life of a campaign
    APPROVED = "campaign.approved"  # written, not committed
    STARTING = "campaign.starting"  # the mailing is made, its audience is not cut
    CUT = "campaign.cut"  # the audience is cut, not committed
    STARTED = "campaign.started"  # by the timetable, committed, nobody is rung for
    STEERED = "campaign.steered"  # paused, resumed or cancelled: written, not committed


Act = Callable[[Failpoint], None]
"""What is done at a point: nothing, wait, raise, or end the process."""

_act: Act | None = None


def reached(point: Failpoint) -> None:
    """Say that the process stands at a point; whoever acts on points may not let it go on."""
    if _act is not None:
        _act(point)


def act_on_points(act: Act | None) -> None:
    """Have `act` called at every point of this process from now on; None: nobody."""
    global _act  # noqa: PLW0603 - one hook a process: a step must not need an argument for a test
    _act = act


@contextmanager
def acting(act: Act) -> Iterator[None]:
    """Act on points for as long as a block runs."""
    act_on_points(act)
    try:
        yield
    finally:
        act_on_points(None)
