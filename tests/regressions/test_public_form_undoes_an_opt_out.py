"""Elsewhere an address that was typed into the sign-up form counted as never unsubscribed, and who had
complained before was mailed again (https://github.com/silent-suite/silentsuite/issues/74).

Here a form that registers somebody switches nothing on, and a yes counts when it names the version
that its page showed, and ends nothing that was said by another customer of the same mailbox.
"""

import pytest

from mailer import campaigns
from mailer.campaigns import CampaignId
from mailer.providers import MemoryProvider
from mailer.vocabulary import Lane
from mailer.wiring import build_sender
from tests.api.conftest import AUTUMN, JO, YES, House, Shop
from tests.api.conftest import app as app  # noqa: PLC0414 - a fixture
from tests.api.conftest import house as house  # noqa: PLC0414 - a fixture
from tests.api.conftest import jo as jo  # noqa: PLC0414 - a fixture
from tests.api.conftest import parts as parts  # noqa: PLC0414 - a fixture
from tests.api.conftest import rung as rung  # noqa: PLC0414 - a fixture
from tests.api.conftest import shop as shop  # noqa: PLC0414 - a fixture

ANNA = JO | {"external_id": "C-2", "email": "anna@example.com", "name": "Anna Becker"}
AGAIN = JO | {"external_id": "C-9999"}


@pytest.mark.clause("C08")
def test_no_form_that_anybody_may_fill_in_ends_somebody_elses_no(
    house: House, shop: Shop, jo: int
) -> None:
    anna = shop.post("/customers", ANNA).json()["id"]
    for each in (jo, anna):
        assert shop.post(f"/customers/{each}/consents", YES).status_code == 200
    shop.post(f"/customers/{jo}/consents", {"stop_all": True})
    assert shop.post("/customers", JO).json()["id"] == jo
    again = shop.post("/customers", AGAIN).json()["id"]
    assert again != jo
    assert shop.post(f"/customers/{again}/consents", YES).status_code == 200
    unseen = {name: value for name, value in YES.items() if name != "seen_version"}
    assert shop.post(f"/customers/{jo}/consents", unseen).status_code == 422
    old_page = shop.post(f"/customers/{jo}/consents", YES)
    assert old_page.json()["asked_again"] == ["company_news"]
    assert sent(house, shop) == ["anna@example.com"]


def sent(house: House, shop: Shop) -> list[str]:
    """Whom a campaign reaches now."""
    draft = shop.post("/campaigns", AUTUMN).json()["id"]
    assert shop.post(f"/campaigns/{draft}/start").json()["state"] == "sending"
    provider = MemoryProvider()
    sender = build_sender(house.parts, provider=provider)
    while sender.deliver_one(Lane.PROMOTIONAL):
        pass
    sender.close()
    with house.parts.database.reading() as session:
        books = campaigns.report_of(session, CampaignId(draft)).books
    assert (books.audience, books.to_go) == (3, 0)
    return [each.recipient for each in provider.accepted]
