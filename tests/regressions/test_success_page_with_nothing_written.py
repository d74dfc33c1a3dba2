"""Elsewhere the page said that the reader was unsubscribed, and their mail went on coming from another
subscription of the same mailbox (https://github.com/codeforamerica/citygram/issues/260).

Here the page is the acknowledgement of a no that is committed, in the journal and in force for the
mailbox, whichever record of a customer its link was made for; where it cannot be kept the answer is
an error that says so (tests/web/test_unsaved.py).
"""

import pytest
from starlette.testclient import TestClient

from mailer import delivery, people, permission
from mailer.delivery import NewMailing
from mailer.letters import PromotionalContent
from mailer.people import AudienceFilter, NewProfile, audience_of
from mailer.permission import Change
from mailer.providers import MemoryProvider
from mailer.vocabulary import Door, Lane, Stream, Topic
from mailer.wiring import build_sender
from tests.web.conftest import app as app  # noqa: PLC0414 - a fixture
from tests.web.conftest import client as client  # noqa: PLC0414 - a fixture
from tests.web.conftest import house as house  # noqa: PLC0414 - a fixture
from tests.web.conftest import parts as parts  # noqa: PLC0414 - a fixture
from tests.web.conftest import settings as settings  # noqa: PLC0414 - a fixture
from tests.web.house import NOW, Customer, House

NEWS = Topic.COMPANY_NEWS


@pytest.mark.clause("C08")
@pytest.mark.parametrize("form", [{}, {"choice": "all"}], ids=["one-click", "page"])
def test_what_the_page_calls_stopped_is_stopped_for_the_whole_mailbox(
    client: TestClient, house: House, form: dict[str, str]
) -> None:
    jo = house.customer(NEWS)
    other_record_of(house, jo)
    house.customer(NEWS, email="anna@example.com")
    answer = client.post(f"/u/{jo.unsubscribe}", data=form)
    assert answer.status_code == 200
    assert "topped" in answer.text
    assert sent(house) == ["anna@example.com"]


def other_record_of(house: House, jo: Customer) -> None:
    """The same mailbox under another number of the shop's, and another yes."""
    with house.parts.database.transaction() as session:
        profile = NewProfile(email="jo@example.com", source="shop", external_id="C-2")
        first = NewProfile(email="jo@example.com", source="shop", external_id="C-1")
        assert people.upsert(session, house.parts.vault, first, now=NOW).person_id == jo.person_id
        made = people.upsert(session, house.parts.vault, profile, now=NOW)
        assert made.person_id != jo.person_id
        permission.admit(session, [made.person_id], now=NOW)
    house.wish(
        made.person_id,
        made.address_id,
        Change(Door.SIGN_UP, "2026-11", topics_on=frozenset({NEWS}), words="Yes."),
    )


def sent(house: House) -> list[str]:
    """Whom a campaign to everybody reaches now."""
    content = PromotionalContent.sample().model_dump(mode="json")
    new = NewMailing("campaign:late", "promotional", Stream.PROMOTIONAL, NEWS, content=content)
    with house.parts.database.transaction() as session:
        mailing = delivery.create_mailing(session, new, now=NOW)
        assert mailing is not None
        delivery.prepare_audience(session, mailing, audience_of(AudienceFilter()), now=NOW)
    provider = MemoryProvider()
    sender = build_sender(house.parts, provider=provider)
    while sender.deliver_one(Lane.PROMOTIONAL):
        pass
    sender.close()
    return [each.recipient for each in provider.accepted]
