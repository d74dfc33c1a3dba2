"""Elsewhere the one-click address refused what mail programs send, for the form of the body
(https://github.com/Notifuse/notifuse/issues/362).

Here a POST with a valid token stops all promotional mail whatever its body is: a form of either kind,
nothing, bytes, or a boundary that does not fit (RFC 8058).
"""

import pytest
from starlette.testclient import TestClient

from mailer.vocabulary import Door, Topic
from tests.web.conftest import app as app  # noqa: PLC0414 - a fixture
from tests.web.conftest import client as client  # noqa: PLC0414 - a fixture
from tests.web.conftest import house as house  # noqa: PLC0414 - a fixture
from tests.web.conftest import parts as parts  # noqa: PLC0414 - a fixture
from tests.web.conftest import settings as settings  # noqa: PLC0414 - a fixture
from tests.web.house import NOW, House
from tests.web.test_unsubscribe import BOUNDARY, GMAIL

BODIES = [
    (f"multipart/form-data; boundary={BOUNDARY}", GMAIL),
    ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
    ("application/x-www-form-urlencoded", b""),
    ("", b""),
    ("text/plain", b"List-Unsubscribe=One-Click"),
    ("application/json", b'{"List-Unsubscribe": "One-Click"}'),
    ("application/octet-stream", b"\x00\xff\xfe"),
    ("multipart/form-data; boundary=other", GMAIL),
    ("application/x-www-form-urlencoded", b"choice=nonsense"),
    ("application/x-www-form-urlencoded", b"choice=topic&x=" + b"x" * 100_000),
]


@pytest.mark.clause("C08")
@pytest.mark.parametrize(("content_type", "body"), BODIES)
def test_a_post_without_a_choice_stops_all_promotional_mail(
    client: TestClient, house: House, content_type: str, body: bytes
) -> None:
    jo = house.customer(Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES)
    headers = {"content-type": content_type} if content_type else {}
    answer = client.post(f"/u/{jo.unsubscribe}", content=body, headers=headers)
    assert (answer.status_code, answer.text) == (200, "Stopped.\n")
    standing = house.standing(jo)
    assert (standing.stopped_since, standing.stopped_door) == (NOW, Door.ONE_CLICK)
