"""Telling why somebody gets mail or does not: where they stand now, and what became of each mailing."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from mailer import delivery, ledger, letters, people, permission
from mailer.permission import NO_CAP, Cap, Standing, SuppressionRecord, sentence
from mailer.support.telling import Told, messages_told, reason_of, since_words, standing_words
from mailer.vault import Vault
from mailer.vocabulary import AddressId, Allowed, PersonId, Reason, Stream, Topic


@dataclass(frozen=True, slots=True)
class TopicNow:
    """Whether mail of a topic, or an order update, would leave now, and why in words."""

    topic: Topic | None
    allowed: bool
    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class Story:
    """One customer as support sees them: where they stand, and what was and was not sent."""

    person_id: PersonId
    now: tuple[TopicNow, ...]
    """Order updates first (their topic is None), then each topic."""
    suppressions: tuple[SuppressionRecord, ...]
    messages: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known about an address: its customers, and the suppressions of the bare address."""

    customers: tuple[Story, ...]
    address_known: bool
    suppressions: tuple[SuppressionRecord, ...]
    halted: str | None = None
    """Why nothing promotional leaves for anybody now, and why what is told here may lack a no."""


def explain(
    session: Session,
    vault: Vault,
    email: str,
    *,
    actor: str,
    cap: Cap = NO_CAP,
    now: datetime,
    limit: int = 50,
) -> Explanation:
    """Tell why the customers of an address get mail or do not, and what became of each mailing.

    Writes the look at each of them to the ledger. Raises AddressInvalid.
    """
    persons = people.find_by_email(session, vault, email)
    address_id = people.address_id_of(session, vault, email, create=False)
    for person_id in persons:
        ledger.record(session, "support.look", at=now, actor=actor, person_id=person_id)
    return Explanation(
        customers=tuple(
            story_of(session, vault, each, cap=cap, now=now, limit=limit) for each in persons
        ),
        address_known=address_id is not None,
        suppressions=_suppressions(session, address_id),
        halted=delivery.halt_sentence(delivery.halts(session)),
    )


def story_of(
    session: Session,
    vault: Vault,
    person_id: PersonId,
    *,
    cap: Cap = NO_CAP,
    now: datetime,
    limit: int = 50,
) -> Story:
    """Tell one customer's story; subjects read as they would for them now.

    The caller writes the look to the ledger. Raises PersonGone.
    """
    address_id = people.address_of(session, person_id)
    standing = permission.standing_of(session, person_id)
    return Story(
        person_id=person_id,
        now=tuple(
            _topic_now(session, person_id, address_id, topic, standing, cap, now)
            for topic in _KINDS
        ),
        suppressions=_suppressions(session, address_id),
        messages=messages_told(
            session,
            person_id,
            limit=limit,
            fields=_fields_of(session, vault, person_id),
            cap=cap,
            now=now,
        ),
    )


def _fields_of(session: Session, vault: Vault, person_id: PersonId) -> dict[str, str]:
    """Open what letters say of a customer: who looks gave the address, and the look is on record."""
    reader = people.readers_of(session, vault, [person_id]).get(person_id)
    return letters.person_fields(reader) if reader is not None else {}


def _suppressions(session: Session, address_id: AddressId | None) -> tuple[SuppressionRecord, ...]:
    if address_id is None:
        return ()
    return tuple(permission.suppressions_page(session, address_ids=[address_id]))


_KINDS: tuple[Topic | None, ...] = (None, *Topic)


def _topic_now(
    session: Session,
    person_id: PersonId,
    address_id: AddressId,
    topic: Topic | None,
    standing: Standing | None,
    cap: Cap,
    now: datetime,
) -> TopicNow:
    """Ask the sender's own decision about one person, and the moment that it rests on."""
    verdict = delivery.verdict_now(
        session,
        person_id,
        address_id,
        stream=Stream.PROMOTIONAL if topic else Stream.ORDER_UPDATE,
        topic=topic,
        cap=cap,
        now=now,
    )
    if isinstance(verdict, Allowed) and topic is None:
        told = "Mail about their own orders is sent."
        return TopicNow(topic, allowed=True, reason=Reason.SENT_ORDER, sentence=told)
    words = standing_words(topic, standing, reason_of(verdict)) | since_words(verdict)
    told = sentence(reason_of(verdict), **words)
    return TopicNow(topic, isinstance(verdict, Allowed), reason_of(verdict), told)
