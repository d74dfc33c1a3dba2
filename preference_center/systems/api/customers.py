"""Customers: kept, found, changed, merged, moved to another address (C01, C09, C22)."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from sqlmodel import Session

from mailer import ledger, orders, people, permission
from mailer.access import ApiScope
from mailer.people import NewProfile
from mailer.vocabulary import AddressId, PersonId
from preference_center.problems import Problem
from preference_center.systems.api.calls import Call, Needs, Receipt
from preference_center.systems.api.consents import acknowledged
from preference_center.systems.api.customer_shapes import (
    AddressForm,
    Customer,
    CustomerForm,
    CustomerPage,
    CustomerPatch,
    CustomerSearch,
    CustomersFound,
    MergeForm,
)
from preference_center.systems.api.errors import ApiRoute
from preference_center.systems.api.pages import PlaceOf
from preference_center.systems.api.shapes import Acknowledged
from preference_center.systems.api.who import find, keep, profile_from, profile_of, shown

routes = APIRouter(prefix="/customers", route_class=ApiRoute, tags=["Customers"])

Writes = Annotated[Call, Depends(Needs(ApiScope.CUSTOMERS))]
Reads = Annotated[Call, Depends(Needs(ApiScope.READ, ApiScope.CUSTOMERS))]
Id = Annotated[int, Path(ge=1, le=2**63 - 1, description="The customer's id.")]


@routes.post("", response_model=Customer)
def keep_a_customer(form: CustomerForm, call: Writes) -> Customer:
    """Make a customer, or change the one with this `external_id`, else with this address.

    Fields that are left out stay as they are. Nothing here switches promotional mail on: that is
    a consent, with its words. An opt-out survives every upsert and moves along to another address;
    the answer comes when it is in force there (C08).
    """

    def work(session: Session) -> Receipt:
        profile = profile_from(form)
        kept = keep(session, call.parts, profile, actor=call.key.actor, now=call.now)
        return Receipt({"customer": kept.person_id, "moved_to": _moved_to(session, kept.person_id)})

    done = call.once(form, work)
    _settle_move(call, done)
    return _look(call, done)


@routes.get("", response_model=CustomerPage)
def list_customers(place: PlaceOf, call: Reads) -> CustomerPage:
    """List customers by id."""
    with call.look() as session:
        page = people.customers_page(
            session, call.parts.vault, after=PersonId(place.after), limit=place.limit
        )
    return CustomerPage(
        customers=[shown(call, each) for each in page],
        next_cursor=place.next_cursor([each.person_id for each in page]),
    )


@routes.post("/search", response_model=CustomersFound)
def search_customers(form: CustomerSearch, call: Reads) -> CustomersFound:
    """Find customers by one exact thing. A POST, so that no address stands in a URL or a log."""
    with call.parts.database.transaction() as session:
        found = find(session, call.parts, form)
        profiles = people.profiles_of(session, call.parts.vault, found)
        if call.sees_people:
            for person_id in profiles:
                ledger.record(
                    session,
                    "customer.look",
                    at=call.now,
                    actor=call.key.actor,
                    person_id=person_id,
                )
    return CustomersFound(customers=[shown(call, profiles[each]) for each in profiles])


@routes.get("/{customer}", response_model=Customer)
def get_a_customer(customer: Id, call: Reads) -> Customer:
    """Get one customer. With a key that sees people, the look is on record."""
    with call.parts.database.transaction() as session:
        profile = profile_of(session, call.parts, PersonId(customer))
        if call.sees_people:
            ledger.record(
                session,
                "customer.look",
                at=call.now,
                actor=call.key.actor,
                person_id=profile.person_id,
            )
    return shown(call, profile)


@routes.patch("/{customer}", response_model=Customer)
def change_a_customer(customer: Id, form: CustomerPatch, call: Writes) -> Customer:
    """Change some facts of a customer; what is left out stays, null or empty text clears.

    So it is with each of the `attributes`: one that is not named stays, null clears it.

    `add_tags` and `remove_tags` change single words of the attribute `tags`; of changes at once
    none is lost.

    An `external_id` can be given to a customer who has none; it never changes afterwards.
    """
    with call.parts.database.transaction() as session:
        # So that the address read is the one written, by whoever has it then.
        people.hold(session, PersonId(customer), external_id=form.external_id)
        if form.changes_facts:
            _change_facts(session, call, PersonId(customer), form)
        if form.changes_tags:
            _change_tags(session, call, PersonId(customer), form)
        done = {"customer": customer, "moved_to": _moved_to(session, PersonId(customer))}
    _settle_move(call, done)
    return _look(call, done)


def _change_facts(session: Session, call: Call, person_id: PersonId, form: CustomerPatch) -> None:
    before = profile_of(session, call.parts, person_id)
    change = NewProfile(
        **{
            "email": before.email,
            "source": before.source,
            "external_id": before.external_id,
            **form.changes(before.attributes),
        }
    )
    if before.external_id not in (None, change.external_id):
        raise Problem(409, "external-id-fixed", "This customer has another external_id")
    kept = keep(session, call.parts, change, actor=call.key.actor, now=call.now)
    if kept.person_id != person_id:  # found by address alone, it was somebody else there
        raise Problem(
            409,
            "address-shared",
            "Another customer has the same address",
            "Nothing was changed. Give this customer an external_id, or merge the two.",
        )


def _change_tags(session: Session, call: Call, person_id: PersonId, form: CustomerPatch) -> None:
    people.change_tags(session, person_id, add=form.add_tags, remove=form.remove_tags)
    ledger.record(
        session, "customer.tagged", at=call.now, actor=call.key.actor, person_id=person_id
    )


@routes.post("/{customer}/merge", response_model=Acknowledged)
def merge_customers(customer: Id, form: MergeForm, call: Writes) -> Acknowledged:
    """Make one customer of two; every opt-out of either holds for both from the answer on."""

    def work() -> Receipt:
        survivor, merged = PersonId(customer), PersonId(form.merged)

        def carry_over(session: Session) -> None:
            orders.follow_merge(session, survivor=survivor, merged=merged)
            ledger.record(
                session,
                "customer.merged",
                at=call.now,
                actor=call.key.actor,
                person_id=survivor,
                detail={"merged": merged},
            )

        said = call.parts.opt_outs.merge(survivor=survivor, merged=merged, also=carry_over)
        return Receipt(acknowledged(said))

    return Acknowledged.model_validate(call.once_apart(form, work))


@routes.post("/{customer}/address", response_model=Acknowledged)
def move_a_customer(customer: Id, form: AddressForm, call: Writes) -> Acknowledged:
    """Give a customer another address, which the shop has confirmed; every opt-out moves along."""

    def work() -> Receipt:
        said = call.parts.opt_outs.change_address(PersonId(customer), form.email)
        return Receipt(acknowledged(said))

    return Acknowledged.model_validate(call.once_apart(form, work))


def _moved_to(session: Session, person_id: PersonId) -> AddressId | None:
    """Say where they moved, now or in a call that was ended before it had settled that."""
    move = permission.unsettled_move(session, person_id)
    return move.address_id if move is not None else None


def _settle_move(call: Call, done: Mapping[str, Any]) -> None:
    """Go the road of every move, where there was one: journal, wait, and only then answer."""
    if done.get("moved_to") is not None:
        call.parts.opt_outs.settle_move(PersonId(done["customer"]), AddressId(done["moved_to"]))


def _look(call: Call, done: Mapping[str, Any]) -> Customer:
    with call.look() as session:
        return shown(call, profile_of(session, call.parts, PersonId(done["customer"])))
