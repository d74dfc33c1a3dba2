"""The subject of a mailing as it stands in lists: filled for nobody in particular, or for one."""

from collections.abc import Mapping

from jinja2 import TemplateError

from mailer.letters.headers import one_line
from mailer.letters.person import merged
from mailer.letters.templates import second_stage


def subject_for_anybody(subject: str) -> str:
    """Fill every merge field of a promotional subject with its fallback.

    What is no template stays as it was written.
    """
    return subject_for(subject, {})


def subject_for(subject: str, person: Mapping[str, str]) -> str:
    """Fill a promotional subject with a person's own merge fields, and fallbacks for the rest.

    What is no template stays as it was written.
    """
    try:
        return one_line(second_stage(subject, html=False, strict=False).render(merged(person)))
    except TemplateError:
        return subject


def subject_of_kind(letter: str, number: str = "") -> str:
    """Name an order letter by its kind, with the order's number where there is one.

    Its real subject is sealed with its other fields, for its reader alone.
    """
    words = letter.replace("_", " ")
    if number and words.startswith("order "):
        words = f"order {number}{words.removeprefix('order')}"
    elif number:
        words += f", order {number}"
    return words[:1].upper() + words[1:]
