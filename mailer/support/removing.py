"""Removing an address at its own wish, by the same opt-out as every other door."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from mailer import ledger, people, permission, policy
from mailer.database import Database
from mailer.delivery import Acknowledgement, OptOuts
from mailer.permission import Change
from mailer.vault import Vault
from mailer.vocabulary import AddressId, Door, PersonId, Scope, SuppressionReason, Topic


class TopicMissing(ValueError):
    """A removal from one topic needs to name it, and no other removal may."""


@dataclass(frozen=True, slots=True)
class Removal:
    """How far a person is to be removed: from all promotional mail, from one topic, from all mail."""

    scope: Scope
    topic: Topic | None = None

    def __post_init__(self) -> None:
        if (self.scope is Scope.TOPIC) != (self.topic is not None):
            raise TopicMissing(TopicMissing.__doc__)


@dataclass(frozen=True, slots=True)
class Remover:
    """Who removes, through which door, when."""

    door: Door
    actor: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Removed:
    """What a removal did: an acknowledgement for each customer, or a suppression of the address."""

    acknowledgements: tuple[tuple[PersonId, Acknowledgement], ...]
    suppression_id: int | None


def remove(
    database: Database,
    vault: Vault,
    opt_outs: OptOuts,
    email: str,
    removal: Removal,
    *,
    by: Remover,
) -> Removed:
    """Remove an address by the same opt-out as every other door, and answer when it is in force.

    Every customer who has the address or ever had it gets an acknowledgement (C08), and gets no
    mail at any other either. An address without a customer is suppressed, and so is one that is
    to get no mail at all. Raises AddressInvalid, and what
    OptOuts.change raises when it is not certain that the wish is kept.
    """
    with database.reading() as session:
        persons = people.find_by_any_email(session, vault, email)
    suppression_id = None
    if removal.scope is Scope.ALL or not persons:
        with database.transaction() as session:
            address_id = people.address_id_of(session, vault, email, create=True)
        new = _suppression(address_id, removal, by)
        suppression_id, _ = opt_outs.suppress(new, persons=persons)
    acknowledged = tuple(
        (each, opt_outs.change(each, _change(removal, by.door))) for each in persons
    )
    with database.transaction() as session:
        for person_id in persons:
            _note_removal(session, person_id, removal, by)
    return Removed(acknowledged, suppression_id)


def _suppression(
    address_id: AddressId | None, removal: Removal, by: Remover
) -> permission.NewSuppression:
    wholly = removal.scope is Scope.ALL
    return permission.NewSuppression(
        scope=removal.scope,
        reason=SuppressionReason.MANUAL if wholly else SuppressionReason.OPT_OUT,
        door=by.door,
        address_id=address_id,
        topic=removal.topic,
    )


def _change(removal: Removal, door: Door) -> Change:
    return Change(
        door=door,
        policy_version=policy.CURRENT.version,
        stop_all=removal.topic is None,
        topics_off=frozenset({removal.topic} if removal.topic else ()),
    )


def _note_removal(session: Session, person_id: PersonId, removal: Removal, by: Remover) -> None:
    detail = {"scope": removal.scope.value, "topic": removal.topic}
    ledger.record(
        session, "support.removal", at=by.now, actor=by.actor, person_id=person_id, detail=detail
    )
