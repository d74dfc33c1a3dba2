"""A test of a campaign: one mail to one of staff, on the same road as every other.

Its reader is invented, its recipient's address is sealed under a key of its own, and its links
change nothing: they are nobody's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import orjson
from sqlmodel import Session

from mailer.delivery.gate import Prepared
from mailer.delivery.mailings import (
    TEST,
    Mailing,
    NewMailing,
    create_mailing,
    fields_place,
    send_to_one,
)
from mailer.delivery.variants import Variant
from mailer.letters import (
    KNOWN,
    UNKNOWN,
    AddressUnusable,
    Compiled,
    Envelope,
    EnvelopeInvalid,
    RehearsalLinks,
    list_id_of,
    write_message,
)
from mailer.providers import Outgoing
from mailer.vault import PersonKey, SealBroken
from mailer.vocabulary import AddressId, MailingId, PersonId, Reason, Stream, Topic

KEPT_IN_LINE = timedelta(hours=1)
"""A test that has not left by then is refused: nobody waits for it any more."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A From as it is written, taken apart once: reading it for each message would cost a tenth."""

    written: str
    """`Name <address>`"""
    address: str
    domain: str


class TestReader(StrEnum):
    """Who a test is filled for: an invented reader of whom everything is known, or nothing."""

    __test__ = False

    KNOWN = "known"
    UNKNOWN = "unknown"


READERS: Mapping[TestReader, Mapping[str, str]] = {
    TestReader.KNOWN: KNOWN,
    TestReader.UNKNOWN: UNKNOWN,
}


def new_test(
    session: Session,
    *,
    letter: Variant,
    topic: Topic,
    reader: TestReader,
    to: str,
    person_id: PersonId,
    address_id: AddressId,
    key: PersonKey,
    now: datetime,
) -> MailingId:
    """Put a test in line, in the orders' lane: a campaign of millions does not delay it.

    `person_id` is a number without a customer and `key` its own. Promotional mail it stays: it
    leaves once at most, and never for an address that is suppressed.
    """
    name = f"test:{person_id}"
    sealed = orjson.dumps({"to": to, "reader": reader.value}).decode()
    mailing_id = create_mailing(
        session,
        NewMailing(
            key=name,
            letter=TEST,
            stream=Stream.PROMOTIONAL,
            topic=topic,
            content=letter.content,
            variants=(letter,) if letter.sender_name else (),
            sealed_fields=key.encrypt(sealed, place=fields_place(name)),
            use_by=now + KEPT_IN_LINE,
        ),
        now=now,
    )
    if mailing_id is None:
        raise RuntimeError("a number that was never used met the test of its own name")
    send_to_one(session, mailing_id, person_id=person_id, address_id=address_id, now=now)
    return mailing_id


def print_test(
    mailing: Mailing,
    person_id: PersonId,
    key: PersonKey | None,
    compiled: Compiled,
    origin: Origin,
    *,
    public_url: str,
    now: datetime,
) -> Prepared | Reason:
    """Write the message of a test; its reason where the address cannot be read any more."""
    if key is None or mailing.sealed_fields is None or mailing.topic is None:
        return Reason.NOT_GONE
    try:
        fields = orjson.loads(key.decrypt(mailing.sealed_fields, place=fields_place(mailing.key)))
    except SealBroken:
        return Reason.NOT_DATA
    links = RehearsalLinks(public_url.rstrip("/"))
    rendered = compiled.render(READERS[TestReader(fields["reader"])], links, tracking=False)
    envelope = Envelope(
        from_=origin.written,
        to_address=fields["to"],
        to_name="",
        message_id=f"<{mailing.id}.{person_id}@{origin.domain}>",
        date=now,
        list_unsubscribe=links.unsubscribe,
        list_id=list_id_of(mailing.topic, origin.domain),
        mailing=f"m{mailing.id}",
    )
    try:
        pieces = write_message(rendered, envelope)
    except (AddressUnusable, EnvelopeInvalid):
        return Reason.NOT_DATA
    outgoing = Outgoing(person_id, origin.address, fields["to"], pieces, is_dot_free=True)
    # Nobody's standing: as the gate reads it for somebody of whom nothing is on file.
    return Prepared(outgoing, version=0, tracking=True)
