"""The unsubscribe link: GET shows, POST acts, and nothing ever redirects."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from mailer.links import Purpose
from mailer.permission import Change
from mailer.vocabulary import Door, Topic
from tests.web.house import NOW, House

NEWS, SOFTWARE = Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES
BOUNDARY = "frontier"
GMAIL = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
    f"One-Click\r\n--{BOUNDARY}--\r\n"
).encode()


@pytest.mark.parametrize("body", [{}, {"choice": "all"}, {"choice": "topic"}])
def test_the_no_is_kept_with_the_mailing_by_whose_link_it_came(
    client: TestClient, house: House, body: dict[str, str]
) -> None:
    jo = house.customer(NEWS)
    client.post(f"/u/{jo.unsubscribe}", data=body)
    mailing = house.parts.links.read(Purpose.UNSUBSCRIBE, jo.unsubscribe)[2]
    with house.parts.database.reading() as session:
        noes = text("SELECT mailing_id FROM permission_consent WHERE act IN ('stop', 'no')")
        assert session.execute(noes).scalars().all() == [mailing]


@pytest.mark.parametrize("choices", [["all", "topic"], ["topic", "all"]])
def test_of_two_choices_the_one_that_stops_more_is_taken(
    client: TestClient, house: House, choices: list[str]
) -> None:
    jo = house.customer(NEWS, SOFTWARE)
    client.post(f"/u/{jo.unsubscribe}", data={"choice": choices})
    assert house.standing(jo).stopped_since == NOW


@pytest.mark.clause("C08")
def test_a_repeat_is_success_and_makes_older_pages_stale_and_writes_nothing_more(
    client: TestClient, house: House
) -> None:
    jo = house.customer(NEWS)
    first = client.post(f"/u/{jo.unsubscribe}")
    before = house.everything()
    again = client.post(f"/u/{jo.unsubscribe}")
    assert (first.status_code, again.status_code, again.text) == (200, 200, "Stopped.\n")
    seen, now = f"[[({jo.person_id}, 2,", f"[[({jo.person_id}, 3,"  # the standing's version
    assert before.startswith(seen)
    assert house.everything() == before.replace(seen, now, 1)


@pytest.mark.parametrize("path", ["/u/{}/", "/u//{}", "/u/{}/now"])
def test_a_slash_too_many_is_not_found_and_never_redirected(
    client: TestClient, house: House, path: str
) -> None:
    jo = house.customer(NEWS)
    assert client.post(path.format(jo.unsubscribe)).status_code == 404


@pytest.mark.clause("C08")
def test_the_page_asks_in_the_copy_that_was_agreed(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS, SOFTWARE)
    page = client.get(f"/u/{jo.unsubscribe}")
    assert page.status_code == 200
    for words in (
        "Stop promotional mail to",
        "j•••@e•••.com",
        "Stop all promotional mail</button>",
        "Stop only “Software updates”</button>",
        "Mail about your own orders and bills still comes. Nothing has changed yet.",
    ):
        assert words in page.text, page.text
    assert "jo@example.com" not in page.text


@pytest.mark.clause("C08")
def test_the_button_stops_all_and_says_when_and_under_which_reference(
    client: TestClient, house: House
) -> None:
    jo = house.customer(NEWS, SOFTWARE)
    page = client.post(f"/u/{jo.unsubscribe}", data={"choice": "all"})
    assert page.status_code == 200
    assert "Promotional mail is stopped" in page.text
    assert "22 November 2026, 10:41:07 EST" in page.text
    assert "in force now" in page.text
    assert _last_reference(house) in page.text
    assert house.standing(jo).stopped_door is Door.UNSUBSCRIBE_PAGE


@pytest.mark.clause("C07")
def test_the_second_button_stops_only_the_topic_of_that_mail(
    client: TestClient, house: House
) -> None:
    jo = house.customer(NEWS, SOFTWARE)
    page = client.post(f"/u/{jo.unsubscribe}", data={"choice": "topic"})
    assert "“Software updates” is stopped" in page.text
    standing = house.standing(jo)
    assert standing.stopped_since is None
    assert standing.topics_on == {NEWS}


def test_a_topic_of_a_mailing_that_is_gone_stops_everything(
    client: TestClient, house: House
) -> None:
    jo = house.customer(NEWS, SOFTWARE)
    with house.parts.database.transaction() as session:
        session.execute(text("DELETE FROM delivery_mailing"))
    client.post(f"/u/{jo.unsubscribe}", data={"choice": "topic"})
    assert house.standing(jo).stopped_since == NOW


def test_a_topic_that_is_off_already_is_not_offered_again(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS, SOFTWARE)
    client.post(f"/u/{jo.unsubscribe}", data={"choice": "topic"})
    page = client.get(f"/u/{jo.unsubscribe}").text
    assert "“Software updates” is already off" in page
    assert 'value="topic"' not in page


def test_a_one_click_is_seen_later_with_its_door_and_reference(
    client: TestClient, house: House
) -> None:
    jo = house.customer(NEWS)
    client.post(f"/u/{jo.unsubscribe}", content=GMAIL)
    for page in (
        client.get(f"/u/{jo.unsubscribe}"),
        client.post(f"/u/{jo.unsubscribe}", data={"choice": "all"}),
    ):
        assert "Already stopped at" in page.text
        assert "by the unsubscribe button in your mail program" in page.text
        assert _last_reference(house) in page.text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_a_hundred_times_changes_nothing(
    client: TestClient, house: House, method: str
) -> None:
    jo = house.customer(NEWS, SOFTWARE)
    before = house.everything()
    for _ in range(100):
        assert client.request(method, f"/u/{jo.unsubscribe}").status_code == 200
    assert house.everything() == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_forged_link_is_not_found_and_changes_nothing(
    client: TestClient, house: House, method: str
) -> None:
    jo = house.customer(NEWS)
    before = house.everything()
    for token in (jo.preferences, jo.unsubscribe[:-1], jo.unsubscribe + "A", "x"):
        assert client.request(method, f"/u/{token}").status_code == 404
    assert house.everything() == before


def test_a_merged_customers_link_acts_for_the_one_who_survived(
    client: TestClient, house: House
) -> None:
    jo, old = house.customer(NEWS), house.customer(SOFTWARE, email="jo@example.org")
    house.parts.opt_outs.merge(survivor=jo.person_id, merged=old.person_id)
    assert client.post(f"/u/{old.unsubscribe}").text == "Stopped.\n"
    assert house.standing(jo).stopped_since == NOW


def test_the_address_is_shown_only_where_it_is_still_theirs(
    client: TestClient, house: House
) -> None:
    jo = house.customer(NEWS)
    house.parts.opt_outs.change_address(jo.person_id, "jo@example.net")
    page = client.get(f"/u/{jo.unsubscribe}").text
    assert "Stop promotional mail to your address?" in page


def test_what_support_stopped_is_said_without_a_reference(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS)
    stop = Change(door=Door.SUPPORT, policy_version="2026-11", stop_all=True)
    house.wish(jo.person_id, jo.address_id, stop)
    assert "by customer care" in client.get(f"/u/{jo.unsubscribe}").text


def _last_reference(house: House) -> str:
    with house.parts.database.reading() as session:
        query = (
            "SELECT reference FROM permission_consent WHERE act = 'stop' ORDER BY id DESC LIMIT 1"
        )
        return str(session.execute(text(query)).scalar_one())


def test_times_are_in_utc_for_who_has_no_zone(client: TestClient, house: House) -> None:
    jo = house.customer(NEWS, zone="")
    page = client.post(f"/u/{jo.unsubscribe}", data={"choice": "all"}).text
    assert f"{datetime(2026, 11, 22, 15, 41, 7, tzinfo=UTC):%H:%M:%S} UTC" in page
