"""Audiences: rules kept under a name, said in a sentence, counted by the sender's own decision."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from sqlmodel import Session

from mailer.access import ApiScope
from mailer.campaigns import audience
from mailer.campaigns.audience import AudienceId, Rule, SavedAudience, sentence
from mailer.vocabulary import Topic
from preference_center.systems.api.audience_shapes import (
    AudienceAnswer,
    AudienceForm,
    AudiencePage,
    CountAnswer,
    CountForm,
)
from preference_center.systems.api.calls import Call, Needs, Receipt
from preference_center.systems.api.counting import counted_in_time
from preference_center.systems.api.errors import ApiRoute
from preference_center.systems.api.pages import PlaceOf

routes = APIRouter(prefix="/audiences", route_class=ApiRoute, tags=["Audiences"])

Writes = Annotated[Call, Depends(Needs(ApiScope.CAMPAIGNS))]
Reads = Annotated[Call, Depends(Needs(ApiScope.READ, ApiScope.CAMPAIGNS))]
Id = Annotated[int, Path(ge=1, le=2**63 - 1, description="The saved audience's id.")]


@routes.post("", status_code=201, response_model=AudienceAnswer)
def save_an_audience(form: AudienceForm, call: Writes) -> AudienceAnswer:
    """Keep a rule under a name of its own."""

    def work(session: Session) -> Receipt:
        made = audience.save(
            session, name=form.name, rule=form.rule, by=call.key.actor, now=call.now
        )
        return Receipt({"audience": made.audience_id})

    return _look(call, call.once(form, work)["audience"])


@routes.get("", response_model=AudiencePage)
def list_audiences(place: PlaceOf, call: Reads) -> AudiencePage:
    """List saved audiences by id."""
    with call.look() as session:
        page = audience.saved_page(session, after=AudienceId(place.after), limit=place.limit)
        names = audience.names_in(session, *(each.rule for each in page))
    return AudiencePage(
        audiences=[_answer(each, sentence(each.rule, names)) for each in page],
        next_cursor=place.next_cursor([each.audience_id for each in page]),
    )


@routes.post("/count", response_model=CountAnswer)
def count_a_rule(form: CountForm, call: Reads, response: Response) -> CountAnswer:
    """Count a rule without keeping it. Answered with 202 while it is still counting."""
    with call.look() as session:
        audience.check_references(session, form.rule)
        names = audience.names_in(session, form.rule)
    return _counted(call, response, form.rule, form.topic, sentence(form.rule, names))


@routes.get("/{audience}", response_model=AudienceAnswer)
def get_an_audience(audience: Id, call: Reads) -> AudienceAnswer:
    """Get one saved audience, with its sentence."""
    return _look(call, audience)


@routes.put("/{audience}", response_model=AudienceAnswer)
def change_an_audience(audience: Id, form: AudienceForm, call: Writes) -> AudienceAnswer:
    """Replace its name and rule, for campaigns that are written from now on; others keep theirs."""
    _change(call, AudienceId(audience), form)
    return _look(call, audience)


@routes.delete("/{audience}", status_code=204)
def delete_an_audience(audience: Id, call: Writes) -> None:
    """Delete it; campaigns keep the rule that they took."""
    _forget(call, AudienceId(audience))


@routes.get("/{audience}/count", response_model=CountAnswer)
def count_an_audience(audience: Id, topic: Topic, call: Reads, response: Response) -> CountAnswer:
    """Count it for a topic. Answered with 202 while it is still counting."""
    found = _look(call, audience)
    return _counted(call, response, found.rule, topic, found.sentence)


def _counted(call: Call, response: Response, rule: Rule, topic: Topic, said: str) -> CountAnswer:
    told = counted_in_time(
        call,
        response,
        lambda session: audience.count_step(
            session, rule, topic=topic, terms=audience.Terms(cap=call.parts.cap), now=call.now
        ),
    )
    shown = audience.published_count(told)
    with call.look() as session:
        notes = audience.doubts_about(session, rule)
    return CountAnswer(
        state="counted" if told.is_whole else "counting",
        progress=round(told.progress, 4),
        as_at=told.as_at,
        sentence=said,
        notes=notes,
        audience=shown.audience,
        allowed=shown.allowed,
        refused={reason.value: count for reason, count in shown.refused.items()},
    )


def _change(call: Call, audience_id: AudienceId, form: AudienceForm) -> None:
    with call.parts.database.transaction() as session:
        audience.change(
            session,
            audience_id,
            name=form.name,
            rule=form.rule,
            by=call.key.actor,
            now=call.now,
        )


def _forget(call: Call, audience_id: AudienceId) -> None:
    with call.parts.database.transaction() as session:
        audience.forget(session, audience_id, by=call.key.actor, now=call.now)


def _look(call: Call, number: int) -> AudienceAnswer:
    with call.look() as session:
        found = audience.saved_of(session, AudienceId(number))
        return _answer(found, sentence(found.rule, audience.names_in(session, found.rule)))


def _answer(found: SavedAudience, said: str) -> AudienceAnswer:
    return AudienceAnswer(
        id=found.audience_id,
        name=found.name,
        rule=found.rule,
        sentence=said,
        created_at=found.created_at,
        created_by=found.created_by,
        changed_at=found.changed_at,
    )
