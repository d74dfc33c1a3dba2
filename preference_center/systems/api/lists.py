"""Lists of people, put together by the shop's ids or by addresses; nobody's name is shown."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from sqlmodel import Session

from mailer import people
from mailer.access import ApiScope
from mailer.campaigns import audience
from mailer.campaigns.audience import ListId, PeopleList
from preference_center.systems.api.audience_shapes import (
    ListAnswer,
    ListForm,
    ListPage,
    MembersAnswer,
    MembersForm,
)
from preference_center.systems.api.calls import Call, Needs, Receipt
from preference_center.systems.api.errors import ApiRoute
from preference_center.systems.api.pages import PlaceOf

routes = APIRouter(prefix="/lists", route_class=ApiRoute, tags=["Audiences"])

Writes = Annotated[Call, Depends(Needs(ApiScope.CAMPAIGNS))]
Reads = Annotated[Call, Depends(Needs(ApiScope.READ, ApiScope.CAMPAIGNS))]
Id = Annotated[int, Path(ge=1, le=2**63 - 1, description="The list's id.")]


@routes.post("", status_code=201, response_model=ListAnswer)
def make_a_list(form: ListForm, call: Writes) -> ListAnswer:
    """Make an empty list under a name of its own."""

    def work(session: Session) -> Receipt:
        made = audience.create_list(session, name=form.name, by=call.key.actor, now=call.now)
        return Receipt({"list": made.list_id})

    return _look(call, call.once(form, work)["list"])


@routes.get("", response_model=ListPage)
def list_lists(place: PlaceOf, call: Reads) -> ListPage:
    """List the lists by id."""
    with call.look() as session:
        page = audience.lists_page(session, after=ListId(place.after), limit=place.limit)
    return ListPage(
        lists=[_answer(each) for each in page],
        next_cursor=place.next_cursor([each.list_id for each in page]),
    )


@routes.get("/{list}", response_model=ListAnswer)
def get_a_list(list: Id, call: Reads) -> ListAnswer:
    """Get one list, with how many people were put on it."""
    return _look(call, list)


@routes.delete("/{list}", status_code=204)
def delete_a_list(list: Id, call: Writes) -> None:
    """Delete it; refused while a saved audience or a campaign that has not started names it."""
    with call.parts.database.transaction() as session:
        audience.forget_list(session, ListId(list), by=call.key.actor, now=call.now)


@routes.post("/{list}/members", response_model=MembersAnswer)
def put_on_a_list(list: Id, form: MembersForm, call: Writes) -> MembersAnswer:
    """Put customers on it; who is on it already stays. Unknown ones are told by their place."""
    return _members(call, list, form, audience.put_on_list)


@routes.post("/{list}/members/remove", response_model=MembersAnswer)
def take_off_a_list(list: Id, form: MembersForm, call: Writes) -> MembersAnswer:
    """Take customers off it."""
    return _members(call, list, form, audience.take_off_list)


def _members(call: Call, number: int, form: MembersForm, act: Callable[..., int]) -> MembersAnswer:
    def work(session: Session) -> Receipt:
        named = people.named(
            session, call.parts.vault, external_ids=form.external_ids, emails=form.emails
        )
        changed = act(session, ListId(number), named.persons, by=call.key.actor, now=call.now)
        answer = MembersAnswer(
            list=number,
            changed=changed,
            unknown_external_ids=named.unknown_ids,
            unknown_emails=named.unknown_emails,
        )
        return Receipt(answer.model_dump(mode="json"))

    return MembersAnswer.model_validate(call.once(form, work))


def _look(call: Call, number: int) -> ListAnswer:
    with call.look() as session:
        return _answer(audience.list_of(session, ListId(number)))


def _answer(found: PeopleList) -> ListAnswer:
    return ListAnswer(
        id=found.list_id,
        name=found.name,
        people=found.people,
        created_at=found.created_at,
        created_by=found.created_by,
    )
