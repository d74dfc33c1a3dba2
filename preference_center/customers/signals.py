"""What a browser says about sharing data, by a header on every request (C13)."""

from enum import StrEnum

from fastapi import Request


class Signal(StrEnum):
    """A signal that counts as a no to partner offers."""

    GLOBAL_PRIVACY_CONTROL = "Global Privacy Control"
    DO_NOT_TRACK = "Do Not Track"


def signal_of(request: Request) -> Signal | None:
    """Return the signal that this request carries, the stronger one of two; a FastAPI dependency."""
    if request.headers.get("sec-gpc", "").strip() == "1":
        return Signal.GLOBAL_PRIVACY_CONTROL
    if request.headers.get("dnt", "").strip() == "1":
        return Signal.DO_NOT_TRACK
    return None


def said(signal: Signal | None) -> str:
    """Say whether a signal was seen, and what follows from it."""
    if signal is None:
        return (
            "Your browser sends neither Global Privacy Control nor Do Not Track. "
            "If it did, that would count as a no to partner offers."
        )
    return (
        f"Your browser sends {signal.value}. We take it as a no to partner offers, "
        "and your details go to no other company for its own advertising."
    )
