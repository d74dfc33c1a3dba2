"""Which counts of people leave this room: none that is so small that it points at somebody (C15)."""

from typing import Literal

FEWEST = 10
Withheld = Literal["fewer than 10", "all but fewer than 10", "withheld"]
"""`withheld` may be any count: shown, it would give a small one away by subtraction."""
Published = int | Withheld


def published(count: int, *, among: int | None = None) -> Published:
    """Return one count as it may be shown: itself from ten on, else in words, zero included (C15).

    `among` is how many people could be counted: what fewer than ten did is not shown either. For
    counts that stand beside their total there is `publish`.
    """
    small = count < FEWEST or (among is not None and among < FEWEST)
    return "fewer than 10" if small else count


def published_of(count: int, whole: int) -> Published:
    """Return how many of a whole they are as it may be shown; nor is the rest told if small (C15)."""
    is_small = count < FEWEST or whole - count >= FEWEST
    return published(count) if is_small else "all but fewer than 10"


def in_words(count: Published) -> str:
    """Write a count, or the words that stand for it, into a sentence."""
    return f"{count:,}" if isinstance(count, int) else count
