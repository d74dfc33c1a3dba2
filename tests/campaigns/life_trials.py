"""A split test under way, told without the product: who was drawn for what, and what was chosen."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

NAMES = ("Plain", "Question")
"""Its variants, by their numbers from 1 on."""
HELD_OUT = 0
WAIT = timedelta(minutes=10)


def subject_of(letter: str, variant: int) -> str:
    """Return what a variant of a letter has as its subject."""
    return letter if variant == 1 else f"{letter}?"


@dataclass
class Trial:
    """Two letters, tried on a sample; who waits gets what is chosen."""

    otherwise: str
    """What those who wait get where there are too few to tell: the `first` one, or `all` theirs."""
    drawn: dict[int, tuple[int, bool]] = field(default_factory=dict)
    """For which letter everybody was drawn at the start, and whether they wait for the choice."""
    tried_at: datetime | None = None
    """When it began, or somebody of the sample was last handed it."""
    is_chosen: bool = False
    choice: int | None = None
    """None where everybody goes on with what they were drawn for."""

    def stored(self, letter: str) -> dict[str, object]:
        """Say it as a client does."""
        sample = {"percent": 40, "wait_minutes": 10, "otherwise": self.otherwise}
        question = {"name": NAMES[1], "content": {"subject": subject_of(letter, 2)}}
        return {
            "variants": [{"name": NAMES[0]}, question],
            "holdout_percent": 15,
            "sample": sample,
        }

    def subject_for(self, person: int, letter: str) -> str | None:
        """Return what somebody may be handed now; None for nothing at all."""
        variant, waits = self.drawn[person]
        if variant == HELD_OUT or (waits and not self.is_chosen):
            return None
        return subject_of(letter, self.choice or variant if waits else variant)

    def is_held_out(self, person: int) -> bool:
        return person in self.drawn and self.drawn[person][0] == HELD_OUT

    @property
    def sample(self) -> set[int]:
        """Everybody who gets a letter without waiting for the choice."""
        return {
            who for who, (variant, waits) in self.drawn.items() if not waits and variant != HELD_OUT
        }

    def choose(self, variant: int | None) -> None:
        self.is_chosen, self.choice = True, variant
