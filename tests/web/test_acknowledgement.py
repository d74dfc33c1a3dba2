"""An acknowledgement names what had left, and says where nobody can tell."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from mailer import people, permission
from mailer.delivery import Acknowledgement, Left, mailing_by_key
from mailer.vocabulary import MailingId, Topic
from preference_center.customers.receipts import keep_receipt
from preference_center.customers.views import LeftView, StoppedPage
from preference_center.moments import Moment
from preference_center.pages import Language, Pages
from tests.web.house import AUTUMN, NOW, House

NEWS, SOFTWARE = Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES
AT = Moment("22 November 2026, 10:41:07 EST", "2026-11-22T10:41:07-05:00")
RELEASE = LeftView("The autumn release is here", AT)
NAMELESS = LeftView("", AT)


def said(house: House, left: tuple[LeftView, ...] = (), unsure: tuple[str, ...] = ()) -> str:
    """The words of the acknowledgement, on one line."""
    page = StoppedPage(
        title="Promotional mail is stopped",
        at=AT,
        reference="P-7K2M-93QD",
        topic="",
        already_since=None,
        already_by="",
        left=left,
        may_still_arrive=unsure,
        preferences="/p/token",
    )
    html = Pages(house.parts.settings).text("customers/stopped.html", page)
    for tag in ("<bdi>", "</bdi>", f'<time datetime="{AT.iso}">', "</time>"):
        html = html.replace(tag, "")
    return html


def test_one_message_that_had_left_is_named_with_its_time(house: House) -> None:
    assert (
        "1 message had already left, at 22 November 2026, 10:41:07 EST: "
        "“The autumn release is here”. We can’t call it back."
    ) in said(house, (RELEASE,))


def test_several_messages_that_had_left_are_listed(house: House) -> None:
    page = said(house, (RELEASE, NAMELESS))
    assert "2 messages had already left. We can’t call them back:" in page
    assert "<li>“The autumn release is here”, at" in page
    assert "<li>one message, at" in page


def test_what_nobody_can_tell_is_said_so(house: House) -> None:
    assert (
        "We can’t yet tell whether “The autumn release is here” left. "
        "If it did, it may still arrive."
    ) in said(house, unsure=(RELEASE.subject,))
    assert "whether one more message left" in said(house, unsure=("",))


def test_where_nothing_had_left_nothing_is_said_of_it(house: House) -> None:
    page = said(house)
    assert "already left" not in page
    assert "may still arrive" not in page


def test_a_receipt_names_what_had_left_however_often_it_is_opened(
    client: TestClient, house: House
) -> None:
    jo = house.customer(NEWS)
    answer = client.post(f"/p/{jo.preferences}", data={"act": "stop"})
    path = answer.headers["location"]
    with house.parts.database.reading() as session:
        autumn = mailing_by_key(session, AUTUMN.key)
    assert autumn is not None
    keep_receipt(
        client.app.state.door,  # type: ignore[attr-defined]  # any ASGI app, to Starlette
        jo.person_id,
        Acknowledgement(
            reference=path.rpartition("/")[2],
            at=NOW,
            version=2,
            left=(Left(autumn.id, NOW - timedelta(seconds=2)),),
            unsure=(Left(MailingId(999), NOW),),
        ),
    )
    for _ in range(2):
        receipt = client.get(path).text
        assert "The autumn release is here" in receipt
        assert "10:41:05 EST" in receipt
        assert "We can’t yet tell whether one more message left" in receipt


@pytest.mark.clause("C08")
@pytest.mark.parametrize("through", ["one-click", "page", "preferences"])
def test_the_way_out_works_for_who_was_erased(
    client: TestClient, house: House, through: str
) -> None:
    jo = house.customer(NEWS)
    with house.parts.database.transaction() as session:
        people.erase(session, house.parts.vault, jo.person_id, now=NOW)
        permission.forget(session, jo.person_id)
    assert "Stop promotional mail to your address?" in client.get(f"/u/{jo.unsubscribe}").text
    if through == "one-click":
        assert client.post(f"/u/{jo.unsubscribe}").text == "Stopped.\n"
    else:
        path = f"/u/{jo.unsubscribe}" if through == "page" else f"/p/{jo.preferences}"
        page = client.post(path, data={"choice": "all", "act": "stop"})
        assert page.status_code == 200
        assert "Promotional mail is stopped" in page.text
    with house.parts.database.reading() as session:
        query = "SELECT address_id FROM permission_suppression WHERE scope = 'promotional'"
        assert jo.address_id in session.execute(text(query)).scalars().all()


def test_preferences_of_who_was_erased_are_not_there(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS)
    with house.parts.database.transaction() as session:
        people.erase(session, house.parts.vault, jo.person_id, now=NOW)
        permission.forget(session, jo.person_id)
    page = client.get(f"/p/{jo.preferences}")
    assert page.status_code == 404
    assert "There is nothing to choose here" in page.text


@pytest.mark.parametrize(("code", "direction"), [("en", "ltr"), ("ar", "rtl"), ("he-IL", "rtl")])
def test_a_page_reads_in_the_direction_of_its_language(
    house: House, code: str, direction: str
) -> None:
    view = {"title": "There is no such page", "lines": [], "request_id": ""}
    pages = Pages(house.parts.settings)
    html = pages.text("problem.html", view, language=Language(code))
    assert f'<html lang="{code}" dir="{direction}">' in html
