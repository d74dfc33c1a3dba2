"""Printing the messages of a batch: letters, links and the vault come together here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import parseaddr

import orjson
from sqlmodel import Session

from mailer import people
from mailer.database import Database
from mailer.delivery.claimed import Claimed
from mailer.delivery.gate import Prepared
from mailer.delivery.mailings import TEST, Mailing
from mailer.delivery.printing import LetterUnprintable
from mailer.delivery.sealed_fields import Opened, open_fields
from mailer.delivery.trial import Origin, print_test
from mailer.letters import (
    DIGEST,
    AddressUnusable,
    Brand,
    Compiled,
    ContentInvalid,
    DigestContent,
    Envelope,
    EnvelopeInvalid,
    FieldsInvalid,
    LetterUnknown,
    PromotionalContent,
    compile_order_letter,
    compile_promotional,
    letter_from,
    list_id_of,
    person_fields,
    write_message,
)
from mailer.links import Links, PersonLinks
from mailer.people import Reader
from mailer.providers import Outgoing
from mailer.vault import SealBroken, Vault, VaultKeyMissing
from mailer.vocabulary import MailingId, PersonId, Reason, Stream

COMPILED_KEPT = 64
"""Mailings whose compiled letters a process keeps."""


class Senders:
    """The two From addresses; separate, so that a complaint about one leaves the other clean."""

    def __init__(self, orders: str, promotional: str) -> None:
        self._orders = _origin(orders)
        self._promotional = _origin(promotional)

    def of(self, stream: Stream) -> Origin:
        """Return where mail of a stream comes from."""
        return self._orders if stream is Stream.ORDER_UPDATE else self._promotional


def _origin(written: str) -> Origin:
    address = parseaddr(written)[1]
    return Origin(written, address, address.rpartition("@")[2])


class LettersPress:
    """Prints messages; keeps the compiled letters of the mailings at work."""

    def __init__(
        self, database: Database, vault: Vault, links: Links, brand: Brand, senders: Senders
    ) -> None:
        self._database = database
        self._vault = vault
        self._links = links
        self._brand = brand
        self._senders = senders
        self._compiled: dict[tuple[MailingId, int | None], Compiled] = {}

    def print_messages(
        self, batch: Claimed, *, untracked: Collection[PersonId], now: datetime
    ) -> Mapping[PersonId, Prepared | Reason]:
        """Return a message for each person of the batch, or why there is none for them.

        The messages of `untracked` carry plain links and no pixel (C17). Raises LetterUnprintable
        where the letter itself cannot be made. Nothing is logged here.
        """
        if batch.mailing.letter == TEST:
            return self._print_test(batch, now)
        persons = list(batch.people)
        with self._database.glance() as session:
            readers, unreadable = self._readers(session, persons)
            readable = [person for person in persons if person not in unreadable]
            opened = self._opened(session, batch.mailing, readable)
        return dict.fromkeys(unreadable, Reason.NOT_DATA) | {
            person: self._print_one(
                batch, readers[person], person not in untracked, opened.get(person), now
            )
            if person in readers
            else Reason.NOT_GONE
            for person in readable
        }

    def _opened(
        self, session: Session, mailing: Mailing, readers: Sequence[PersonId]
    ) -> Mapping[PersonId, Opened]:
        """Open the fields of an order letter for each reader for whom that can be done."""
        if mailing.sealed_fields is None:
            return {}
        opened = {who: open_fields(session, self._vault, mailing, who) for who in readers}
        return {who: each for who, each in opened.items() if each is not None}

    def _print_test(self, batch: Claimed, now: datetime) -> Mapping[PersonId, Prepared | Reason]:
        """Print a test, which has one reader, with the campaign's own From."""
        with self._database.glance() as session:
            keys = self._vault.keys_of(session, list(batch.people))
        variant = 1 if batch.mailing.variants else None
        compiled = self._compile_many(batch.mailing, variant)
        origin = self._origin(batch.mailing, variant)
        return {
            person: print_test(
                batch.mailing,
                person,
                keys.get(person),
                compiled,
                origin,
                public_url=self._brand.public_url,
                now=now,
            )
            for person in batch.people
        }

    def _readers(
        self, session: Session, persons: list[PersonId]
    ) -> tuple[dict[PersonId, Reader], set[PersonId]]:
        """Open what is printed of everybody at once; where one was tampered with, person by person."""
        try:
            return people.readers_of(session, self._vault, persons), set()
        except SealBroken:
            pass
        except VaultKeyMissing as error:
            raise LetterUnprintable("a vault key is missing") from error
        readers: dict[PersonId, Reader] = {}
        unreadable: set[PersonId] = set()
        for person in persons:
            try:
                readers |= people.readers_of(session, self._vault, [person])
            except SealBroken:
                unreadable.add(person)
        return readers, unreadable

    def _print_one(
        self,
        batch: Claimed,
        reader: Reader,
        tracking: bool,
        opened: Opened | None,
        now: datetime,
    ) -> Prepared | Reason:
        mailing = batch.mailing
        compiled = self._compile(mailing, batch.variant, opened)
        if compiled is None:
            return Reason.NOT_DATA
        if reader.address_id != batch.people[reader.person_id]:
            return Reason.NOT_MOVED
        links = self._links.for_person(
            mailing_id=mailing.id, person_id=reader.person_id, address_id=reader.address_id
        )
        # A deploy may have changed the layout since the mailing was made: a link whose number
        # might mean another target now leads straight to its own, unmeasured.
        measured = tracking and compiled.targets == mailing.targets
        rendered = compiled.render(person_fields(reader), links, tracking=measured)
        origin = self._origin(mailing, batch.variant)
        first = opened.sealed_for if opened else reader.person_id
        envelope = _envelope(mailing, reader, first, links, origin, now)
        try:
            pieces = write_message(rendered, envelope)
        except (AddressUnusable, EnvelopeInvalid):
            return Reason.NOT_DATA
        outgoing = Outgoing(
            person_id=reader.person_id,
            sender=origin.address,
            recipient=envelope.to_address,
            pieces=pieces,
            is_dot_free=True,
        )
        return Prepared(outgoing, version=reader.version, tracking=tracking)

    def _compile(
        self, mailing: Mailing, variant: int | None, opened: Opened | None
    ) -> Compiled | None:
        if mailing.sealed_fields is not None:
            return _compile_order(mailing, opened, self._brand) if opened else None
        return self._compile_many(mailing, variant)

    def _origin(self, mailing: Mailing, variant: int | None) -> Origin:
        """Return the From: a variant may change the name in it, never the address."""
        origin, letter = self._senders.of(mailing.stream), mailing.variant(variant)
        if letter is None or not letter.sender_name:
            return origin
        return replace(origin, written=f"{letter.sender_name} <{origin.address}>")

    def _compile_many(self, mailing: Mailing, variant: int | None) -> Compiled:
        known_as = (mailing.id, variant)
        if known_as not in self._compiled:
            if len(self._compiled) >= COMPILED_KEPT:
                self._compiled.pop(next(iter(self._compiled)))
            self._compiled[known_as] = _compile_campaign(mailing, variant, self._brand)
        return self._compiled[known_as]


def _envelope(
    mailing: Mailing,
    reader: Reader,
    first: PersonId,
    links: PersonLinks,
    origin: Origin,
    now: datetime,
) -> Envelope:
    return Envelope(
        from_=origin.written,
        to_address=reader.email,
        to_name=reader.name,
        # The same at every attempt, whoever its reader is by now: mailboxes see that a copy is one.
        message_id=f"<{mailing.id}.{first}@{origin.domain}>",
        date=now,
        list_unsubscribe=links.unsubscribe if mailing.topic else None,
        list_id=list_id_of(mailing.topic, origin.domain) if mailing.topic else None,
        mailing=f"m{mailing.id}",
    )


def _compile_campaign(mailing: Mailing, variant: int | None, brand: Brand) -> Compiled:
    try:
        return compile_mailing(mailing, brand, variant=variant)
    except (ContentInvalid, ValueError) as error:
        raise LetterUnprintable(type(error).__name__) from error


def compile_mailing(mailing: Mailing, brand: Brand, *, variant: int | None = None) -> Compiled:
    """Compile the letter of a campaign, or one of several; raises what the letters room raises.

    Its links are numbered as the mailing's targets are, so that a number means one target in all
    of a mailing's letters.
    """
    if mailing.topic is None or mailing.content is None:
        raise ValueError("a campaign's mailing has a topic and content")
    one = mailing.variant(variant)
    content = _content(dict(one.content if one else mailing.content))
    if mailing.letter == DIGEST and isinstance(content, DigestContent) and variant is not None:
        content = content.only(variant)
    return compile_promotional(content, topic=mailing.topic, brand=brand, known=mailing.targets)


def _content(told: dict[str, object]) -> PromotionalContent:
    if "held_back" in told:
        return DigestContent.model_validate_json(orjson.dumps(told))
    return PromotionalContent.model_validate(told)


def _compile_order(mailing: Mailing, opened: Opened, brand: Brand) -> Compiled:
    try:
        return compile_order_letter(letter_from(mailing.letter, orjson.loads(opened.fields)), brand)
    except (FieldsInvalid, LetterUnknown) as error:
        raise LetterUnprintable(type(error).__name__) from error
