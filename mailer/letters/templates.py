"""The two stages of a template: square brackets once per mailing, curly ones once per person."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, Undefined
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from mailer.letters.person import FALLBACKS, default
from mailer.letters.plain import LINK_FROM, LINK_TO

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "email"


class Missing(Undefined):
    """A name that nothing stands behind prints its fallback when a letter is sent (C03)."""

    def __str__(self) -> str:
        return FALLBACKS.get(self._undefined_name or "", "")


@lru_cache(maxsize=4)
def first_stage(folder: Path = TEMPLATES) -> Environment:
    """Give the environment of the square brackets; anything undefined in it is an error.

    It is kept, and keeps the files that it has parsed until they change on the disk.
    """
    stage = Environment(
        loader=FileSystemLoader(folder),
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        autoescape=lambda name: bool(name and name.endswith(".html")),  # noqa: S701 - text has no markup
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    stage.globals["link"] = marked_link
    return stage


def marked_link(url: str) -> Markup:
    """Mark a web address in a text part, to be measured like the links of the HTML part."""
    return Markup(f"{LINK_FROM}{url}{LINK_TO}")  # noqa: S704 - text parts have no markup


@lru_cache(maxsize=128)
def second_stage(source: str, *, html: bool, strict: bool) -> Template:
    """Compile what is filled once per person, in a sandbox without globals.

    A name without a value is an error with `strict`, else it prints its fallback. Kept, since a
    kind of order letter has one source for everybody: compiling it took half of an event's time.
    """
    stage = SandboxedEnvironment(
        autoescape=html,
        undefined=StrictUndefined if strict else Missing,
        keep_trailing_newline=True,
    )
    stage.globals.clear()
    stage.filters["default"] = default
    return stage.from_string(source)


def fill(source: str, values: dict[str, Any]) -> str:
    """Fill one short text template; what is missing is left empty."""
    return _short(source).render(values)


@lru_cache(maxsize=128)
def _short(source: str) -> Template:
    stage = SandboxedEnvironment(autoescape=False)
    stage.globals.clear()
    return stage.from_string(source)
