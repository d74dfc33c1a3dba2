"""What is wrong with a body, field by field, in plain words: a problem and what mends it.

The validator's own sentences name its classes and patterns; clients get ours. No value is
repeated: it may be an address or a card number.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mailer.campaigns.audience import field_path
from preference_center.systems.api.forms import PATTERNS

Said = tuple[str, str]
Faults = Sequence[Mapping[str, Any]]
SEE = "see what the field takes in /api/v1/openapi.json"
QUOTED = re.compile(r"'([^']*)'")
KINDS = {
    "string": ("text", 'send it in quotes, like "text"'),
    "int": ("a whole number", "send it without quotes and without a fraction, like 12900"),
    "float": ("a number", "send it without quotes, like 12.5"),
    "bool": ("true or false", "send true or false, without quotes"),
    "list": ("a list", 'send it in square brackets, like ["one"]'),
    "dict": ("a JSON object", 'send it in braces, like {"name": "value"}'),
}
MOMENT = (
    "is not a moment with its offset",
    'send text like "2026-11-22T10:00:00Z" or "2026-11-22T11:00:00+01:00"',
)
TIME = ("is not a time of day", 'send text like "08:00"')
DAY = ("is not a day", 'send text like "2026-11-22"')


def faults_of(faults: Faults) -> list[dict[str, str]]:
    """Return every fault of a body as field, problem and fix, none of them empty."""
    return [_told(fault) for fault in faults if not _is_hollow(fault, faults)]


def _is_hollow(fault: Mapping[str, Any], faults: Faults) -> bool:
    """A sequence of which an entry is wrong is told by that entry, not as too short besides."""
    place = tuple(fault["loc"])
    return fault["type"] == "too_short" and any(
        each is not fault and tuple(each["loc"][: len(place)]) == place for each in faults
    )


def unreadable(fault: Mapping[str, Any]) -> dict[str, str]:
    """Tell of a body that is not JSON, with the place where reading ended."""
    place = fault["loc"][-1]
    where = f" from sign {place + 1} on" if isinstance(place, int) else ""
    return {
        "field": "body",
        "problem": f"cannot be read as JSON{where}",
        "fix": "send one JSON object in UTF-8: names and text in double quotes, no comma at the end",
    }


def name_of(place: Sequence[int | str]) -> str:
    """Name a field as the client wrote it: without where it stood, and never with its value."""
    parts = [str(part) for part in field_path(place[1:]) if part != "[key]"]
    if place and place[0] not in {"body", "query", "path", "header"}:
        parts.insert(0, str(place[0]))
    return ".".join(parts)[:200] or "body"


def _told(fault: Mapping[str, Any]) -> dict[str, str]:
    problem, fix = _say(str(fault["type"]), fault.get("ctx") or {})
    return {"field": name_of(fault["loc"]), "problem": problem, "fix": fix}


def _say(kind: str, more: Mapping[str, Any]) -> Said:
    if kind in TABLE:
        return TABLE[kind](more)
    for name, told in FAMILIES.items():
        if kind.startswith(name):
            return told
    named = KINDS.get(kind.partition("_")[0])
    return (f"is not {named[0]}", named[1]) if named else ("cannot be understood", SEE)


def _one_of(more: Mapping[str, Any]) -> Said:
    words = ", ".join(QUOTED.findall(str(more["expected"])))
    return "is none of the words that there are", f"send one of: {words}"


def _pattern(more: Mapping[str, Any]) -> Said:
    right = PATTERNS.get(str(more["pattern"]))
    return "is not written as it must be", f"send {right}" if right else SEE


def _value(more: Mapping[str, Any]) -> Said:
    """A check of our own says both itself (Unfit), or one sentence (any other ValueError)."""
    error = more.get("error")
    fix = getattr(error, "fix", "") or "change the body so that this holds"
    return str(error) or "cannot be understood", fix


def _length(word: str, limit: str, what: str) -> Callable[[Mapping[str, Any]], Said]:
    bound = "most" if limit == "max_length" else "least"

    def told(more: Mapping[str, Any]) -> Said:
        number = more[limit]
        signs = what if number != 1 else what.removesuffix("s")
        return f"is too {word}", f"send at {bound} {number} {signs}"

    return told


def _bound(word: str, limit: str) -> Callable[[Mapping[str, Any]], Said]:
    def told(more: Mapping[str, Any]) -> Said:
        return f"is too {word.partition(' ')[0]}", f"send {word.partition(' ')[2]} {more[limit]}"

    return told


def _always(problem: str, fix: str) -> Callable[[Mapping[str, Any]], Said]:
    return lambda _: (problem, fix)


OBJECT = _always(f"is not {KINDS['dict'][0]}", KINDS["dict"][1])
TABLE: Mapping[str, Callable[[Mapping[str, Any]], Said]] = {
    "missing": _always("is missing", "send it"),
    "extra_forbidden": _always("is no field that we know", "leave it out, or check its spelling"),
    "enum": _one_of,
    "union_tag_invalid": lambda more: (
        "is no kind of rule that we know",
        "send as its kind one of: " + ", ".join(QUOTED.findall(str(more["expected_tags"]))),
    ),
    "union_tag_not_found": _always("says no kind", "send its `kind`: see docs/audiences.md"),
    "literal_error": _one_of,
    "string_pattern_mismatch": _pattern,
    "value_error": _value,
    "field": lambda more: (str(more["problem"]), str(more["fix"])),
    "string_too_long": _length("long", "max_length", "signs"),
    "string_too_short": _length("short", "min_length", "signs"),
    "too_long": _length("long", "max_length", "entries"),
    "too_short": _length("short", "min_length", "entries"),
    "greater_than_equal": _bound("small a number from", "ge"),
    "greater_than": _bound("small a number above", "gt"),
    "less_than_equal": _bound("large a number up to", "le"),
    "less_than": _bound("large a number below", "lt"),
    "finite_number": _always("is not a number that ends", "send a plain number"),
    "string_unicode": _always("holds broken signs", "send whole Unicode characters in UTF-8"),
    "model_attributes_type": OBJECT,
    "model_type": OBJECT,
    "ip_any_address": _always("is not an IP address", "send one like 203.0.113.7 or 2001:db8::7"),
    "timezone_aware": _always("has no offset", MOMENT[1]),
}
FAMILIES: Mapping[str, Said] = {"datetime": MOMENT, "date": DAY, "time": TIME}
