"""What a letter is: its name, its stream, its typed fields, and how fields are read from JSON."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mailer.letters.fields import Part
from mailer.vocabulary import Stream


class LetterUnknown(Exception):
    """There is no letter of this name in the catalogue."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field, and what would be right; never the value itself."""

    field: str
    problem: str
    fix: str


class FieldsInvalid(Exception):
    """The fields do not make the letter; `problems` names each."""

    def __init__(self, letter: str, problems: list[FieldProblem]) -> None:
        self.letter = letter
        self.problems = problems
        named = "; ".join(f"{each.field} {each.problem}" for each in problems)
        super().__init__(f"{letter}: {named}")


class Letter(Part, ABC):
    """A kind of mail. Subclasses are the catalogue: one class, three templates of its name."""

    name: ClassVar[str]
    stream: ClassVar[Stream] = Stream.ORDER_UPDATE

    @property
    def fields(self) -> dict[str, Any]:
        """The fields as JSON keeps them: what `letter_from` reads."""
        return self.as_json()

    @classmethod
    @abstractmethod
    def sample(cls) -> Self:
        """Give an invented letter of this kind, for previews, tests and screenshots."""

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Self:
        """Make the letter of JSON values. Raises FieldsInvalid, naming every wrong field."""
        try:
            return cls.model_validate_json(json.dumps(fields))
        except ValidationError as error:
            raise FieldsInvalid(cls.name, [_problem(each) for each in error.errors()]) from None
        except (TypeError, ValueError):
            problem = FieldProblem("fields", "are not JSON values", "send text, numbers and lists")
            raise FieldsInvalid(cls.name, [problem]) from None


WORDS = {
    "missing": ("is missing", "send it"),
    "extra_forbidden": ("is not a field of this letter", "leave it out"),
    "string_type": ("is not text", "send it in quotes"),
    "int_type": ("is not a whole number", "send a whole number, without quotes"),
    "tuple_type": ("is not a list", "send a list"),
    "timezone_aware": ("has no offset from UTC", "add it, as in 2026-11-22T10:41:07+01:00"),
    "string_too_long": ("is too long", "send at most {max_length} characters"),
    "too_short": ("is empty", "send at least one entry"),
    "too_long": ("has too many entries", "send at most {max_length}"),
    "greater_than_equal": ("is too small", "send {ge} or more"),
    "less_than_equal": ("is too large", "send {le} or less"),
}
DATES = (
    "send a date and time with its offset, as in 2026-11-22T10:41:07Z",
    "send it as 2026-11-22",
)


def _problem(error: ErrorDetails) -> FieldProblem:
    field = ".".join(str(part) for part in error["loc"]) or "fields"
    context = error.get("ctx", {})
    kind = error["type"]
    if kind == "field":
        return FieldProblem(field, context["problem"], context["fix"])
    if kind in WORDS:
        problem, fix = WORDS[kind]
        return FieldProblem(field, problem, fix.format(**context))
    if kind.startswith("date"):
        return FieldProblem(
            field, "is not a date that we can read", DATES[kind.startswith("date_")]
        )
    return FieldProblem(field, "is not what this letter takes", "see the letter's fields")
