"""Suppressions: addresses that must not be mailed, whether or not a customer has them (C08)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from sqlmodel import Session

from mailer import ledger, people, permission, support
from mailer.access import ApiScope
from mailer.permission import NewSuppression, SuppressionRecord
from mailer.vocabulary import Door, Scope, SuppressionReason
from preference_center.systems.api.calls import Call, Needs, Receipt
from preference_center.systems.api.consents import acknowledged
from preference_center.systems.api.errors import ApiRoute
from preference_center.systems.api.pages import PlaceOf
from preference_center.systems.api.shapes import (
    Acknowledged,
    LiftForm,
    SuppressedAnswer,
    SuppressionAnswer,
    SuppressionForm,
    SuppressionPage,
)

routes = APIRouter(prefix="/suppressions", route_class=ApiRoute, tags=["Suppressions"])

Writes = Annotated[Call, Depends(Needs(ApiScope.SUPPRESSIONS))]
Reads = Annotated[Call, Depends(Needs(ApiScope.READ, ApiScope.SUPPRESSIONS))]
Id = Annotated[int, Path(ge=1, le=2**63 - 1, description="The suppression's id.")]


@routes.get("", response_model=SuppressionPage)
def list_suppressions(place: PlaceOf, call: Reads) -> SuppressionPage:
    """List what stands, by id. Addresses are stored as keyed hashes and cannot be listed."""
    with call.look() as session:
        page = permission.suppressions_page(session, after=place.after, limit=place.limit)
    return SuppressionPage(
        suppressions=[_answer(each) for each in page],
        next_cursor=place.next_cursor([each.id for each in page]),
    )


@routes.post("", status_code=201, response_model=SuppressedAnswer)
def suppress_an_address(form: SuppressionForm, call: Writes) -> SuppressedAnswer:
    """Suppress an address.

    An opt-out reaches every customer of the address by the same road as their own click, is in
    force when the answer comes, and is acknowledged for each. Every other reason suppresses the
    bare address, and is in force when the answer comes, too.
    """
    by_themselves = form.reason is SuppressionReason.OPT_OUT and form.until is None
    if by_themselves and form.scope is not Scope.ALL:
        done = call.once_apart(form, lambda: _opt_out(form, call))
    else:
        done = call.once_apart(form, lambda: _suppress(form, call))
    return SuppressedAnswer.model_validate(done)


@routes.get("/{suppression}", response_model=SuppressionAnswer)
def get_a_suppression(suppression: Id, call: Reads) -> SuppressionAnswer:
    """Get one suppression, standing or lifted."""
    with call.look() as session:
        return _answer(permission.suppression_of(session, suppression))


@routes.post("/{suppression}/lift", response_model=SuppressionAnswer)
def lift_a_suppression(suppression: Id, form: LiftForm, call: Writes) -> SuppressionAnswer:
    """End a suppression, saying why. Opt-outs and complaints end by the customer's own yes only."""

    def work(session: Session) -> Receipt:
        lifted = permission.lift(session, suppression, why=form.why, now=call.now)
        ledger.record(
            session,
            "suppression.lifted",
            at=call.now,
            actor=call.key.actor,
            person_id=lifted.person_id,
            detail={"suppression": suppression},
        )
        return Receipt(_answer(lifted).model_dump(mode="json"))

    return SuppressionAnswer.model_validate(call.once(form, work))


def _opt_out(form: SuppressionForm, call: Call) -> Receipt:
    removed = support.remove(
        call.parts.database,
        call.parts.vault,
        call.parts.opt_outs,
        form.email,
        support.Removal(form.scope, form.topic),
        by=support.Remover(Door.API, call.key.actor, call.now),
    )
    return _receipt(removed.suppression_id, [said for _, said in removed.acknowledgements])


def _suppress(form: SuppressionForm, call: Call) -> Receipt:
    with call.parts.database.transaction() as session:
        address_id = people.address_id_of(session, call.parts.vault, form.email, create=True)
    new = NewSuppression(
        scope=form.scope,
        reason=form.reason,
        door=Door.API,
        address_id=address_id,
        topic=form.topic,
        until=form.until,
    )
    suppression, said = call.parts.opt_outs.suppress(new)
    with call.parts.database.transaction() as session:
        ledger.record(
            session,
            "suppression.added",
            at=call.now,
            actor=call.key.actor,
            detail={"suppression": suppression},
        )
    return _receipt(suppression, [said])


def _receipt(suppression: int | None, said: list[Any]) -> Receipt:
    answer = SuppressedAnswer(
        suppression=suppression,
        acknowledgements=[Acknowledged.model_validate(acknowledged(each)) for each in said],
    )
    return Receipt(answer.model_dump(mode="json"))


def _answer(record: SuppressionRecord) -> SuppressionAnswer:
    return SuppressionAnswer(
        id=record.id,
        customer=record.person_id,
        address_id=record.address_id,
        scope=record.scope,
        topic=record.topic,
        reason=record.reason,
        door=record.door,
        since=record.since,
        until=record.until,
        lifted_at=record.lifted_at,
    )
