"""`/u/{token}`: GET shows, POST acts; the mailbox's one-click comes to the same URL (RFC 8058).

A POST with a valid token stops all promotional mail whatever its body is; only the page's own
button for one topic stops less. The answer is 200 and never a redirect, on repeats too (C08).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from sqlmodel import Session
from starlette.responses import PlainTextResponse

from mailer.database import DatabaseAway
from mailer.delivery import Acknowledgement, MailingNotFound, mailing_of
from mailer.links import Purpose
from mailer.permission import Standing, consents_of, standing_of
from mailer.vocabulary import Door, PersonId, Topic
from preference_center.bodies import Form, read_form
from preference_center.customers.views import (
    LeftView,
    Place,
    StoppedPage,
    UnsubscribePage,
    door_said,
)
from preference_center.customers.visitor import (
    Bearer,
    Visitor,
    bearer_of,
    preferences_path,
    visitor_of,
)
from preference_center.customers.wishes import stop_mail, underway
from preference_center.door import Here, WebDoor
from preference_center.masking import NOBODY

router = APIRouter(include_in_schema=False)

STOP_ALL_WORDS = "Stop all promotional mail"
ONE_CLICK_WORDS = "List-Unsubscribe=One-Click"


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known before anything is decided: who, of which topic their mail was, how they stand."""

    visitor: Visitor
    topic: Topic | None
    standing: Standing | None


@router.api_route("/u/{token}", methods=["GET", "HEAD"])
def ask(token: str, door: Here) -> Response:
    """Show the question, or that it is answered already; changes nothing."""
    now = door.clock()
    bearer = bearer_of(door, Purpose.UNSUBSCRIBE, token)
    with door.parts.database.reading() as session:
        situation = _situation(door, session, bearer, now=now)
        stopped = situation.standing is not None and situation.standing.stopped_since is not None
        reference = _reference_of(session, situation.visitor.person_id, None) if stopped else ""
    if stopped:
        return door.pages.answer("customers/stopped.html", _seen_later(door, situation, reference))
    return door.pages.answer("customers/unsubscribe.html", _question(door, situation))


@router.post("/u/{token}")
def stop(token: str, form: Annotated[Form, Depends(read_form)], door: Here) -> Response:
    """Stop, then answer; raises before answering where it could not be saved."""
    now = door.clock()
    bearer = bearer_of(door, Purpose.UNSUBSCRIBE, token)
    chosen = set(form.all("choice"))
    if not chosen & {"all", "topic"}:
        said = stop_mail(door, bearer, None, through=Door.ONE_CLICK, words=ONE_CLICK_WORDS)
        return PlainTextResponse(_said_to_mailbox(said))
    topic = None if "all" in chosen else _topic_of(door, bearer)
    words = f"Stop only “{topic.label}”" if topic else STOP_ALL_WORDS
    said = stop_mail(door, bearer, topic, through=Door.UNSUBSCRIBE_PAGE, words=words)
    page = acknowledgement(door, bearer, topic, said, now=now)
    return door.pages.answer("customers/stopped.html", page)


def _said_to_mailbox(said: Acknowledgement) -> str:
    """Answer in a few words; what could not be called back is named here too."""
    lines = ["Stopped."]
    if said.left:
        lines.append(f"{len(said.left)} message(s) had left before.")
    if said.may_still_arrive:
        lines.append("One message may still arrive.")
    return "\n".join(lines) + "\n"


def acknowledgement(
    door: WebDoor, bearer: Bearer, topic: Topic | None, said: Acknowledgement, *, now: datetime
) -> StoppedPage:
    """Say that a topic, or all promotional mail, is stopped: with all details that can be read."""
    try:
        return _acknowledged(door, bearer, topic, said, now=now)
    except DatabaseAway:
        return _bare(door, bearer, topic, said, now=now)


def _situation(door: WebDoor, session: Session, bearer: Bearer, *, now: datetime) -> Situation:
    visitor = visitor_of(door, session, bearer, now=now)
    return Situation(
        visitor=visitor,
        topic=_topic_in(session, bearer),
        standing=standing_of(session, visitor.person_id),
    )


def _topic_of(door: WebDoor, bearer: Bearer) -> Topic | None:
    with door.parts.database.reading() as session:
        return _topic_in(session, bearer)


def _topic_in(session: Session, bearer: Bearer) -> Topic | None:
    """Return the topic of the mailing behind the link; none where it is gone: then all stops."""
    if bearer.mailing_id is None:
        return None
    try:
        return mailing_of(session, bearer.mailing_id).topic
    except MailingNotFound:
        return None


def _reference_of(session: Session, person_id: PersonId, topic: Topic | None) -> str:
    """Return the reference of the last stop of this topic, or of all; none where no wish was."""
    act = "no" if topic else "stop"
    return next(
        (
            each.reference
            for each in reversed(consents_of(session, person_id, limit=10_000))
            if (each.act, each.topic) == (act, topic)
        ),
        "",
    )


def _question(door: WebDoor, situation: Situation) -> UnsubscribePage:
    standing, topic, place = situation.standing, situation.topic, situation.visitor.place
    each = standing.topics[topic] if standing and topic else None
    off_since = each.since if each and not each.on else None
    return UnsubscribePage(
        address=place.address,
        topic=topic.label if topic else "",
        topic_off_since=place.moment(off_since) if off_since else None,
        preferences=preferences_path(door, situation.visitor),
    )


def _seen_later(door: WebDoor, situation: Situation, reference: str) -> StoppedPage:
    standing, place = situation.standing, situation.visitor.place
    since = standing.stopped_since if standing else None
    return StoppedPage(
        title="Promotional mail is stopped",
        at=place.moment(place.now),
        reference=reference,
        topic="",
        already_since=place.moment(since or place.now),
        already_by=door_said(standing.stopped_door if standing else None),
        left=(),
        may_still_arrive=(),
        preferences=preferences_path(door, situation.visitor),
    )


def _acknowledged(
    door: WebDoor, bearer: Bearer, topic: Topic | None, said: Acknowledgement, *, now: datetime
) -> StoppedPage:
    with door.parts.database.reading() as session:
        situation = _situation(door, session, bearer, now=now)
        place, standing = situation.visitor.place, situation.standing
        left, unsure = underway(session, place, said)
        earlier = _reference_of(session, situation.visitor.person_id, topic)
    stopped_by = standing.stopped_door if standing and said.already_since and not topic else None
    return StoppedPage(
        title=f"“{topic.label}” is stopped" if topic else "Promotional mail is stopped",
        at=place.moment(said.at),
        reference=earlier if said.already_since else said.reference,
        topic=topic.label if topic else "",
        already_since=place.moment(said.already_since) if said.already_since else None,
        already_by=door_said(stopped_by),
        left=left,
        may_still_arrive=unsure,
        preferences=preferences_path(door, situation.visitor),
    )


def _bare(
    door: WebDoor, bearer: Bearer, topic: Topic | None, said: Acknowledgement, *, now: datetime
) -> StoppedPage:
    """Acknowledge without looking anything up: the wish is kept, though nothing can be read now."""
    place = Place(NOBODY, UTC, now)
    visitor = Visitor(bearer.person_id, bearer.address_id, place)
    return StoppedPage(
        title=f"“{topic.label}” is stopped" if topic else "Promotional mail is stopped",
        at=place.moment(said.at),
        reference=said.reference,
        topic=topic.label if topic else "",
        already_since=None,
        already_by="",
        left=tuple(LeftView("", place.moment(each.at)) for each in said.left),
        may_still_arrive=tuple("" for _ in said.unsure),
        preferences=preferences_path(door, visitor),
    )
