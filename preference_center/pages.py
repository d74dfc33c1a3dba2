"""Turning a view and a template into a page, and the few files that pages load."""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from mailer.settings import Settings

HERE = Path(__file__).resolve().parent
TEMPLATES = HERE.parent / "templates" / "web"
STATIC = HERE / "static"

_RIGHT_TO_LEFT = frozenset(
    {"ar", "arc", "dv", "fa", "he", "ks", "ku", "ps", "sd", "ug", "ur", "yi"}
)


@dataclass(frozen=True, slots=True)
class Language:
    """The language that a page is written in, and the direction in which it reads."""

    code: str = "en"

    @property
    def dir(self) -> str:
        """`rtl` or `ltr`, for the page's `dir`."""
        return "rtl" if self.code.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"


ENGLISH = Language("en")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file that pages load, held in memory; `version` changes with its content."""

    content: bytes
    media_type: str
    version: str


@dataclass(frozen=True, slots=True)
class Company:
    """How to reach us, at the foot of each page (C27)."""

    postal_address: str
    care_email: str
    care_phone: str

    @property
    def care_phone_dial(self) -> str:
        """The phone number as `tel:` wants it: digits only, in its international form."""
        digits = "".join(each for each in self.care_phone if each in "+0123456789")
        return digits if digits.startswith("+") else f"+1{digits}"


class Pages:
    """Renders the templates of `templates/web`, strictly: an undefined name is an error."""

    def __init__(self, settings: Settings, *, templates: Path = TEMPLATES) -> None:
        self.company = Company(settings.postal_address, settings.care_email, settings.care_phone)
        self.assets = _read_assets(STATIC)
        self._environment = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {"asset": self.asset_url, "company": self.company}

    def asset_url(self, name: str) -> str:
        """Return the address of a static file, with its version, so that it may be kept for ever."""
        return f"/static/{name}?v={self.assets[name].version}"

    def text(self, template: str, page: object, *, language: Language = ENGLISH) -> str:
        """Return the page as HTML. `page` is a frozen view; nothing else reaches the template."""
        return self._environment.get_template(template).render(page=page, language=language)

    def answer(
        self,
        template: str,
        page: object,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        """Return the page as an answer."""
        return HTMLResponse(
            self.text(template, page), status_code=status, headers=dict(headers or {})
        )


def _read_assets(folder: Path) -> dict[str, Asset]:
    return {path.name: _asset(path) for path in sorted(folder.iterdir()) if path.is_file()}


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    media_type: Any = mimetypes.guess_type(path.name)[0]
    return Asset(
        content=content,
        media_type=media_type or "application/octet-stream",
        version=hashlib.sha256(content).hexdigest()[:12],
    )
