"""`/p/{token}`: see and change what I get, without login; `/p/{token}/{reference}`: the receipt.

Nos go first and need nothing; a yes names the version that its page showed. A save answers 303
to a receipt, so that reloading repeats nothing.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.responses import RedirectResponse

from mailer import policy
from mailer.database import DatabaseAway
from mailer.delivery import Acknowledgement
from mailer.links import Purpose
from mailer.permission import Change, Standing, standing_of
from mailer.vocabulary import Door, PersonId, Topic
from mailer.wiring import REFERENCE_LETTERS
from preference_center.bodies import Form, read_form
from preference_center.customers.forms import (
    Asked,
    Posted,
    compare,
    read_posted,
    shown_now,
    without_partner_offers,
)
from preference_center.customers.receipts import keep_receipt, receipt_page
from preference_center.customers.signals import Signal, signal_of
from preference_center.customers.unsubscribe import STOP_ALL_WORDS, acknowledgement
from preference_center.customers.views import PreferencePage, asked_again, preference_page
from preference_center.customers.visitor import Bearer, Visitor, bearer_of, visitor_of
from preference_center.customers.wishes import hand_over, stop_mail
from preference_center.door import Here, WebDoor
from preference_center.problems import Problem

router = APIRouter(include_in_schema=False)
REFERENCE = re.compile(f"P-[{REFERENCE_LETTERS}]{{4}}-[{REFERENCE_LETTERS}]{{4}}")
TEMPLATE = "customers/preferences.html"
Seen = Annotated[Signal | None, Depends(signal_of)]


@dataclass(frozen=True, slots=True)
class Known:
    """The person behind the link, and how they stand at this moment."""

    visitor: Visitor
    standing: Standing


@router.api_route("/p/{token}", methods=["GET", "HEAD"])
def show(token: str, door: Here, signal: Seen) -> Response:
    """Show what the person gets; changes nothing."""
    bearer = bearer_of(door, Purpose.PREFERENCES, token)
    known = _known(door, bearer, now=door.clock())
    return door.pages.answer(TEMPLATE, _page(known, signal))


@router.post("/p/{token}")
def save(
    token: str, form: Annotated[Form, Depends(read_form)], door: Here, signal: Seen
) -> Response:
    """Save what the form asks for and lead to its receipt, or ask again what a stale page asked."""
    now = door.clock()
    bearer = bearer_of(door, Purpose.PREFERENCES, token)
    if form.one("act") == "stop":
        return _stop_all(door, token, bearer, now=now)
    known = _known(door, bearer, now=now)
    posted = read_posted(form, known.visitor.place.zone, now=now)
    if posted.mistakes:
        return door.pages.answer(TEMPLATE, _page(known, signal, posted=posted), status=422)
    return _save(door, token, bearer, known, posted, signal)


@router.api_route("/p/{token}/{reference}", methods=["GET", "HEAD"])
def receipt(token: str, reference: str, door: Here) -> Response:
    """Show again what one save changed."""
    bearer = bearer_of(door, Purpose.PREFERENCES, token)
    if not REFERENCE.fullmatch(reference):
        raise Problem(404, "no-receipt", "There is no such receipt", NO_RECEIPT)
    with door.parts.database.reading() as session:
        visitor = visitor_of(door, session, bearer, now=door.clock())
        page = receipt_page(session, visitor, reference, preferences=f"/p/{token}")
    if page is None:
        raise Problem(404, "no-receipt", "There is no such receipt", NO_RECEIPT)
    return door.pages.answer("customers/receipt.html", page)


NO_RECEIPT = "Check the reference, or open your preferences from a message of ours."


def _stop_all(door: WebDoor, token: str, bearer: Bearer, *, now: datetime) -> Response:
    """Stop first and look afterwards: the exit works for who is not there any more, too."""
    said = stop_mail(door, bearer, None, through=Door.PREFERENCE_PAGE, words=STOP_ALL_WORDS)
    try:
        known = _known(door, bearer, now=now)
    except (Problem, DatabaseAway):
        known = None
    if known is not None and said.acts:
        return _receipt(door, token, known.visitor.person_id, said)
    page = acknowledgement(door, bearer, None, said, now=now)
    return door.pages.answer("customers/stopped.html", page)


def _save(
    door: WebDoor,
    token: str,
    bearer: Bearer,
    known: Known,
    posted: Posted,
    signal: Signal | None,
) -> Response:
    place = known.visitor.place
    asked = compare(posted, known.standing, place.zone, now=place.now)
    if signal is not None:
        asked = without_partner_offers(asked, known.standing)
    change = _change(asked, posted, signal)
    said = hand_over(door, bearer.person_id, bearer.address_id, change)
    again = asked.again | {topic.value for topic in said.stale} | said.stale_manners
    if again:
        return _ask_again(door, bearer, said, again, signal)
    if not said.acts:
        known = _known(door, bearer, now=place.now)  # a no that was repeated counts as a version
        page = replace(_page(known, signal), unchanged_at=place.moment(said.at))
        return door.pages.answer(TEMPLATE, page)
    return _receipt(door, token, known.visitor.person_id, said)


def _change(asked: Asked, posted: Posted, signal: Signal | None) -> Change:
    words = [policy.words_for(topic) for topic in Topic if topic in asked.topics_on]
    if asked.tracking:
        words.append(policy.CURRENT.tracking_words)
    return Change(
        door=Door.PREFERENCE_PAGE,
        policy_version=policy.CURRENT.version,
        topics_off=asked.topics_off,
        topics_on=asked.topics_on,
        paused_until=asked.paused_until,
        resume=asked.resume,
        frequency=asked.frequency,
        tracking=asked.tracking,
        gpc=True if signal is not None else None,
        words="\n".join(words),
        seen_version=posted.version,
    )


def _receipt(door: WebDoor, token: str, person_id: PersonId, said: Acknowledgement) -> Response:
    """Lead to the receipt of what was saved."""
    keep_receipt(door, person_id, said)
    return RedirectResponse(f"/p/{token}/{said.reference}", status_code=303)


def _ask_again(
    door: WebDoor,
    bearer: Bearer,
    said: Acknowledgement,
    again: frozenset[str] | set[str],
    signal: Signal | None,
) -> Response:
    """Show the page as things stand now; what was a no on the stale page is saved already."""
    known = _known(door, bearer, now=door.clock())
    if said.acts:
        keep_receipt(door, known.visitor.person_id, said)
    page = replace(
        _page(known, signal),
        asked_again=asked_again(known.visitor.place, known.standing, again),
        reference=said.reference if said.acts else "",
    )
    return door.pages.answer(TEMPLATE, page, status=409)


def _known(door: WebDoor, bearer: Bearer, *, now: datetime) -> Known:
    with door.parts.database.reading() as session:
        visitor = visitor_of(door, session, bearer, now=now)
        standing = standing_of(session, visitor.person_id)
    if standing is None:
        raise Problem(404, "nobody", "There is nothing to choose here", NOBODY_HERE)
    return Known(visitor, standing)


NOBODY_HERE = "We hold no account for this link any more, and send nothing because of it."


def _page(known: Known, signal: Signal | None, *, posted: Posted | None = None) -> PreferencePage:
    place = known.visitor.place
    current = shown_now(known.standing, place.zone, now=place.now)
    return preference_page(
        place,
        known.standing,
        about={topic: policy.words_for(topic) for topic in Topic},
        current=current,
        chosen=posted.chosen if posted else current,
        signal=signal,
        tracking_words=policy.CURRENT.tracking_words,
        pause_text=posted.pause_text if posted else "",
        errors=posted.mistakes if posted else (),
    )
