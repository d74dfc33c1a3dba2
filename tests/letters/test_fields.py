"""What a shop may put into a letter, and what it is told when it does not fit."""

from typing import Any

import pytest

from mailer.letters import CATALOGUE, FieldsInvalid, Letter, LetterUnknown, Money, letter_from
from mailer.letters.order_letters import OrderReceived, OrderShipped
from mailer.vocabulary import Stream

ORDER_LETTERS = [letter for letter in CATALOGUE.values() if letter.stream is Stream.ORDER_UPDATE]


def problems(letter: str, fields: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(FieldsInvalid) as refused:
        letter_from(letter, fields)
    assert all(each.fix for each in refused.value.problems)
    return {each.field: each.problem for each in refused.value.problems}


@pytest.mark.parametrize("letter", CATALOGUE.values(), ids=str)
def test_a_letter_survives_being_kept_as_json(letter: type[Letter]) -> None:
    assert letter_from(letter.name, letter.sample().fields) == letter.sample()


def test_a_letter_that_is_not_in_the_catalogue_is_named_unknown() -> None:
    with pytest.raises(LetterUnknown, match="order_received"):
        letter_from("birthday_greetings", {})


def test_every_wrong_field_is_named_at_once() -> None:
    fields = OrderReceived.sample().fields
    fields |= {"ordered_at": "2026-11-18T10:00:00", "total": {"amount": "12", "currency": "USDD"}}
    fields |= {"colour": "blue"}
    del fields["order_number"]
    assert problems("order_received", fields) == {
        "order_number": "is missing",
        "ordered_at": "has no offset from UTC",
        "total.amount": "is not a whole number",
        "total.currency": "is no currency",
        "colour": "is not a field of this letter",
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("order_number", "10482\r\nBcc: anna@example.com"),
        ("order_number", "../../etc"),
        ("order_number", "{{ name }}"),
        ("ordered_at", "yesterday"),
        ("lines", []),
        ("lines", "one printer"),
        ("ship_to", ["Jo Example", "two\nlines"]),
        ("ship_to", ["Jo Example", "\u202etxet"]),
        ("ship_to", [" "]),
        ("total", 12.5),
    ],
)
def test_a_value_that_cannot_stand_in_a_letter_is_refused(field: str, value: object) -> None:
    found = problems("order_received", OrderReceived.sample().fields | {field: value})
    assert [each.partition(".")[0] for each in found] == [field]


@pytest.mark.parametrize(
    "url",
    [
        "http://carrier.example/1",
        "https://carrier.example@evil.example/1",
        "https://carrier.example/a b",
        "https:/carrier.example",
        "https://carrier.example:port/",
        "javascript:alert(1)",
        "https://carrier.example\\@evil.example",
        'https://carrier.example/"onmouseover=',
        "https://[::1/",
    ],
)
def test_a_tracking_link_is_a_plain_https_address(url: str) -> None:
    tracking = {"carrier": "UPS", "number": "1Z999", "url": url}
    found = problems("order_shipped", OrderShipped.sample().fields | {"tracking": tracking})
    assert list(found) == ["tracking.url"]


def test_no_refused_value_is_repeated() -> None:
    with pytest.raises(FieldsInvalid) as refused:
        letter_from("order_received", {"order_number": "jo@example.com", "total": "jo@example.com"})
    assert "jo@example.com" not in str(refused.value) + repr(refused.value.problems)


def test_a_failed_payment_is_about_one_thing() -> None:
    fields = CATALOGUE["payment_failed"].sample().fields
    assert "fields" in problems("payment_failed", fields | {"order_number": "1"})
    assert "fields" in problems("payment_failed", {**fields, "plan": None})


def test_what_is_not_json_is_refused() -> None:
    assert problems("order_received", {"order_number": {1, 2}}) == {"fields": "are not JSON values"}


def test_money_knows_how_many_digits_its_currency_has() -> None:
    assert [str(Money(amount=1234, currency=code).decimal) for code in ("USD", "JPY", "KWD")] == [
        "12.34",
        "1234",
        "1.234",
    ]
