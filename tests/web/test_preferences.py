"""The preference centre without login: what is shown is what stands, what is saved is named."""

import re
from datetime import UTC, datetime
from html import unescape
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from mailer import permission, policy
from mailer.permission import Change
from mailer.vocabulary import Door, Frequency, Topic
from tests.web.house import NOW, House

NEWS, SOFTWARE, PARTNERS = Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES, Topic.PARTNER_OFFERS
INPUT = re.compile(r"<input ([^>]*)>")
ATTRIBUTE = re.compile(r'([\w-]+)(?:="([^"]*)")?')
Fields = dict[str, list[str]]


def fields_of(page: str) -> Fields:
    """The fields of the big form as a browser would post them untouched."""
    form = page[page.index('name="version"') - 40 :]
    fields: Fields = {"frequency": re.findall(r'<option value="([^"]*)" selected', form)}
    for tag in INPUT.findall(form):
        given = {name: unescape(value) for name, value in ATTRIBUTE.findall(tag)}
        if given.get("type") != "radio" or "checked" in given:
            fields.setdefault(given["name"], []).append(given.get("value", ""))
    return fields


def save(
    client: TestClient, token: str, shown: Fields | None = None, **touched: str
) -> tuple[int, str, str]:
    """Touch some fields of the page and save; return the status, the path and the page then seen."""
    fields = shown or fields_of(client.get(f"/p/{token}").text)
    fields = fields | {name.replace("__", "."): [value] for name, value in touched.items()}
    answer = client.post(f"/p/{token}", data=fields)
    if answer.status_code != 303:
        return answer.status_code, "", answer.text
    path = urlsplit(answer.headers["location"]).path
    return 303, path, client.get(path).text


@pytest.mark.clause("C07")
def test_the_page_shows_what_stands(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS, SOFTWARE)
    fields = fields_of(client.get(f"/p/{jo.preferences}").text)
    on = {name for name, value in fields.items() if name.startswith("topic.") and value == ["on"]}
    assert on == {f"topic.{NEWS}", f"topic.{SOFTWARE}"}
    assert fields["shown"] == [topic.value for topic in Topic]
    assert (fields["frequency"], fields["tracking"]) == (["as_it_comes"], ["on"])


def test_the_words_that_a_yes_agrees_to_are_on_the_page(client: TestClient, house: House) -> None:
    jo = house.customer()
    page = unescape(client.get(f"/p/{jo.preferences}").text)
    assert all(policy.words_for(topic) in page for topic in Topic)


@pytest.mark.clause("C07")
def test_a_topic_switched_off_is_off_and_named_on_a_receipt(
    client: TestClient, house: House
) -> None:
    jo = house.customer(NEWS, SOFTWARE)
    status, path, receipt = save(client, jo.preferences, topic__company_news="off")
    assert status == 303
    assert house.standing(jo).topics_on == {SOFTWARE}
    assert "Company news off." in receipt
    assert "22 November 2026, 10:41:07 EST" in receipt
    assert path.rpartition("/")[2] in receipt
    assert client.get(path).text == receipt


@pytest.mark.clause("C26")
def test_a_yes_keeps_the_words_that_were_agreed_to(client: TestClient, house: House) -> None:
    jo = house.customer()
    _, path, receipt = save(client, jo.preferences, topic__software_updates="on")
    assert house.standing(jo).topics_on == {SOFTWARE}
    assert policy.words_for(SOFTWARE) in unescape(receipt)
    with house.parts.database.reading() as session:
        kept = permission.receipt_of(session, jo.person_id, path.rpartition("/")[2])
    assert [(each.act, each.topic, each.words) for each in kept] == [
        ("yes", SOFTWARE, policy.words_for(SOFTWARE))
    ]


@pytest.mark.clause("C08")
def test_stop_all_is_one_button_and_a_receipt(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS)
    answer = client.post(f"/p/{jo.preferences}", data={"act": "stop"})
    assert answer.status_code == 303
    assert "All promotional mail stopped." in client.get(answer.headers["location"]).text
    assert house.standing(jo).stopped_door is Door.PREFERENCE_PAGE
    assert "All promotional mail is stopped" in client.get(f"/p/{jo.preferences}").text


def test_a_topic_switched_on_after_a_stop_brings_back_that_topic_only(
    client: TestClient, house: House
) -> None:
    jo = house.customer(NEWS, SOFTWARE)
    client.post(f"/p/{jo.preferences}", data={"act": "stop"})
    save(client, jo.preferences, topic__company_news="on")
    standing = house.standing(jo)
    assert standing.stopped_since is None
    assert standing.topics_on == {NEWS}


def test_a_pause_says_until_when_and_that_it_ends_by_itself(
    client: TestClient, house: House
) -> None:
    jo = house.customer(NEWS)
    _, _, receipt = save(client, jo.preferences, pause="2027-03-14")
    assert "No promotional mail until 14 March 2027. It starts again by itself" in receipt
    assert house.standing(jo).paused_until == datetime(2027, 3, 14, 5, 0, tzinfo=UTC)
    _, _, receipt = save(client, jo.preferences, pause="")
    assert "The pause is over." in receipt


def test_frequency_is_saved(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS)
    _, _, receipt = save(client, jo.preferences, frequency="weekly")
    assert "One message a week at most." in receipt
    assert house.standing(jo).frequency is Frequency.WEEKLY


@pytest.mark.clause("C17")
def test_measuring_is_switched_off_and_the_receipt_says_what_that_means(
    client: TestClient, house: House
) -> None:
    jo = house.customer(NEWS)
    _, _, receipt = save(client, jo.preferences, tracking="off")
    assert "links in old mail still work and record nothing" in receipt
    assert house.standing(jo).tracking is False


def test_a_save_that_changes_nothing_says_so(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS)
    before = house.everything()
    status, _, page = save(client, jo.preferences)
    assert (status, "Nothing needed changing" in page) == (200, True)
    assert house.everything() == before


@pytest.mark.clause("C08")
def test_a_stale_tab_cannot_turn_on_what_another_tab_turned_off(
    client: TestClient, house: House
) -> None:
    jo = house.customer(NEWS, SOFTWARE)
    stale = fields_of(client.get(f"/p/{jo.preferences}").text)
    save(client, jo.preferences, topic__company_news="off")
    status, _, page = save(client, jo.preferences, stale, topic__software_updates="off")
    assert status == 409
    assert "you turned this off in another tab" in page
    assert "so it stays off. Turn it on here if you want it." in page
    assert house.standing(jo).topics_on == frozenset()
    assert "What you switched off here is saved, reference" in page
    save(client, jo.preferences, fields_of(page), topic__company_news="on")
    assert house.standing(jo).topics_on == {NEWS}


def test_a_fresh_yes_of_a_stale_tab_is_asked_again(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS)
    stale = fields_of(client.get(f"/p/{jo.preferences}").text)
    save(client, jo.preferences, topic__company_news="off")
    status, _, _ = save(client, jo.preferences, stale, topic__software_updates="on")
    assert status == 409
    assert house.standing(jo).topics_on == frozenset()


def test_a_day_that_cannot_be_meant_saves_nothing_and_keeps_what_was_typed(
    client: TestClient, house: House
) -> None:
    jo = house.customer(NEWS)
    before = house.everything()
    status, _, page = save(client, jo.preferences, pause="14.3.2027", topic__software_updates="on")
    assert status == 422
    assert "<title>Error: E-mail preferences" in page
    assert "There is a problem" in page
    assert "Nothing has been saved." in page
    assert 'value="14.3.2027"' in page
    assert fields_of(page)[f"topic.{SOFTWARE}"] == ["on"]
    assert fields_of(page)[f"was.{SOFTWARE}"] == ["off"]
    assert house.everything() == before


@pytest.mark.clause("C13")
@pytest.mark.parametrize("header", ["Sec-GPC", "DNT"])
def test_a_browsers_signal_is_a_no_to_partner_offers(
    client: TestClient, house: House, header: str
) -> None:
    jo = house.customer(NEWS, PARTNERS)
    client.headers[header] = "1"
    before = house.everything()
    page = client.get(f"/p/{jo.preferences}").text
    assert "Off once you save" in page
    assert f'name="topic.{PARTNERS}"' not in page
    assert house.everything() == before
    _, _, receipt = save(client, jo.preferences)
    assert "Partner offers off." in receipt
    standing = house.standing(jo)
    assert standing.topics_on == {NEWS}
    assert standing.gpc_since == NOW


@pytest.mark.clause("C13")
def test_no_field_can_speak_against_the_signal(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS)
    client.headers["Sec-GPC"] = "1"
    save(client, jo.preferences, topic__partner_offers="on")
    assert PARTNERS not in house.standing(jo).topics_on


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_a_hundred_times_changes_nothing(
    client: TestClient, house: House, method: str
) -> None:
    jo = house.customer(NEWS)
    _, path, _ = save(client, jo.preferences, topic__company_news="off")
    before = house.everything()
    for _ in range(50):
        assert client.request(method, f"/p/{jo.preferences}").status_code == 200
        assert client.request(method, path).status_code == 200
    assert house.everything() == before


def test_a_receipt_opens_for_its_own_customer_only(client: TestClient, house: House) -> None:
    jo, anna = house.customer(NEWS), house.customer(NEWS, email="anna.becker@example.org")
    _, path, _ = save(client, jo.preferences, topic__company_news="off")
    reference = path.rpartition("/")[2]
    assert client.get(f"/p/{anna.preferences}/{reference}").status_code == 404
    for reference in ("P-2222-2222", "P-0000-0000", "%00", "P-2222-222%00", "x" * 9000):
        assert client.get(f"/p/{jo.preferences}/{reference}").status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_token_of_another_purpose_opens_nothing(
    client: TestClient, house: House, method: str
) -> None:
    jo = house.customer(NEWS)
    assert client.request(method, f"/p/{jo.unsubscribe}").status_code == 404


def test_a_wish_of_another_door_shows_with_its_door(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS)
    stop = Change(door=Door.COMPLAINT, policy_version="2026-11", stop_all=True)
    house.wish(jo.person_id, jo.address_id, stop)
    assert "by a spam report" in client.get(f"/p/{jo.preferences}").text


def test_no_page_shows_an_address_or_a_name(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS)
    _, path, receipt = save(client, jo.preferences, topic__company_news="off")
    for page in (client.get(f"/p/{jo.preferences}").text, receipt, path):
        assert "jo@example.com" not in page
        assert "Jo Example" not in page
