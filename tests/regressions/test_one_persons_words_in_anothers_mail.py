"""Elsewhere what was printed for one reader was kept and used for the next one, so that a customer's
mail had somebody else's name in it (https://github.com/aimeos/ai-client-html/issues/22).

Here a letter is compiled once into what is the same for all and slots, and every slot, the subject's
among them, is filled for each person anew; what we do not know of one prints its fallback.
"""

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message

import pytest

from mailer import campaigns
from mailer.campaigns import Audience, CampaignId, NewCampaign
from mailer.letters import PromotionalContent
from mailer.links import Purpose
from mailer.vocabulary import Topic
from tests.campaigns.conftest import BY, Desk
from tests.campaigns.conftest import desk as desk  # noqa: PLC0414 - a fixture
from tests.people_of_tests import TestPerson

READERS = {"Anna Becker": "Graz", "Kenji Mori": "Osaka", "Zoë Łukasik": "Łódź", "": ""}
LETTER = PromotionalContent(
    subject="{{ first_name }}, your tills in {{ city }} are ready",
    preheader="For {{ name }}.",
    heading="Good news, {{ first_name }}",
    body_markdown="Hello {{ name }},\n\nit is ready in **{{ city }}**.",
    button_label="Look, {{ first_name }}",
    button_url="https://www.focalpointsystem.com/releases",
)


def words_of(message: Message) -> str:
    """Everything that a reader reads of a mail: its headers and both its parts."""
    parts = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    headers = [str(make_header(decode_header(value))) for value in message.values()]
    return "\n".join([*headers, *(each.decode() for each in parts if isinstance(each, bytes))])


def started(desk: Desk) -> CampaignId:
    new = NewCampaign("Ready", Topic.COMPANY_NEWS, LETTER, Audience())
    with desk.database.transaction() as session:
        made = campaigns.create(session, new, brand=desk.parts.brand, by=BY, now=desk.now)
    desk.do("start", made.campaign_id)
    return made.campaign_id


@pytest.mark.clause("C03")
def test_each_mail_has_its_own_readers_words_and_nobody_elses(desk: Desk) -> None:
    readers: dict[int, TestPerson] = {}
    for n, (name, city) in enumerate(READERS.items()):
        made = desk.customer(name, email=f"reader{n}@example.com", city=city)
        readers[made.person_id] = made
    for _ in range(2):  # the second finds the letter compiled already
        started(desk)
        desk.send_all()
    assert len(desk.provider.accepted) == 2 * len(READERS)
    for mail in desk.provider.accepted:
        n = list(readers).index(mail.person_id)
        (name, city), others = list(READERS.items())[n], set(READERS) - {list(READERS)[n], ""}
        message = message_from_bytes(mail.content)
        subject = str(make_header(decode_header(message["Subject"])))
        first = name.split()[0] if name else "there"
        assert subject == f"{first}, your tills in {city or 'your city'} are ready"
        words = words_of(message)
        assert (name or "customer") in words
        assert [each for each in others if each.split()[0] in words] == []
        assert mail.recipient == readers[mail.person_id].email
        token = re.search(r"/u/([\w.-]+)", words)
        assert token is not None
        ids = desk.parts.links.read(Purpose.UNSUBSCRIBE, token[1])
        assert ids[:2] == (mail.person_id, readers[mail.person_id].address_id)
