"""What a letter may not say is told on the command line with what mends it, as in the API."""

import json

import pytest

from mailer.letters import PromotionalContent
from tests.cli.conftest import House, Run


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            "Dear {{ firstname }},",
            "There is no field “firstname”. You can use: first_name, name, city, country, "
            "language, country_code, language_code.",
        ),
        ("[look](https://bit.ly/x)", "ask an administrator to add the host to MAILER_LINK_HOSTS."),
    ],
)
def test_a_letter_that_cannot_be_sent_is_refused_with_what_mends_it(
    fpmail: Run, house: House, body: str, told: str
) -> None:
    content = {**PromotionalContent.sample().fields, "body_markdown": f"{body} Read on."}
    draft = {"name": "Autumn", "topic": "company_news", "content": content}
    said = fpmail("campaign", "create", "-", stdin=json.dumps(draft))
    assert said.code == 1
    assert told in said.err
    assert said.err.count("\n") == 1
