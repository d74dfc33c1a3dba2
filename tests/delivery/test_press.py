"""Printing with the real letters: whose message, which links, and what happens when one cannot."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from email import message_from_bytes
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer import delivery, people
from mailer.database import Database
from mailer.delivery import LettersPress, Mailing, MailingState, Senders
from mailer.delivery.claimed import Claimed
from mailer.delivery.gate import Prepared
from mailer.delivery.printing import LetterUnprintable
from mailer.letters import CATALOGUE, Brand
from mailer.links import Links
from mailer.vault import Vault
from mailer.vocabulary import AddressId, BatchId, Lane, MailingId, PersonId, Reason, Stream, Topic
from tests.people_of_tests import TestPerson, a_customer

BRAND = Brand(
    company="FocalPoint",
    postal_address="10 Corporate Place South, Piscataway, NJ 08854",
    care_email="CustomerCare@FocalPointSystem.com",
    care_phone="(800) 363-5519",
    public_url="https://mail.example.com",
    shop_url="https://shop.focalpointsystem.com",
)
CONTENT = {
    "subject": "The autumn release",
    "preheader": "What is new this autumn.",
    "heading": "The autumn release",
    "body_markdown": "Dear {{ first_name }},\n\nmuch is new.",
    "button_label": "See the release",
    "button_url": "https://shop.focalpointsystem.com/release",
}


@pytest.fixture
def press(database: Database, vault: Vault) -> LettersPress:
    links = Links([b"k" * 31 + b"1"], "https://mail.example.com")
    senders = Senders("Orders <orders@example.org>", "News <news@example.org>")
    return LettersPress(database, vault, links, BRAND, senders)


@pytest.fixture
def jo(database: Database, vault: Vault, now: datetime) -> TestPerson:
    with database.transaction() as session:
        return a_customer(session, vault, now=now)


def a_mailing(now: datetime, content: Mapping[str, object] = CONTENT) -> Mailing:
    mailing = Mailing(
        id=MailingId(7),
        key="campaign:7",
        letter="promotional",
        stream=Stream.PROMOTIONAL,
        topic=Topic.COMPANY_NEWS,
        content=content,
        sealed_fields=None,
        targets=(),
        state=MailingState.SENDING,
        audience=1,
        use_by=None,
        created_at=now,
    )
    if content is CONTENT:
        compiled = delivery.compile_mailing(mailing, BRAND)
        return dataclasses.replace(mailing, targets=compiled.targets)
    return mailing


def a_batch(mailing: Mailing, *people: tuple[PersonId, AddressId]) -> Claimed:
    return Claimed(
        BatchId(1),
        BatchId(1),
        1,
        0,
        Lane.PROMOTIONAL,
        uuid4(),
        mailing,
        mailing.created_at,
        dict(people),
    )


def printed(
    press: LettersPress, batch: Claimed, now: datetime, *, tracking: bool = True
) -> Mapping[PersonId, Prepared | Reason]:
    return press.print_messages(batch, untracked=() if tracking else batch.people, now=now)


def html(made: Prepared | Reason) -> str:
    assert isinstance(made, Prepared)
    message = message_from_bytes(made.outgoing.content)
    part = list(message.walk())[-1]
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


@pytest.mark.clause("C17")
def test_who_does_not_want_to_be_measured_gets_plain_links(
    press: LettersPress, jo: TestPerson, now: datetime
) -> None:
    batch = a_batch(a_mailing(now), (jo.person_id, jo.address_id))
    measured = html(printed(press, batch, now)[jo.person_id])
    plain = html(printed(press, batch, now, tracking=False)[jo.person_id])
    assert "/c/" in measured
    assert "/o/" in measured
    assert "/c/" not in plain
    assert "/o/" not in plain
    assert "https://shop.focalpointsystem.com/release" in plain


def test_links_whose_numbers_might_have_changed_lead_straight_to_their_targets(
    press: LettersPress, jo: TestPerson, now: datetime
) -> None:
    older = dataclasses.replace(a_mailing(now), targets=("https://elsewhere.example.com",))
    made = printed(press, a_batch(older, (jo.person_id, jo.address_id)), now)[jo.person_id]
    assert "/c/" not in html(made)
    assert isinstance(made, Prepared)
    assert made.tracking


def test_who_is_gone_or_has_moved_gets_no_message_but_a_reason(
    press: LettersPress, jo: TestPerson, now: datetime
) -> None:
    nobody = PersonId(424242)
    batch = a_batch(a_mailing(now), (jo.person_id, AddressId(999)), (nobody, AddressId(1)))
    assert printed(press, batch, now) == {
        jo.person_id: Reason.NOT_MOVED,
        nobody: Reason.NOT_GONE,
    }


def test_a_letter_that_cannot_be_made_is_said_so(
    press: LettersPress, jo: TestPerson, now: datetime
) -> None:
    broken = a_mailing(now, {"subject": "Only a subject"})
    with pytest.raises(LetterUnprintable):
        printed(press, a_batch(broken, (jo.person_id, jo.address_id)), now)


def test_a_mail_keeps_its_message_id_at_every_attempt(
    press: LettersPress, jo: TestPerson, now: datetime
) -> None:
    batch = a_batch(a_mailing(now), (jo.person_id, jo.address_id))
    ids = {
        message_from_bytes(made.outgoing.content)["Message-ID"]
        for made in (printed(press, batch, now)[jo.person_id] for _ in range(2))
        if isinstance(made, Prepared)
    }
    assert len(ids) == 1


@pytest.mark.clause("C05")
def test_an_order_update_of_a_merged_customer_is_opened_and_keeps_its_message_id(
    press: LettersPress, database: Database, vault: Vault, jo: TestPerson, now: datetime
) -> None:
    with database.transaction() as session:
        anna = a_customer(session, vault, "Anna Becker", now=now)
        order = an_order_letter(session, vault, jo, now)
    before = printed(press, a_batch(order, (jo.person_id, jo.address_id)), now)[jo.person_id]
    with database.transaction() as session:
        people.merge(session, survivor=anna.person_id, merged=jo.person_id, now=now)
    after = printed(press, a_batch(order, (anna.person_id, anna.address_id)), now)[anna.person_id]
    assert isinstance(before, Prepared)
    assert isinstance(after, Prepared)
    assert (before.outgoing.recipient, after.outgoing.recipient) == (jo.email, anna.email)
    assert "10482" in html(after)
    first, second = (message_from_bytes(each.outgoing.content) for each in (before, after))
    assert first["Message-ID"] == second["Message-ID"] == f"<7.{jo.person_id}@example.org>"


def test_an_order_update_whose_key_is_gone_is_not_made(
    press: LettersPress, database: Database, vault: Vault, jo: TestPerson, now: datetime
) -> None:
    with database.transaction() as session:
        anna = a_customer(session, vault, "Anna Becker", now=now)
        order = an_order_letter(session, vault, jo, now)
    batch = a_batch(order, (anna.person_id, anna.address_id))
    assert printed(press, batch, now) == {anna.person_id: Reason.NOT_DATA}


def an_order_letter(session: Session, vault: Vault, reader: TestPerson, now: datetime) -> Mailing:
    """An order update whose fields are sealed under a customer's key."""
    letter = CATALOGUE["order_confirmed"].sample()
    key = vault.keys_of(session, [reader.person_id])[reader.person_id]
    place = delivery.fields_place("order:10482:confirmed:once")
    return dataclasses.replace(
        a_mailing(now),
        key="order:10482:confirmed:once",
        letter=letter.name,
        stream=Stream.ORDER_UPDATE,
        topic=None,
        content=None,
        sealed_fields=key.encrypt(orjson.dumps(letter.fields).decode(), place=place),
    )


@pytest.mark.clause("C09")
def test_one_profile_that_was_tampered_with_holds_up_nobody_else(
    press: LettersPress, database: Database, vault: Vault, jo: TestPerson, now: datetime
) -> None:
    with database.transaction() as session:
        anna = a_customer(session, vault, "Anna Becker", now=now)
        session.execute(
            text("UPDATE people_customer SET name = decode('00', 'hex') || name WHERE id = :id"),
            {"id": jo.person_id},
        )
    batch = a_batch(
        a_mailing(now), (jo.person_id, jo.address_id), (anna.person_id, anna.address_id)
    )
    made = printed(press, batch, now)
    assert made[jo.person_id] is Reason.NOT_DATA
    assert isinstance(made[anna.person_id], Prepared)
