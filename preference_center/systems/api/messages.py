"""Messages: what became of each mailing for one customer, and why, in the catalogue's words (C04)."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from mailer import ledger, support
from mailer.access import ApiScope
from mailer.support import Told
from mailer.vocabulary import Outcome, PersonId, Reason, Stream, Topic
from preference_center.systems.api.calls import Call, Needs
from preference_center.systems.api.errors import ApiRoute, NotFound
from preference_center.systems.api.forms import Answer, Page
from preference_center.systems.api.pages import MOST, PlaceOf

routes = APIRouter(prefix="/messages", route_class=ApiRoute, tags=["Messages"])

Reads = Annotated[Call, Depends(Needs(ApiScope.READ, ApiScope.MESSAGES))]
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Message(Answer):
    """One mailing's part for one customer: what became of it, and why."""

    mailing: int
    customer: int
    letter: str
    subject: str
    stream: Stream
    topic: Topic | None
    outcome: Outcome
    reason: Reason
    sentence: str
    at: datetime | None
    heard: dict[str, datetime]


class MessagePage(Page):
    """Messages of one customer, the newest first."""

    messages: list[Message]


@routes.get("", response_model=MessagePage)
def list_messages(
    customer: Annotated[int, Query(ge=1, le=2**63 - 1, description="Whose messages.")],
    place: PlaceOf,
    call: Reads,
) -> MessagePage:
    """List a customer's messages, sent and not sent, the newest first. The look is on record."""
    page = _told(call, PersonId(customer), before=place.after or None, limit=place.limit)
    return MessagePage(
        messages=[_message(customer, each) for each in page],
        next_cursor=place.next_cursor([each.mailing_id for each in page]),
    )


@routes.get("/{mailing}/{customer}", response_model=Message)
def get_a_message(mailing: Id, customer: Id, call: Reads) -> Message:
    """Get what became of one mailing for one customer."""
    for each in _told(call, PersonId(customer), before=mailing + 1, limit=MOST):
        if each.mailing_id == mailing:
            return _message(customer, each)
    raise NotFound("message")


def _told(call: Call, person_id: PersonId, *, before: int | None, limit: int) -> tuple[Told, ...]:
    with call.parts.database.transaction() as session:
        ledger.record(
            session, "support.look", at=call.now, actor=call.key.actor, person_id=person_id
        )
        return support.messages_told(session, person_id, before=before, limit=limit)


def _message(customer: int, told: Told) -> Message:
    return Message(
        mailing=told.mailing_id,
        customer=customer,
        letter=told.letter,
        subject=told.subject,
        stream=told.stream,
        topic=told.topic,
        outcome=told.outcome,
        reason=told.reason,
        sentence=told.sentence,
        at=told.at,
        heard=dict(told.heard),
    )
