"""Tests of campaigns: to staff alone, marked, on the common road, and nobody's consent is touched."""

from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from sqlalchemy import text

from mailer import campaigns, delivery, people, permission
from mailer.campaigns import CampaignId, CannotDo, ContentRefused, TestRefused
from mailer.delivery import TestReader
from mailer.permission import NewSuppression
from mailer.vocabulary import Door, Lane, MailingId, Reason, Scope, SuppressionReason, Topic
from mailer.wiring import build_sender
from tests.campaigns.conftest import BY, Desk

ANNA = "Anna.Becker@focalpointsystem.com"


def send(
    desk: Desk, campaign_id: CampaignId, *to: str, reader: TestReader = TestReader.KNOWN
) -> list[MailingId]:
    with desk.database.transaction() as session:
        return campaigns.send_test(
            session,
            desk.parts.vault,
            campaign_id,
            to=to,
            reader=reader,
            brand=desk.parts.brand,
            rules=desk.parts.rules,
            by=BY,
            now=desk.now,
        )


def work(desk: Desk) -> None:
    sender = build_sender(desk.parts, provider=desk.provider)
    while sender.deliver_one(Lane.ORDERS):
        pass
    sender.close()


def books(desk: Desk, mailing_id: MailingId) -> delivery.Books:
    with desk.database.reading() as session:
        return delivery.books(session, mailing_id)


def arrived(desk: Desk) -> list[EmailMessage]:
    return [
        message_from_bytes(each.content, policy=policy.default) for each in desk.provider.accepted
    ]


def test_a_test_shows_the_campaign_to_one_of_staff(desk: Desk) -> None:
    [mailing_id] = send(desk, desk.draft(), ANNA)
    work(desk)
    [mail] = arrived(desk)
    assert desk.provider.accepted[0].recipient == ANNA
    assert str(mail["Subject"]).startswith("[Test] Autumn release")
    assert "news@focalpointsystem.com" in str(mail["From"])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    whole = "".join(str(part.get_content()) for part in mail.iter_parts())
    assert "Trenton" in whole
    assert "/c/" not in whole
    assert (books(desk, mailing_id).accepted, books(desk, mailing_id).balance) == (1, True)


@pytest.mark.clause("C03")
def test_an_unknown_reader_shows_what_stands_for_missing_fields(desk: Desk) -> None:
    send(desk, desk.draft(), ANNA, reader=TestReader.UNKNOWN)
    work(desk)
    text_part = arrived(desk)[0].get_body(("plain",))
    assert text_part is not None
    assert "your city" in text_part.get_content()


@pytest.mark.clause("C08")
@pytest.mark.parametrize("scope", Scope)
def test_a_suppressed_address_gets_no_test(desk: Desk, scope: Scope) -> None:
    with desk.database.transaction() as session:
        address_id = people.address_id_of(session, desk.parts.vault, ANNA, create=True)
        topic = Topic.COMPANY_NEWS if scope is Scope.TOPIC else None
        no = NewSuppression(scope, SuppressionReason.OPT_OUT, Door.API, address_id, topic=topic)
        permission.suppress(session, no, now=desk.now)
    [mailing_id] = send(desk, desk.draft(), ANNA)
    work(desk)
    assert desk.provider.accepted == []
    assert sum(books(desk, mailing_id).refused.values()) == 1


@pytest.mark.clause("C07")
@pytest.mark.parametrize("to", ["jo@example.com", "jo@notfocalpointsystem.com"])
def test_who_is_not_of_staff_gets_no_test(desk: Desk, to: str) -> None:
    with pytest.raises(TestRefused) as told:
        send(desk, desk.draft(), ANNA, to)
    assert to not in str(told.value)
    work(desk)
    assert desk.provider.accepted == []


def test_one_address_written_twice_gets_one_test(desk: Desk) -> None:
    assert len(send(desk, desk.draft(), ANNA, ANNA.lower())) == 1


def test_tests_have_a_limit_an_hour(desk: Desk) -> None:
    campaign_id = desk.draft()
    for round_ in range(5):
        send(desk, campaign_id, *(f"p{round_}.{n}@focalpointsystem.com" for n in range(10)))
    with pytest.raises(TestRefused, match="50"):
        send(desk, campaign_id, ANNA)
    desk.later(hours=1)
    assert send(desk, campaign_id, ANNA)


def test_a_test_that_nobody_sent_in_time_never_leaves(desk: Desk) -> None:
    [mailing_id] = send(desk, desk.draft(), ANNA)
    desk.later(hours=1, seconds=1)
    work(desk)
    assert desk.provider.accepted == []
    assert books(desk, mailing_id).refused == {Reason.NOT_LATE: 1}


def test_the_address_of_a_test_is_sealed_and_forgotten_after_a_day(desk: Desk) -> None:
    send(desk, desk.draft(), ANNA)
    keys = text("SELECT count(*) FROM vault_person_key")
    with desk.database.reading() as session:
        held = session.execute(text("SELECT * FROM delivery_mailing, campaigns_test")).all()
        assert ANNA.lower() not in repr(held).lower()
        assert session.execute(keys).scalar_one() == 1
    desk.later(days=1, seconds=1)
    with desk.database.transaction() as session:
        assert campaigns.forget_tests(session, desk.parts.vault, now=desk.now) == 1
        assert campaigns.forget_tests(session, desk.parts.vault, now=desk.now) == 0
        assert session.execute(keys).scalar_one() == 0


def test_a_test_is_no_promotional_mail_in_a_customers_rhythm(desk: Desk) -> None:
    anna = desk.customer("Anna Becker", email=ANNA)
    with desk.database.transaction() as session:
        session.execute(
            text("UPDATE permission_standing SET frequency = 'weekly' WHERE person_id = :who"),
            {"who": anna.person_id},
        )
    campaign_id = desk.draft()
    send(desk, campaign_id, ANNA)
    work(desk)
    desk.later(minutes=5)
    desk.do("start", campaign_id)
    desk.send_all()
    assert [each.recipient for each in desk.provider.accepted] == [ANNA, ANNA]


def test_only_what_is_still_to_leave_is_tested(desk: Desk) -> None:
    campaign_id = desk.draft()
    desk.do("schedule", campaign_id, at=desk.now + timedelta(days=1))
    assert send(desk, campaign_id, ANNA)
    desk.do("start", campaign_id)
    with pytest.raises(CannotDo):
        send(desk, campaign_id, ANNA)


def test_content_that_cannot_leave_is_not_tested(desk: Desk) -> None:
    campaign_id = desk.draft()
    with desk.database.transaction() as session:
        session.execute(
            text(
                "UPDATE campaigns_campaign SET content ="
                " jsonb_set(content, '{button_url}', '\"https://elsewhere.example.org/\"')"
            )
        )
    with pytest.raises(ContentRefused):
        send(desk, campaign_id, ANNA)
