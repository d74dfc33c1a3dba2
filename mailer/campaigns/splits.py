"""What a split test tries against what, on whom, and how it is decided; without a database."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from mailer.delivery import HELD_OUT, WHOLE
from mailer.letters import PromotionalContent

DAYS_7 = 7 * 24 * 60
Name = Annotated[
    str,
    StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,40}$", strip_whitespace=True),
]
SenderName = Annotated[
    str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f<>@\"\\{}]{1,64}$", strip_whitespace=True)
]
"""No mark that ends a name in a header, and no @: a name that looks like an address is fraud."""
Line = Annotated[str, StringConstraints(max_length=300)]
Minutes = Annotated[int, Field(strict=True, ge=10, le=DAYS_7)]


class SplitUnfit(ValueError):
    """A split test that cannot be made; `fix` says what mends it."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.fix = fix


class VariantUnknown(ValueError):
    """The campaign has no variant of this name."""

    def __init__(self, known: Sequence[str]) -> None:
        super().__init__(f"{type(self).__doc__} It has: {', '.join(known) or 'none'}.")


class Measure(StrEnum):
    """By what the variants are compared: the share of people, of those handed the mail, who …"""

    CLICKS = "clicks"
    OPENS = "opens"
    ORDERS = "orders"
    OPT_OUTS = "opt_outs"

    @property
    def is_bad(self) -> bool:
        """Fewer is better."""
        return self is Measure.OPT_OUTS


class Otherwise(StrEnum):
    """What becomes of the remainder when there are too few to tell."""

    FIRST = "first"
    ALL = "all"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ChangedContent(_Model):
    """What is said otherwise than in the campaign; what is left out stays as it is there."""

    subject: Line | None = None
    preheader: Line | None = None
    heading: Line | None = None
    body_markdown: Annotated[str, StringConstraints(max_length=50_000)] | None = None
    button_label: Annotated[str, StringConstraints(max_length=100)] | None = None
    button_url: Annotated[str, StringConstraints(max_length=1500)] | None = None


class SplitVariant(_Model):
    """One of the letters that are tried: what differs from the campaign, and how many get it."""

    name: Name
    share: Annotated[int, Field(strict=True, ge=1, le=100)] = 1
    """As against the other variants' shares: 1 and 1 are halves, 2 and 1 are two thirds and one."""
    content: ChangedContent = ChangedContent()
    sender_name: SenderName | None = None
    """What stands before the address of the From; the address stays."""
    later_minutes: Annotated[int, Field(strict=True, ge=0, le=DAYS_7)] = 0
    """So much later than the schedule says, to try another hour."""

    def letter(self, content: PromotionalContent) -> PromotionalContent:
        """Return the letter that its people get."""
        return content.model_copy(update=self.content.model_dump(exclude_none=True))

    @property
    def later(self) -> timedelta:
        """How much later than the schedule says."""
        return timedelta(minutes=self.later_minutes)


class Sample(_Model):
    """A part of the audience that is tried first; the remainder gets what did best there."""

    percent: Annotated[float, Field(ge=1, le=90, allow_inf_nan=False)]
    """Of the whole audience, divided among the variants by their shares."""
    wait_minutes: Minutes
    """From the sample's last due moment to the choice."""
    again_minutes: Minutes | None = None
    """Where there are too few to tell: look once more so much later, before `otherwise`."""
    otherwise: Otherwise = Otherwise.FIRST
    """When there are too few to tell: all get the first variant, or each their own by share."""

    @property
    def looks(self) -> int:
        """How often it may be looked at."""
        return 1 if self.again_minutes is None else 2

    @property
    def longest(self) -> timedelta:
        """How long after the sample's last due moment the choice is made at the latest."""
        return timedelta(minutes=self.wait_minutes + (self.again_minutes or 0))


class Cut(_Model):
    """A part of the draw: where it ends, in hundredths of a percent, and for which variant."""

    until: int
    variant: int
    waits: bool = False


class Split(_Model):
    """Two to five variants of a campaign, a hold-out, or both; who gets what is drawn at random.

    Without a `sample` everybody is divided at once and nothing is chosen. The hold-out gets
    nothing, so that what the campaign brings can be told from what would have come anyway.
    """

    variants: Annotated[tuple[SplitVariant, ...], Field(max_length=5)] = ()
    measure: Measure = Measure.CLICKS
    holdout_percent: Annotated[float, Field(ge=0, le=50, allow_inf_nan=False)] = 0
    sample: Sample | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [each.name.casefold() for each in self.variants]
        if len(names) == 1 or (not names and (self.sample or not self.holdout_percent)):
            raise SplitUnfit("there is nothing to compare", "send two variants, or a hold-out")
        if len(set(names)) < len(names):
            raise SplitUnfit("two variants have one name", "give each a name of its own")
        told = [each.model_dump(exclude={"name", "share"}) for each in self.variants]
        if any(each in told[:number] for number, each in enumerate(told)):
            raise SplitUnfit("two variants are the same", "change something in one of them")
        tried = [each for each in self.cuts() if each.variant and not each.waits]
        if len(tried) < len(names):
            raise SplitUnfit("a variant gets nobody", "send a larger sample or share")
        if self.sample and self.sample.percent + self.holdout_percent >= 100:
            raise SplitUnfit("nobody is left for the winner", "take a smaller sample or hold-out")
        return self

    def stored(self) -> dict[str, Any]:
        """Return the split as JSON that reads back as the same split."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def number_of(self, name: str) -> int:
        """Return the number, from 1 on, of the variant with a name, whatever its capitals.

        Raises VariantUnknown.
        """
        names = [each.name.casefold() for each in self.variants]
        wanted = name.strip().casefold()
        if wanted not in names:
            raise VariantUnknown([each.name for each in self.variants])
        return names.index(wanted) + 1

    def name_of(self, variant: int) -> str:
        """Return the name of a variant by its number."""
        return self.variants[variant - 1].name

    def later_of(self, variant: int) -> timedelta:
        """Return how much later than the schedule says a variant is due."""
        return self.variants[variant - 1].later if self.variants and variant else timedelta(0)

    def moved_to(self, variant: int | None) -> list[timedelta]:
        """Return by how much each variant's people are due later with another one's hour.

        By number, from the first one on; nobody is moved where each goes on with their own.
        """
        own = [each.later for each in self.variants]
        return [] if variant is None else [own[variant - 1] - each for each in own]

    def cuts(self) -> list[Cut]:
        """Return the parts of the draw: the hold-out, the variants, and who waits for the choice.

        Who waits is drawn for a variant too: it is theirs if all go on.
        """
        held = round(self.holdout_percent * 100)
        tried = held + round(self.sample.percent * 100) if self.sample else WHOLE
        cuts = [Cut(until=held, variant=HELD_OUT)] if held else []
        cuts += self._shared(held, tried, waits=False)
        return [*cuts, *self._shared(tried, WHOLE, waits=True)]

    def _shared(self, start: int, end: int, *, waits: bool) -> Iterator[Cut]:
        shares = [each.share for each in self.variants] or [1]
        whole, so_far, last = sum(shares), 0, start
        for number, share in enumerate(shares, start=1):
            so_far += share
            until = start + (end - start) * so_far // whole
            if until > last:
                yield Cut(until=until, variant=number, waits=waits)
            last = until


def variant_named(split: Split | None, name: str) -> SplitVariant:
    """Return the variant of a name. Raises VariantUnknown, also for a campaign without any."""
    if split is None:
        raise VariantUnknown(())
    return split.variants[split.number_of(name) - 1]
