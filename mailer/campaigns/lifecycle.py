"""What may be done to a campaign in which state: one table, no database, no clock.

draft → scheduled → sending ⇄ paused → finished, and cancelled from anywhere before the end.
"""

from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Nothing leads out of this state any more."""
        return self in {State.FINISHED, State.CANCELLED}


class Act(StrEnum):
    """What a person, the clock (start) or the books (finish) may do to a campaign."""

    EDIT = "edit"
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    FINISH = "finish"
    APPROVE = "approve"
    TEST = "test"
    CLONE = "clone"
    PACE = "pace"
    BRAKE = "brake"
    DELETE = "delete"


NEXT = MappingProxyType(
    {
        (State.DRAFT, Act.EDIT): State.DRAFT,
        (State.DRAFT, Act.SCHEDULE): State.SCHEDULED,
        (State.DRAFT, Act.START): State.SENDING,
        (State.DRAFT, Act.CANCEL): State.CANCELLED,
        (State.SCHEDULED, Act.SCHEDULE): State.SCHEDULED,  # another moment
        (
            State.SCHEDULED,
            Act.UNSCHEDULE,
        ): State.DRAFT,  # what was checked is edited as a draft only
        (State.SCHEDULED, Act.START): State.SENDING,
        (State.SCHEDULED, Act.CANCEL): State.CANCELLED,
        (State.SENDING, Act.PAUSE): State.PAUSED,
        (State.SENDING, Act.CANCEL): State.CANCELLED,
        (State.SENDING, Act.FINISH): State.FINISHED,
        (State.PAUSED, Act.RESUME): State.SENDING,
        (State.PAUSED, Act.CANCEL): State.CANCELLED,
        (State.PAUSED, Act.FINISH): State.FINISHED,  # the pause came after the last batch had left
        # Two clicks, or two clocks: the second finds what it wanted done and agrees with it.
        (State.DRAFT, Act.UNSCHEDULE): State.DRAFT,
        (State.SENDING, Act.START): State.SENDING,
        (State.SENDING, Act.RESUME): State.SENDING,
        (State.PAUSED, Act.PAUSE): State.PAUSED,
        (State.CANCELLED, Act.CANCEL): State.CANCELLED,
        (State.FINISHED, Act.FINISH): State.FINISHED,
        # The books of a cancelled campaign close later; it stays cancelled.
        (State.CANCELLED, Act.FINISH): State.CANCELLED,
        # What leaves it where it is: a word about it, a mail about it, a copy of it.
        (State.DRAFT, Act.APPROVE): State.DRAFT,
        (State.SCHEDULED, Act.APPROVE): State.SCHEDULED,
        (State.DRAFT, Act.TEST): State.DRAFT,
        (State.SCHEDULED, Act.TEST): State.SCHEDULED,
        (State.DRAFT, Act.DELETE): State.DRAFT,  # its last one; `deleting` asks for more
        **{(state, Act.CLONE): state for state in State},
        **{(state, Act.PACE): state for state in State if not state.is_final},
        **{(state, Act.BRAKE): state for state in State if not state.is_final},
    }
)
"""Every transition there is; a pair that is missing cannot be done."""

STAYING = frozenset(
    {
        Act.EDIT,
        Act.SCHEDULE,
        Act.APPROVE,
        Act.TEST,
        Act.CLONE,
        Act.PACE,
        Act.BRAKE,
        Act.DELETE,
    }
)
"""Acts that do something each time, though the state may stay what it is."""


class CannotDo(Exception):
    """A campaign in this state does not allow this act; `possible` names what it does allow."""

    def __init__(self, act: Act, state: State) -> None:
        self.act = act
        self.state = state
        self.possible = possible(state)
        offers = ", ".join(self.possible)
        super().__init__(f"A {state} campaign cannot do: {act}. Possible now: {offers}.")


def after(state: State, act: Act) -> State:
    """Return the state that `act` leads to. Raises CannotDo where it leads nowhere."""
    try:
        return NEXT[state, act]
    except KeyError:
        raise CannotDo(act, state) from None


def possible(state: State) -> tuple[Act, ...]:
    """Return what would change a campaign in this state, in the order of `Act`.

    Repeats, which are agreed with but change nothing, are left out; so is `finish`, which only
    the books can do.
    """
    return tuple(
        act for act in Act if act is not Act.FINISH and _changes(state, act, NEXT.get((state, act)))
    )


def _changes(state: State, act: Act, target: State | None) -> bool:
    return target is not None and (target is not state or act in STAYING)
