"""Customers as the API names them: found by any of their names, made when they are new, masked."""

from datetime import datetime

from sqlmodel import Session

from mailer import ledger, orders, people, permission
from mailer.intake import check_source
from mailer.people import NewProfile, Profile, Upserted
from mailer.vocabulary import PersonId
from mailer.wiring import Parts
from preference_center.masking import masked
from preference_center.systems.api.calls import Call
from preference_center.systems.api.customer_shapes import Customer, CustomerForm, CustomerSearch
from preference_center.systems.api.errors import NotFound
from preference_center.systems.api.order_shapes import BuyerForm

HIDDEN = ("name", "phone", "street", "city", "region", "postal_code")


def keep(
    session: Session, parts: Parts, profile: NewProfile, *, actor: str, now: datetime
) -> Upserted:
    """Make or change a customer; a new one starts with nothing switched on, a no moves along.

    A move is marked, and whoever promises that it is in force settles it after the commit.
    """
    kept = people.upsert(session, parts.vault, profile, now=now)
    if kept.created:
        permission.admit(session, [kept.person_id], now=now)
    if kept.moved_from is not None:
        permission.move(session, person_id=kept.person_id, address_id=kept.address_id, now=now)
    what = "created" if kept.created else "changed"
    ledger.record(session, f"customer.{what}", at=now, actor=actor, person_id=kept.person_id)
    return kept


def buyer_of(
    session: Session, parts: Parts, buyer: BuyerForm, *, actor: str, now: datetime
) -> PersonId:
    """Return who ordered: by the shop's id, by address, or made new by address. Raises NotFound."""
    found: list[PersonId] = []
    if buyer.external_id is not None:
        found = people.find_by_external_id(session, buyer.external_id)
    if not found and buyer.email is not None and buyer.external_id is None:
        found = people.find_by_email(session, parts.vault, buyer.email)
    if found:
        return found[0]
    if buyer.email is None:
        raise NotFound("customer")
    profile = NewProfile(
        email=buyer.email,
        source="checkout",
        external_id=buyer.external_id,
        name=buyer.name,
        country=buyer.country,
        language=buyer.language,
    )
    return keep(session, parts, profile, actor=actor, now=now).person_id


def profile_from(form: CustomerForm) -> NewProfile:
    """Read a customer's form as the people room takes it; what was left out stays unsaid.

    Raises SourceRefused for a source that is unknown, or offline and without proof (C24).
    """
    check_source(form.source, form.proof)
    return NewProfile(**form.model_dump(exclude={"proof"}))


def find(session: Session, parts: Parts, search: CustomerSearch) -> list[PersonId]:
    """Return who matches a search exactly. Raises AddressInvalid."""
    if search.email is not None:
        return people.find_by_email(session, parts.vault, search.email)
    if search.phone is not None:
        return people.find_by_phone(session, parts.vault, search.phone)
    if search.name is not None:
        return people.find_by_name(session, parts.vault, search.name)
    if search.external_id is not None:
        return people.find_by_external_id(session, search.external_id)
    try:
        return [orders.order_of(session, search.order_number or "").person_id]
    except orders.OrderUnknown:
        return []


def profile_of(session: Session, parts: Parts, person_id: PersonId) -> Profile:
    """Return a living customer. Raises NotFound for one who is unknown, merged or erased."""
    profile = people.profile_of(session, parts.vault, person_id)
    if profile is None:
        raise NotFound("customer")
    return profile


def shown(call: Call, profile: Profile) -> Customer:
    """Show a customer: contact data as it is for keys with `personal`, masked for all others."""
    hide = not call.sees_people
    facts = {name: "" if hide else getattr(profile, name) for name in HIDDEN}
    return Customer(
        id=profile.person_id,
        external_id=profile.external_id,
        email=masked(profile.email).shown if hide else profile.email,
        country=profile.country,
        language=profile.language,
        timezone=profile.timezone,
        birth_year=None if hide else profile.birth_year,
        source=profile.source,
        attributes={} if hide else dict(profile.attributes),
        created_at=profile.created_at,
        **facts,
    )
