"""Who is in an audience, said in rules: a small typed language, read from JSON and never from SQL.

Every rule has a `kind`; `all`, `any` and `not` hold other rules. docs/audiences.md shows each.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationInfo,
    model_validator,
)

from mailer.vocabulary import Topic

DEEPEST = 6
"""Rules within rules, the outermost counted."""
MOST_RULES = 50
MOST_WORDS = 300
UNKNOWN = "unknown"
"""Stands for a country or a time zone that is not on file."""
FIRST_MOMENT, LAST_MOMENT = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""What a moment lies between: at the edges of time UTC and local calendars have no date."""
_KEPT = object()
"""Says of a rule that it was taken before, by this version or an earlier one."""


class RuleUnfit(ValueError):
    """A rule that cannot be taken: the text says why, `fix` what mends it."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.fix = fix


def _no_bare_number(value: Any) -> Any:
    if isinstance(value, int | float):  # could mean seconds or milliseconds
        raise RuleUnfit("is a bare number", 'send text like "2026-11-22T10:00:00Z"')
    return value


def _in_reach(at: datetime, asked: ValidationInfo) -> datetime:
    if asked.context is _KEPT:  # nobody was a customer then: the nearest moment says the same
        at = min(max(at, FIRST_MOMENT), LAST_MOMENT - timedelta(seconds=1))
    if not FIRST_MOMENT <= at < LAST_MOMENT:
        raise RuleUnfit("is too far away", "send a moment of the years 2000 to 2199")
    return at.astimezone(UTC)


def _zone(name: str) -> str:
    if name == UNKNOWN:
        return name
    try:
        return ZoneInfo(name).key
    except (KeyError, OSError, ValueError):
        raise RuleUnfit(
            "is no time zone of the IANA database", "send a name like America/New_York"
        ) from None


Language = Annotated[
    str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)
]
Country = Annotated[str, StringConstraints(pattern=rf"^([A-Z]{{2}}|{UNKNOWN})$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Zone = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_zone)]
PlainName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Tag = Annotated[
    str, StringConstraints(pattern=r"^[^\s,\x00-\x1f\x7f]{1,64}$", to_lower=True, max_length=64)
]
Value = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
Sku = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,64}$")]
Moment = Annotated[AwareDatetime, BeforeValidator(_no_bare_number), AfterValidator(_in_reach)]
Number = Annotated[int, Field(ge=1, le=2**63 - 1, strict=True)]
Days = Annotated[int, Field(ge=1, le=36_500, strict=True)]
"""Counted back from the moment of the count, or of the start: each time of what repeats has its own."""


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Everybody(_Rule):
    """Every customer."""

    kind: Literal["everybody"] = "everybody"


class All(_Rule):
    """Those whom every one of the rules lets in."""

    kind: Literal["all"] = "all"
    of: tuple["Rule", ...] = Field(min_length=1, max_length=MOST_RULES)


class AnyOf(_Rule):
    """Those whom at least one of the rules lets in."""

    kind: Literal["any"] = "any"
    of: tuple["Rule", ...] = Field(min_length=1, max_length=MOST_RULES)


class Not(_Rule):
    """Those whom the rule does not let in."""

    kind: Literal["not"] = "not"
    of: "Rule"


class HasTopic(_Rule):
    """Who has a topic on now. Without this rule, who has it off is refused with that reason."""

    kind: Literal["topic"] = "topic"
    on: Topic


class Reads(_Rule):
    """By language (BCP 47): `de` also means `de-AT`, `de-AT` means itself only."""

    kind: Literal["language"] = "language"
    any_of: tuple[Language, ...] = Field(min_length=1, max_length=MOST_WORDS)


class LivesIn(_Rule):
    """By country: two letters of ISO 3166, or `unknown` where none is on file."""

    kind: Literal["country"] = "country"
    any_of: tuple[Country, ...] = Field(min_length=1, max_length=MOST_WORDS)


class InZone(_Rule):
    """By time zone: names of the IANA database, exactly as on file, or `unknown` for none there."""

    kind: Literal["timezone"] = "timezone"
    any_of: tuple[Zone, ...] = Field(min_length=1, max_length=MOST_WORDS)


class CustomerSince(_Rule):
    """By the moment at which somebody became a customer; `since` is included, `before` is not.

    Or within so many days before the moment at which it is asked.
    """

    kind: Literal["customer_since"] = "customer_since"
    since: Moment | None = None
    before: Moment | None = None
    within_days: Days | None = None

    @model_validator(mode="after")
    def _says_when(self) -> "CustomerSince":
        _refuse_two_times(self)
        if self.since is None and self.before is None and self.within_days is None:
            raise RuleUnfit("says no moment", "send since, before or both, or within_days")
        return self


class CameFrom(_Rule):
    """By the source through which somebody first came to us."""

    kind: Literal["source"] = "source"
    any_of: tuple[PlainName, ...] = Field(min_length=1, max_length=MOST_WORDS)


class HasAttribute(_Rule):
    """By one of the shop's own fields: one of some values, or, without `any_of`, any at all."""

    kind: Literal["attribute"] = "attribute"
    name: PlainName
    any_of: tuple[Value, ...] | None = Field(default=None, min_length=1, max_length=MOST_WORDS)


class HasTag(_Rule):
    """By the words of the attribute `tags`, parted by commas or blanks; capitals do not matter."""

    kind: Literal["tag"] = "tag"
    any_of: tuple[Tag, ...] = Field(min_length=1, max_length=MOST_WORDS)


class Amount(_Rule):
    """Money in the currency's smallest unit: 12900 is 129.00 EUR, and 12900 JPY."""

    amount: int = Field(ge=1, le=10**15, strict=True)
    currency: Currency


class Ordered(_Rule):
    """Who ordered; an order counts when it meets all that is said of it. Never: `not` of this."""

    kind: Literal["ordered"] = "ordered"
    product: Sku | None = None
    """The SKU that the order must hold."""
    since: Moment | None = None
    before: Moment | None = None
    within_days: Days | None = None
    orders_at_least: int = Field(default=1, ge=1, le=10_000, strict=True)
    worth_at_least: Amount | None = None
    """What those orders come to in all; orders in another currency do not count."""

    @model_validator(mode="after")
    def _says_one_time(self) -> "Ordered":
        _refuse_two_times(self)
        return self


def _refuse_two_times(rule: CustomerSince | Ordered) -> None:
    if rule.within_days is not None and (rule.since is not None or rule.before is not None):
        raise RuleUnfit(
            "says its time twice", "send within_days, or since and before, not both ways"
        )


class Engaged(_Rule):
    """Who clicked or opened, lately or in one campaign: people, as far as can be told, not machines.

    Scanners that look like a browser do not count either, once they are judged, within seconds.
    """

    kind: Literal["engaged"] = "engaged"
    by: Literal["click", "open", "either"] = "either"
    within_days: Days | None = None
    campaign: Number | None = None

    @model_validator(mode="after")
    def _says_where(self) -> "Engaged":
        if (self.within_days is None) == (self.campaign is None):
            raise RuleUnfit(
                "needs a time or a campaign", "send one of within_days and campaign, not both"
            )
        return self


class OnList(_Rule):
    """Who is on a list. To leave a list out, put this into `not`."""

    kind: Literal["list"] = "list"
    id: Number


class Share(_Rule):
    """A random share of everybody that stays the same: one draw, one order of people.

    A smaller share of the same draw lies within a larger one; another draw is independent of it.
    """

    kind: Literal["share"] = "share"
    percent: float = Field(ge=0.01, le=99.99, allow_inf_nan=False)
    """To two decimals."""
    draw: PlainName = "share"


Rule = Annotated[
    Everybody
    | All
    | AnyOf
    | Not
    | HasTopic
    | Reads
    | LivesIn
    | InZone
    | CustomerSince
    | CameFrom
    | HasAttribute
    | HasTag
    | Ordered
    | Engaged
    | OnList
    | Share,
    Field(discriminator="kind"),
]
"""One rule, of whatever kind."""

for _group in (All, AnyOf, Not):
    _group.model_rebuild()

KINDS = frozenset(
    [
        "everybody",
        "all",
        "any",
        "not",
        "topic",
        "language",
        "country",
        "timezone",
        "customer_since",
        "source",
        "attribute",
        "tag",
        "ordered",
        "engaged",
        "list",
        "share",
    ]
)


def _bounded(given: Any) -> Any:
    """Refuse what is nested too deep or holds too many rules, before anything is made of it."""
    level, depth, count = [given], 0, 0
    while level:
        depth += 1
        count += len(level)
        if depth > DEEPEST:
            raise RuleUnfit(f"is deeper than {DEEPEST} rules", "flatten it: `all` takes many rules")
        if count > MOST_RULES:
            raise RuleUnfit(f"holds more than {MOST_RULES} rules", "use a list for many people")
        level = [inner for each in level if isinstance(each, dict) for inner in _inner(each)]
    return given


def _inner(given: dict[Any, Any]) -> list[Any]:
    within = given.get("of")
    if within is None:
        return []
    return list(within) if isinstance(within, list | tuple) else [within]


_RULE: TypeAdapter[Rule] = TypeAdapter(Rule)


def kept_rule(kept: Mapping[str, Any]) -> Rule:
    """Read a rule from the database: moments that are too far away are brought near."""
    return _RULE.validate_python(kept, context=_KEPT)


BoundedRule = Annotated[Rule, BeforeValidator(_bounded)]
"""A whole rule as it comes from outside."""


class Audience(_Rule):
    """Who a campaign is for, and the saved audience that the rule was taken from, if any.

    The topic is no rule of its own: who has it off, paused or never turned it on belongs to the
    audience and is refused with that reason, by the same decision as at the hand-over.
    """

    rule: BoundedRule = Field(default_factory=Everybody)
    saved: Number | None = None


def kept_audience(kept: Mapping[str, Any]) -> Audience:
    """Read an audience from the database: moments that are too far away are brought near."""
    return Audience.model_validate(kept, context=_KEPT)


class ChosenAudience(Audience):
    """An audience as it is asked for: a rule of its own, or a saved audience by its number."""

    @model_validator(mode="before")
    @classmethod
    def _holds_a_rule(cls, asked: Any) -> Any:
        # Whoever only left out what is not known here would ask for everybody.
        if isinstance(asked, Mapping) and "kind" in asked:
            raise RuleUnfit("is a rule, and has to hold one", 'send {"rule": …} around it')
        return asked

    @model_validator(mode="after")
    def _is_one_of_two(self) -> "ChosenAudience":
        if self.saved is not None and "rule" in self.model_fields_set:
            raise RuleUnfit("names a rule and a saved audience", "send one of rule and saved")
        return self


def rules_in(rule: Rule) -> Iterator[Rule]:
    """Yield a rule and every rule within it."""
    yield rule
    match rule:
        case All() | AnyOf():
            for each in rule.of:
                yield from rules_in(each)
        case Not():
            yield from rules_in(rule.of)
        case _:
            return


def field_path(place: Sequence[int | str]) -> tuple[int | str, ...]:
    """Return where a fault lies as its author wrote it, without the kinds that pydantic adds."""
    kept: list[int | str] = []
    before: int | str = ""
    for part in place:
        follows = before in {"rule", "of"} or (isinstance(before, int) and kept[-2:-1] == ["of"])
        before = "" if follows and part in KINDS else part
        if before != "":
            kept.append(part)
    return tuple(kept)
