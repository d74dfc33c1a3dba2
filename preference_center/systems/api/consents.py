"""Consents: what a customer wants, as the shop passes it on; the same opt-out as everywhere (C08)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from mailer import ledger, permission, policy
from mailer.access import ApiScope
from mailer.delivery import Acknowledgement
from mailer.permission import Change, ConsentRecord, Standing
from mailer.vocabulary import Door, PersonId
from preference_center.systems.api.calls import Call, Needs, Receipt
from preference_center.systems.api.errors import ApiRoute, NotFound, field_problem
from preference_center.systems.api.shapes import (
    VERSION_NEEDED,
    Acknowledged,
    Consent,
    ConsentForm,
    Consents,
    LeftBefore,
    TopicState,
)

routes = APIRouter(prefix="/customers", route_class=ApiRoute, tags=["Consents"])

Writes = Annotated[Call, Depends(Needs(ApiScope.CONSENTS))]
Reads = Annotated[Call, Depends(Needs(ApiScope.READ, ApiScope.CONSENTS))]
Id = Annotated[int, Path(ge=1, le=2**63 - 1, description="The customer's id.")]


@routes.get("/{customer}/consents", response_model=Consents)
def list_consents(customer: Id, call: Reads) -> Consents:
    """Tell what a customer gets, and the ledger of every yes and no behind it."""
    with call.look() as session:
        standing = permission.standing_of(session, PersonId(customer))
        if standing is None:
            raise NotFound("customer")
        return _consents(standing, permission.consents_of(session, PersonId(customer)))


@routes.post("/{customer}/consents", response_model=Acknowledged)
def pass_a_wish_on(customer: Id, form: ConsentForm, call: Writes) -> Acknowledged:
    """Pass a customer's wish on. The answer comes when it is in force, after 3 seconds at most.

    From then on no promotional mail is handed to the provider for them against this wish; what
    had left before is named in `left`. What an older page asked more of, a yes above all, is not
    done but named in `asked_again`.
    """
    _refuse_more_unseen(form, call, PersonId(customer))

    def work() -> Receipt:
        said = call.parts.opt_outs.change(PersonId(customer), _change(form))
        with call.parts.database.transaction() as session:
            ledger.record(
                session,
                "consent.by_api",
                at=call.now,
                actor=call.key.actor,
                person_id=PersonId(customer),
                detail={"reference": said.reference},
            )
        return Receipt(acknowledged(said))

    return Acknowledged.model_validate(call.once_apart(form, work))


def acknowledged(said: Acknowledgement) -> dict[str, Any]:
    """Write an acknowledgement as the API gives it: ids and times, nothing personal."""
    answer = Acknowledged(
        reference=said.reference,
        at=said.at,
        version=said.version,
        already_since=said.already_since,
        left=[LeftBefore(mailing=each.mailing_id, at=each.at) for each in said.left],
        unsure=[LeftBefore(mailing=each.mailing_id, at=each.at) for each in said.unsure],
        may_still_arrive=said.may_still_arrive,
        asked_again=sorted({*said.stale, *said.stale_manners}),
    )
    return answer.model_dump(mode="json")


NO_PAGE = -1


def _refuse_more_unseen(form: ConsentForm, call: Call, person_id: PersonId) -> None:
    """Refuse a frequency that may be more than now, where the form names no version.

    Whether it is more depends on where the customer stands; the form alone knows the rest.
    """
    if form.frequency is None or form.seen_version is not None:
        return
    with call.look() as session:
        standing = permission.standing_of(session, person_id)
    if standing is not None and form.frequency.days < standing.frequency.days:
        raise field_problem([{"field": "seen_version", "problem": VERSION_NEEDED}])


def _change(form: ConsentForm) -> Change:
    return Change(
        door=Door.API,
        policy_version=policy.CURRENT.version,
        stop_all=form.stop_all,
        topics_off=frozenset(form.off),
        topics_on=frozenset(form.on),
        paused_until=form.paused_until,
        resume=form.resume,
        frequency=form.frequency,
        tracking=form.tracking,
        words=form.words,
        # Without a version no page is the latest: nothing is loosened by a form that shows none.
        seen_version=NO_PAGE if form.seen_version is None else form.seen_version,
    )


def _consents(standing: Standing, ledger_lines: list[ConsentRecord]) -> Consents:
    return Consents(
        customer=standing.person_id,
        version=standing.version,
        topics=[
            TopicState(topic=topic, on=each.on, since=each.since)
            for topic, each in standing.topics.items()
        ],
        stopped_since=standing.stopped_since,
        paused_until=standing.paused_until,
        frequency=standing.frequency,
        tracking=standing.tracking,
        ledger=[_consent(line) for line in ledger_lines],
    )


def _consent(line: ConsentRecord) -> Consent:
    return Consent(
        id=line.id,
        at=line.at,
        act=line.act,
        topic=line.topic,
        value=line.value,
        door=line.door,
        words=line.words,
        policy_version=line.policy_version,
        version=line.version,
        reference=line.reference,
    )
