"""Why a campaign is held by no person's act, in words that fit what can still be done. Pure."""

from mailer.campaigns.lifecycle import State

_UNKNOWN_BATCHES = (
    "The database was restored: batches of this campaign had been in hand that it does not know."
    " Look at who is of unknown fate"
)
_BEGAN_BEFORE = (
    "The database was restored from before this campaign began, and the journal says that campaigns"
    " had begun since."
)
HALF_SENT = f"{_UNKNOWN_BATCHES}, then resume or cancel it."
BEGUN_BEFORE = f"{_BEGAN_BEFORE} To start or resume it may send it to the same people again."
ONCE_ENDED = {
    HALF_SENT: f"{_UNKNOWN_BATCHES}; it has ended and cannot be resumed.",
    BEGUN_BEFORE: f"{_BEGAN_BEFORE} It has ended and cannot be resumed.",
}


def told_in(state: State, taken_back: str | None) -> str | None:
    """Return why it was taken back, asking for nothing that `state` does not allow."""
    if taken_back is None or not state.is_final:
        return taken_back
    return ONCE_ENDED.get(taken_back, taken_back)
