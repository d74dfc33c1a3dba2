"""What every body of the API has in common: no unknown field, no control sign, a size for all."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from mailer.vocabulary import Topic

PATTERNS = {
    r"^[A-Z]{2}$": "a country's two capital letters (ISO 3166), like US or DE",
    r"^([A-Z]{2}|unknown)$": "a country's two capital letters (ISO 3166), like US or DE, or unknown",
    r"^[A-Z]{3}$": "a currency's three capital letters (ISO 4217), like USD or EUR",
    r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$": "a language tag (BCP 47), like en or pt-BR",
    r"^[a-z][a-z0-9_]{0,39}$": "a small letter, then small letters, digits or _: 40 at most",
    r"^[^\s,\x00-\x1f\x7f]{1,64}$": "one word without blanks and commas: 64 signs at most",
    r"^[^\x00-\x1f\x7f]{1,200}$": "one line of text: 1 to 200 signs",
    r"^[^\x00-\x1f\x7f]{1,64}$": "one line of text: 1 to 64 signs",
    r"^[0-9]{4}$": "four digits, like 4242",
    r"^20[0-9]{2}-(0[1-9]|1[0-2])$": "year and month, like 2028-04",
    r"^[A-Za-z0-9._:/+=-]{1,128}$": "1 to 128 letters, digits or . _ : / + = -",
    r"^[0-9a-f]{16}$": "the `revision` of the campaign as it was shown",
    r"^[A-Za-z0-9._-]+$": "letters, digits, dots, dashes or underscores",
    r"^[^\x00-\x1f\x7f]{1,40}$": "1 to 40 signs in one line",
    r"^[^\x00-\x1f\x7f<>@\"\\{}]{1,64}$": '1 to 64 signs in one line, without < > @ " \\ { }',
}
"""What each pattern of a field wants, in words; a test finds a pattern that has none."""

LARGEST_BODY = 256 * 1024
"""Bytes of a request's body; a campaign's text is the longest thing that anybody sends us."""

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
UNPRINTABLE_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")


class Unfit(ValueError):
    """A value that cannot be taken: the text says why, `fix` what mends it."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.fix = fix


def _one_line(text: str) -> str:
    if UNPRINTABLE.search(text):
        raise Unfit("holds a control sign or a line break", "send one line of plain text")
    return text.strip()


def _lines(text: str) -> str:
    if UNPRINTABLE_IN_TEXT.search(text):
        raise Unfit("holds a control sign", "send plain text; line breaks are welcome")
    return text.replace("\r\n", "\n")


def _not_a_number(value: Any) -> Any:
    if isinstance(value, int | float):  # could mean seconds or milliseconds
        raise Unfit("is a bare number", 'send text like "2026-11-22T10:00:00Z"')
    return value


Word = Annotated[str, StringConstraints(max_length=64), AfterValidator(_one_line)]
"""An identifier, a code, a number in words: one line of at most 64 signs."""
OneLine = Annotated[str, StringConstraints(max_length=200), AfterValidator(_one_line)]
"""One line of text, at most 200 signs."""
Text = Annotated[str, StringConstraints(max_length=100_000), AfterValidator(_lines)]
"""Text with line breaks, at most 100,000 signs."""
Address = Annotated[str, StringConstraints(min_length=3, max_length=320), AfterValidator(_one_line)]
"""An e-mail address."""
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""A country's two letters (ISO 3166)."""
Language = Annotated[
    str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)
]
"""A language tag (BCP 47), such as `en` or `pt-BR`."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""A currency's three letters (ISO 4217)."""
Moment = Annotated[AwareDatetime, BeforeValidator(_not_a_number)]
"""A moment with its offset (RFC 3339)."""
Cents = Annotated[int, Field(ge=0, le=10**15, strict=True)]
"""An amount in the currency's smallest unit: 12900 is 129.00 EUR, and 12900 JPY."""
Number = Annotated[int, Field(ge=1, le=2**63 - 1, strict=True)]
"""An id of ours."""
Topics = Annotated[list[Topic], Field(max_length=len(Topic))]


class Form(BaseModel):
    """A request's body: a field that we do not know is refused, not overlooked."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Answer(BaseModel):
    """A response's body."""

    model_config = ConfigDict(frozen=True)


class Page(Answer):
    """One page of a list; `next_cursor` is null on the last one."""

    next_cursor: str | None = Field(
        default=None, description="Give it back as `cursor` for the next page; null on the last."
    )


def utc(moment: datetime) -> str:
    """Write a moment as the API does: UTC, to the microsecond, ending in Z."""
    return moment.isoformat().replace("+00:00", "Z")
