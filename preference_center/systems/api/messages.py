"""Messages: what became of each mailing for one customer, and why, in the catalogue's words (C04)."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from mailer import campaigns, ledger, support
from mailer.access import ApiScope
from mailer.campaigns import CampaignId
from mailer.support import Told
from mailer.vocabulary import MailingId, Outcome, PersonId, Reason, Stream, Topic
from preference_center.systems.api.calls import Call, Needs
from preference_center.systems.api.errors import ApiRoute, NotFound, field_problem
from preference_center.systems.api.forms import Answer, Page
from preference_center.systems.api.pages import MOST, Place, PlaceOf

routes = APIRouter(prefix="/messages", route_class=ApiRoute, tags=["Messages"])

Reads = Annotated[Call, Depends(Needs(ApiScope.READ, ApiScope.MESSAGES))]
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]
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
    """Messages: of one customer the newest first, of a mailing by customer."""

    messages: list[Message]


@routes.get("", response_model=MessagePage)
def list_messages(
    place: PlaceOf,
    call: Reads,
    customer: Annotated[Number | None, Query(description="Whose messages, newest first.")] = None,
    campaign: Annotated[Number | None, Query(description="A campaign's, by customer.")] = None,
    mailing: Annotated[Number | None, Query(description="A mailing's, by customer.")] = None,
) -> MessagePage:
    """List the messages of a customer, a campaign or a mailing, sent and not sent.

    Give exactly one of the three. A look at a customer is on record.
    """
    if sum(each is not None for each in (customer, campaign, mailing)) != 1:
        raise field_problem(
            [{"field": "customer", "problem": "give customer, campaign or mailing"}]
        )
    if customer is not None:
        page = _told(call, PersonId(customer), before=place.after or None, limit=place.limit)
        cursor = place.next_cursor([each.mailing_id for each in page])
    else:
        page = _roll(call, campaign, mailing, place)
        cursor = place.next_cursor([each.person_id for each in page])
    return MessagePage(messages=[_message(each) for each in page], next_cursor=cursor)


@routes.get("/{mailing}/{customer}", response_model=Message)
def get_a_message(mailing: Id, customer: Id, call: Reads) -> Message:
    """Get what became of one mailing for one customer."""
    for each in _told(call, PersonId(customer), before=mailing + 1, limit=MOST):
        if each.mailing_id == mailing:
            return _message(each)
    raise NotFound("message")


def _told(call: Call, person_id: PersonId, *, before: int | None, limit: int) -> tuple[Told, ...]:
    with call.parts.database.transaction() as session:
        ledger.record(
            session, "support.look", at=call.now, actor=call.key.actor, person_id=person_id
        )
        return support.messages_told(
            session,
            person_id,
            before=before,
            limit=limit,
            cap=call.parts.cap,
            now=call.now,
        )


def _roll(call: Call, campaign: int | None, mailing: int | None, place: Place) -> tuple[Told, ...]:
    with call.look() as session:
        number = MailingId(mailing or 0)
        if campaign is not None:
            started = campaigns.campaign_of(session, CampaignId(campaign)).mailing_id
            if started is None:
                return ()
            number = started
        return support.roll_told(
            session,
            number,
            after=PersonId(place.after),
            limit=place.limit,
            cap=call.parts.cap,
            now=call.now,
        )


def _message(told: Told) -> Message:
    return Message(
        mailing=told.mailing_id,
        customer=told.person_id,
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
