"""`/outbox`: what the mail catcher caught, on a developer's machine only.

The HTML of a mail is shown in a sandboxed frame under a policy of its own: its styles work, no
script runs, and looking loads no pixel, so that it counts as no open.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response
from starlette.responses import HTMLResponse

from mailer.development.outbox import (
    CaughtMail,
    Link,
    NoSuchMail,
    WholeMail,
    read_mail,
    read_outbox,
)
from preference_center.door import Here
from preference_center.headers import content_policy
from preference_center.moments import Moment, moment
from preference_center.problems import Problem

router = APIRouter(include_in_schema=False)
PER_PAGE = 50
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
LOOK = content_policy(frame_src="'self'")


@dataclass(frozen=True, slots=True)
class MailView:
    """One line of the outbox."""

    name: str
    subject: str
    recipient: str
    sender: str
    at: Moment


@dataclass(frozen=True, slots=True)
class OutboxPage:
    """One page of the outbox, newest first; `to` is the text that recipients are looked for by."""

    to: str
    mails: tuple[MailView, ...]
    older: str
    newer: str


@dataclass(frozen=True, slots=True)
class MailPage:
    """One caught mail."""

    name: str
    subject: str
    recipient: str
    at: Moment
    html: bool
    text: str
    links: Sequence[Link]
    headers: Sequence[tuple[str, str]]


def the_folder(door: Here) -> Path:
    """Return the catcher's folder; raises Problem 404 where there is no catcher."""
    folder = door.parts.settings.mail_catcher
    if not folder:
        raise Problem(404, "not-found", "There is no such page")
    return Path(folder)


Folder = Annotated[Path, Depends(the_folder)]


@router.api_route("/outbox", methods=["GET", "HEAD"])
def outbox(
    door: Here,
    folder: Folder,
    before: Annotated[str, Query(max_length=64)] = "",
    to: Annotated[str, Query(max_length=320)] = "",
) -> Response:
    """List what was caught; with `to`, for recipients that hold this text."""
    to = to.strip()
    caught = read_outbox(folder, limit=PER_PAGE + 1, before=before, to=to)
    page = OutboxPage(
        to=to,
        mails=tuple(_view(each) for each in caught[:PER_PAGE]),
        older=_outbox(to, caught[PER_PAGE - 1].name) if len(caught) > PER_PAGE else "",
        newer=_outbox(to) if before else "",
    )
    return door.pages.answer("systems/outbox.html", page, headers={"Cache-Control": "no-store"})


@router.api_route("/outbox/{name}", methods=["GET", "HEAD"])
def mail(name: str, door: Here, folder: Folder) -> Response:
    """Show one caught mail."""
    whole = _whole(folder, name)
    view = _view(whole.caught)
    page = MailPage(
        name=view.name,
        subject=view.subject,
        recipient=view.recipient,
        at=view.at,
        html=bool(whole.html),
        text=whole.text,
        links=whole.links,
        headers=whole.headers,
    )
    headers = {"Content-Security-Policy": LOOK, "Cache-Control": "no-store"}
    return door.pages.answer("systems/outbox_mail.html", page, headers=headers)


@router.api_route("/outbox/{name}/html", methods=["GET", "HEAD"])
def preview(name: str, door: Here, folder: Folder) -> Response:
    """Answer with a mail's HTML, for the frame; its links open beside the page."""
    whole = _whole(folder, name)
    pictures = f"data: {door.parts.settings.public_url.rstrip('/')}/static/"
    headers = {
        "Content-Security-Policy": content_policy(
            style_src="'unsafe-inline'",
            script_src="'none'",
            connect_src="'none'",
            form_action="'none'",
            img_src=pictures,
            frame_ancestors="'self'",
            sandbox=SANDBOX,
        ),
        "Cache-Control": "no-store",
    }
    return HTMLResponse(_opening_beside(whole.html), headers=headers)


def _outbox(to: str, before: str = "") -> str:
    """Return the address of a page of the outbox."""
    asked = {name: value for name, value in (("before", before), ("to", to)) if value}
    return f"/outbox?{urlencode(asked)}" if asked else "/outbox"


def _whole(folder: Path, name: str) -> WholeMail:
    try:
        return read_mail(folder, name)
    except NoSuchMail:
        raise Problem(404, "not-found", "There is no such mail", GONE) from None


GONE = "It may have been removed to make room for newer ones."


def _view(caught: CaughtMail) -> MailView:
    return MailView(
        name=caught.name,
        subject=caught.subject or "(no subject)",
        recipient=caught.recipient,
        sender=parseaddr(caught.from_)[0] or caught.from_,
        at=moment(caught.at, UTC),
    )


def _opening_beside(html: str) -> str:
    """Make each link open a page of its own: inside the frame nothing of ours may be shown."""
    base = '<base target="_blank">'
    if HEAD.search(html):
        return HEAD.sub(lambda head: head.group() + base, html, count=1)
    return base + html
