"""Every rule in plain English: one sentence that a person can check before a campaign goes out."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.numbers import get_currency_precision

from mailer.campaigns.audience.rules import (
    UNKNOWN,
    All,
    Amount,
    AnyOf,
    CameFrom,
    CustomerSince,
    Engaged,
    Everybody,
    HasAttribute,
    HasTag,
    HasTopic,
    InZone,
    LivesIn,
    Not,
    OnList,
    Ordered,
    Reads,
    Rule,
    Share,
)

Names = Mapping[tuple[str, int], str]
"""What lists and campaigns are called, by `list` or `campaign` and number."""
ENGLISH = Locale("en")
MOST_SAID = 8


def sentence(rule: Rule, names: Names | None = None) -> str:
    """Say who is in an audience, in one sentence that ends with a full stop.

    Without its name in `names` a list or a campaign is said by its number.
    """
    if isinstance(rule, Everybody):
        return "Every customer."
    return f"Customers who {_say(rule, names or {}, yes=True)}."


def _say(rule: Rule, names: Names, *, yes: bool) -> str:
    match rule:
        case All() | AnyOf():
            word = "and who" if isinstance(rule, All) else "or who"
            return _joined([_say(each, names, yes=True) for each in rule.of], word, yes)
        case Not():
            return _say(rule.of, names, yes=not yes)
        case OnList():
            return f"are {_not(yes)}on {_named('list', rule.id, names)}"
        case Engaged():
            return _engaged(rule, names, yes)
        case _:
            return WAYS[type(rule)](rule, yes)


def _joined(parts: Sequence[str], word: str, yes: bool) -> str:
    """Join what must hold; more than one part stands in brackets where it is not the whole."""
    if len(parts) == 1 and yes:
        return parts[0]
    said = f" {word} ".join(f"({each})" if _is_joined(each) else each for each in parts)
    return said if yes else f"are none of those who ({said})"


def _is_joined(said: str) -> bool:
    return " and who " in said or " or who " in said


def _attributed(rule: HasAttribute, yes: bool) -> str:
    wanted = _words([f"“{each}”" for each in rule.any_of or ()])
    if wanted:
        return f"{_have(yes)} {wanted} as {rule.name}"
    return f"have {'something' if yes else 'nothing'} as {rule.name}"


def _shared(rule: Share, yes: bool) -> str:
    percent = f"{round(rule.percent, 2):g} %"
    return f"are {_not(yes)}among the {percent} that the draw “{rule.draw}” picks"


def _ordered(rule: Ordered, yes: bool) -> str:
    what = rule.product or "anything"
    often = f" at least {rule.orders_at_least} times" if rule.orders_at_least > 1 else ""
    worth = f", for at least {_money(rule.worth_at_least)} in all" if rule.worth_at_least else ""
    verb = "ordered" if yes else "never ordered"
    if not yes and (often or worth or rule.within_days):
        verb = "did not order"
    return f"{verb} {what}{often}{_when(rule)}{worth}"


def _engaged(rule: Engaged, names: Names, yes: bool) -> str:
    act = {"click": ("click", "clicked"), "open": ("open", "opened")}
    plain, past = act.get(rule.by, ("click or open", "clicked or opened"))
    verb = _did(yes, plain, past)
    if rule.campaign is not None:
        return f"{verb} mail of {_named('campaign', rule.campaign, names)}"
    return f"{verb} mail of ours{_lately(rule.within_days or 0)}"


def _lately(days: int) -> str:
    return f" in the last {'day' if days == 1 else f'{days} days'}"


def _named(what: str, number: int, names: Names) -> str:
    name = names.get((what, number))
    return f"the {what} “{name}”" if name else f"{what} {number}"


def _when(rule: CustomerSince | Ordered) -> str:
    if rule.within_days is not None:
        return _lately(rule.within_days)
    since, before = rule.since, rule.before
    from_ = f" from {_moment(since)} on" if since else ""
    joint = "," if since and before else ""
    return from_ + (f"{joint} before {_moment(before)}" if before else "")


def _moment(at: datetime) -> str:
    """Say a moment in UTC; midnight is said as the day alone."""
    utc = at.astimezone(UTC)
    day = f"{utc.day} {utc:%B %Y}"
    return day if utc.time() == utc.time().min else f"{day}, {utc:%H:%M} UTC"


def _money(worth: Amount) -> str:
    places = get_currency_precision(worth.currency)
    return f"{Decimal(worth.amount).scaleb(-places):,.{places}f} {worth.currency}"


def _language(tag: str) -> str:
    try:
        name = Locale.parse(tag, sep="-").get_display_name("en")
    except (UnknownLocaleError, ValueError):
        name = None
    return f"{name} ({tag})" if name else tag


def _country(code: str) -> str:
    if code == UNKNOWN:
        return "a country that we do not know"
    name = ENGLISH.territories.get(code)
    return f"{name} ({code})" if name else code


def _zone(name: str) -> str:
    return "a zone that we do not know" if name == UNKNOWN else name


def _words(words: Sequence[str]) -> str:
    """Join words with commas and `or`; of very many, the rest are counted."""
    if len(words) > MOST_SAID:
        return f"{', '.join(words[:MOST_SAID])} or {len(words) - MOST_SAID} others"
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _do(yes: bool) -> str:
    return "" if yes else "do not "


def _have(yes: bool) -> str:
    return "have" if yes else "do not have"


def _not(yes: bool) -> str:
    return "" if yes else "not "


def _did(yes: bool, plain: str, past: str) -> str:
    return past if yes else f"did not {plain}"


WAYS: Mapping[type[Any], Callable[[Any, bool], str]] = {
    Everybody: lambda _, yes: f"are {_not(yes)}customers at all",
    HasTopic: lambda rule, yes: f"{_have(yes)} “{rule.on.label}” switched on",
    Ordered: _ordered,
    Reads: lambda rule, yes: f"{_do(yes)}read {_words([_language(each) for each in rule.any_of])}",
    LivesIn: lambda rule, yes: (
        f"{_do(yes)}live in {_words([_country(each) for each in rule.any_of])}"
    ),
    InZone: lambda rule, yes: (
        f"{_do(yes)}live by the time of {_words([_zone(each) for each in rule.any_of])}"
    ),
    CustomerSince: lambda rule, yes: f"{_did(yes, 'become', 'became')} customers{_when(rule)}",
    CameFrom: lambda rule, yes: f"{_did(yes, 'come', 'came')} to us by {_words(rule.any_of)}",
    HasAttribute: _attributed,
    HasTag: lambda rule, yes: f"{_do(yes)}carry the tag {_words(rule.any_of)}",
    Share: _shared,
}
"""How each plain rule is said, and how that it does not hold; a test finds one that is missing."""
