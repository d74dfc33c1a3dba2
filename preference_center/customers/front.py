"""`/`: what this is, and where to choose what one gets."""

from dataclasses import dataclass

from fastapi import APIRouter, Response

from mailer.settings import Environment
from preference_center.door import Here

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class FrontPage:
    """The front page; a developer's machine shows its tools as well."""

    development: bool
    outbox: bool


@router.api_route("/", methods=["GET", "HEAD"])
def front(door: Here) -> Response:
    """Show the front page."""
    settings = door.parts.settings
    page = FrontPage(
        development=settings.env is Environment.DEVELOPMENT,
        outbox=bool(settings.mail_catcher),
    )
    return door.pages.answer("customers/front.html", page)
