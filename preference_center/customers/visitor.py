"""Who stands behind a signed link: no login, the token is the authority."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from mailer import people
from mailer.links import LinkForged, Purpose
from mailer.vocabulary import AddressId, MailingId, PersonId
from preference_center.customers.views import Place
from preference_center.door import WebDoor
from preference_center.masking import NOBODY, masked
from preference_center.moments import zone_of


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a token says: whose it is, for which address, and from which mailing where it says."""

    person_id: PersonId
    address_id: AddressId
    mailing_id: MailingId | None = None


@dataclass(frozen=True, slots=True)
class Visitor:
    """The bearer as the rooms know them: merged records lead to the one that survived."""

    person_id: PersonId
    address_id: AddressId
    place: Place


def bearer_of(door: WebDoor, purpose: Purpose, token: str) -> Bearer:
    """Read a token. Raises LinkForged for any that we did not sign for this purpose."""
    ids = door.parts.links.read(purpose, token)
    if purpose is Purpose.UNSUBSCRIBE and len(ids) == 3:
        return Bearer(PersonId(ids[0]), AddressId(ids[1]), MailingId(ids[2]))
    if purpose is Purpose.PREFERENCES and len(ids) == 2:
        return Bearer(PersonId(ids[0]), AddressId(ids[1]))
    raise LinkForged("the token names something else")


def visitor_of(door: WebDoor, session: Session, bearer: Bearer, *, now: datetime) -> Visitor:
    """Find the person behind a token; an erased one has a visitor too, without address or zone.

    The address is shown only where the mail went to the one that is theirs today.
    """
    survivor = people.identity_of(session, bearer.person_id).survivor
    profile = people.profile_of(session, door.parts.vault, survivor)
    if profile is None:
        return Visitor(survivor, bearer.address_id, Place(NOBODY, zone_of(None), now))
    same = profile.address_id == bearer.address_id
    return Visitor(
        person_id=survivor,
        address_id=bearer.address_id,
        place=Place(masked(profile.email) if same else NOBODY, zone_of(profile.timezone), now),
    )


def preferences_path(door: WebDoor, visitor: Visitor) -> str:
    """Return the path of a visitor's own preference page."""
    token = door.parts.links.sign(Purpose.PREFERENCES, visitor.person_id, visitor.address_id)
    return f"/p/{token}"
