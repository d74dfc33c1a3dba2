"""Whole messages: strict parsing, the headers of each stream, nothing on the wire but ASCII."""

from collections.abc import Mapping
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from mailer.development.screens import SAMPLE_BRAND, SampleLinks
from mailer.letters import (
    Compiled,
    EnvelopeInvalid,
    compile_order_letter,
    letter_from,
    list_id_of,
    write_message,
)
from mailer.letters.order_letters import OrderShipped
from mailer.vocabulary import Stream, Topic
from tests.letters.conftest import MakeEnvelope, awkward_names

STRICT = policy.SMTP.clone(raise_on_defect=True)
ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type")


@pytest.fixture
def shipped() -> Compiled:
    return compile_order_letter(OrderShipped.sample(), SAMPLE_BRAND)


def parsed(wire: bytes) -> EmailMessage:
    message = message_from_bytes(wire, policy=STRICT)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def assert_legal(wire: bytes) -> None:
    assert wire.isascii()
    assert wire.replace(b"\r\n", b"").count(b"\r") == 0
    assert wire.replace(b"\r\n", b"").count(b"\n") == 0
    for line in wire.split(b"\r\n"):
        assert len(line) <= 78 or line.startswith(b"List-Unsubscribe: ")
        assert not line.startswith((b".", b"From "))


def test_a_promotional_message_passes_a_strict_parser_and_says_what_it_must(
    promotional: Compiled, person: Mapping[str, str], links: SampleLinks, envelope: MakeEnvelope
) -> None:
    wire = b"".join(write_message(promotional.render(person, links, tracking=True), envelope()))
    assert_legal(wire)
    message = parsed(wire)
    assert all(len(message.get_all(name, [])) == 1 for name in ONCE)
    assert message["List-Unsubscribe"] == f"<{links.unsubscribe}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == "Software updates <software-updates.lists.focalpointsystem.com>"
    assert message["Feedback-ID"] == "m7:software_updates:promotional:focalpoint"
    assert message["Precedence"] == "bulk"
    assert message["Content-Language"] == "en"
    assert message["Auto-Submitted"] is None
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert message["Date"].datetime == envelope().date


def test_an_order_message_belongs_to_no_list_and_answers_no_machine(
    shipped: Compiled, person: Mapping[str, str], links: SampleLinks, envelope: MakeEnvelope
) -> None:
    rendered = shipped.render(person, links, tracking=True)
    wire = b"".join(write_message(rendered, envelope(Stream.ORDER_UPDATE)))
    assert_legal(wire)
    message = parsed(wire)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert not [name for name in message if name.startswith(("List-", "Precedence"))]


def test_both_parts_arrive_as_the_plain_rendering_has_them(
    promotional: Compiled, shipped: Compiled, links: SampleLinks, envelope: MakeEnvelope
) -> None:
    for compiled in (promotional, shipped):
        for name in [
            "",
            "Jo",
            "محمد عبد الله",
            "🧑🏽‍🚀" * 9,
            "...",
            "=3D=",
            " Jo ",
            "x" * 99,
            "<b>&",
        ]:
            person = {"first_name": name, "name": name, "city": "=\tA", "country_code": "DE"}
            for tracking in (True, False):
                reference = compiled.reference(person, links, tracking=tracking)
                rendered = compiled.render(person, links, tracking=tracking)
                message = parsed(b"".join(write_message(rendered, envelope(compiled.stream, name))))
                assert message["Subject"] == reference.subject
                assert body(message, "plain") == reference.text
                assert body(message, "html") == reference.html


def test_no_awkward_name_changes_the_headers_or_the_parts(
    promotional: Compiled, links: SampleLinks, envelope: MakeEnvelope
) -> None:
    usual = None
    for name in awkward_names():
        person = {"first_name": name, "name": name}
        rendered = promotional.render(person, links, tracking=True)
        wire = b"".join(write_message(rendered, envelope(to_name=name)))
        assert_legal(wire)
        keys = message_from_bytes(wire.partition(b"\r\n\r\n")[0] + b"\r\n\r\n").keys()
        usual = usual or keys
        assert keys == usual
        assert rendered.page == promotional.reference(person, links, tracking=True).html
        assert "<script>alert(1)" not in rendered.page


def test_a_long_unsubscribe_link_stays_whole_on_its_line(
    promotional: Compiled, person: Mapping[str, str], links: SampleLinks, envelope: MakeEnvelope
) -> None:
    long = "https://mail.focalpointsystem.com/u/" + "T" * 900
    rendered = promotional.render(person, links, tracking=True)
    wire = b"".join(write_message(rendered, envelope()._replace(list_unsubscribe=long)))
    assert f"List-Unsubscribe: <{long}>\r\n".encode() in wire
    assert parsed(wire)["List-Unsubscribe"] == f"<{long}>"


@pytest.mark.clause("C08")
@pytest.mark.parametrize(
    "url", [None, "", "mailto:a@example.com", "https://a b", "https://x/" + "y" * 990]
)
def test_promotional_mail_without_a_one_click_way_out_is_not_written(
    url: str | None, promotional: Compiled, links: SampleLinks, envelope: MakeEnvelope
) -> None:
    rendered = promotional.render({}, links, tracking=True)
    with pytest.raises(EnvelopeInvalid, match="list_unsubscribe"):
        write_message(rendered, envelope()._replace(list_unsubscribe=url))


@pytest.mark.clause("C05")
def test_an_order_letter_with_a_list_header_is_not_written(
    shipped: Compiled, links: SampleLinks, envelope: MakeEnvelope
) -> None:
    rendered = shipped.render({}, links, tracking=True)
    with pytest.raises(EnvelopeInvalid, match="no list"):
        write_message(rendered, envelope())


@pytest.mark.parametrize(
    "wrong",
    [
        {"message_id": "7@example.com"},
        {"message_id": "<7@example.com>\r\nBcc: <x@y.z>"},
        {"date": datetime(2026, 11, 22)},  # noqa: DTZ001 - the point of the test
        {"list_id": "Software updates"},
        {"list_id": "Soft\r\nware <a.b.c>"},
        {"language": "en\r\nBcc: x@y.z"},
        {"mailing": "a:b"},
        {"sender_id": "abc"},
    ],
)
def test_what_could_break_a_header_is_refused(
    wrong: dict[str, Any], promotional: Compiled, links: SampleLinks, envelope: MakeEnvelope
) -> None:
    rendered = promotional.render({}, links, tracking=True)
    with pytest.raises(EnvelopeInvalid):
        write_message(rendered, envelope()._replace(**wrong))


def test_what_a_shop_writes_into_an_order_cannot_reach_the_headers() -> None:
    fields = OrderShipped.sample().fields | {"order_number": "1\r\nBcc: x@y.z"}
    with pytest.raises(Exception, match="order_number"):
        letter_from("order_shipped", fields)


def test_each_topic_has_a_list_of_its_own() -> None:
    assert len({list_id_of(topic, "Example.com") for topic in Topic}) == len(Topic)
