"""A wish needs no grammar to count: whatever a mailbox posts is read, or read as nothing."""

import asyncio
from collections.abc import Sequence

import pytest
from fastapi import Request
from starlette.types import Message

from preference_center.bodies import PAGE_BODY_BYTES, Form, read_form

MULTIPART = "multipart/form-data; boundary=frontier"
ONE_CLICK = (
    b"--frontier\r\n"
    b'Content-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
    b"One-Click\r\n"
    b"--frontier--\r\n"
)


def read(content_type: str | None, *chunks: bytes) -> Form:
    """Read a body that arrives in these pieces."""
    pieces: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": at < len(chunks)}
        for at, chunk in enumerate(chunks, start=1)
    ]

    async def receive() -> Message:
        return pieces.pop(0)

    headers: Sequence[tuple[bytes, bytes]] = (
        [(b"content-type", content_type.encode())] if content_type else []
    )
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    return asyncio.run(read_form(request))


def test_a_mailboxs_one_click_is_read_as_multipart() -> None:
    assert read(MULTIPART, ONE_CLICK).one("List-Unsubscribe") == "One-Click"


def test_a_mailboxs_one_click_is_read_as_urlencoded() -> None:
    form = read("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click")
    assert form.one("List-Unsubscribe") == "One-Click"


def test_a_body_in_pieces_is_one_body() -> None:
    assert read("application/x-www-form-urlencoded", b"choice=to", b"pic").one("choice") == "topic"


def test_repeated_fields_are_all_read() -> None:
    form = read("application/x-www-form-urlencoded", b"shown=a&shown=b&empty=")
    assert (form.all("shown"), form.one("empty", "-"), form.one("gone", "-")) == (
        ["a", "b"],
        "",
        "-",
    )


def test_a_file_is_dropped() -> None:
    body = ONE_CLICK.replace(b'e"\r\n\r\n', b'e"; filename="x"\r\n\r\n')
    assert read(MULTIPART, body) == Form()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (None, b""),
        (None, b"choice=topic"),
        ("application/json", b'{"choice": "topic"}'),
        ("multipart/form-data", ONE_CLICK),
        (MULTIPART, b"--frontier\r\nnothing of the kind"),
        (MULTIPART, ONE_CLICK[:40]),
        ("multipart/form-data; boundary=" + "x" * 400, ONE_CLICK),
        ("multipart/form-data; boundary=fro\xe4ntier", ONE_CLICK),
        ("application/x-www-form-urlencoded", b"\xff\xfe\x00="),
        ("application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(1000))),
        ("application/x-www-form-urlencoded", b"choice=topic&x=" + b"x" * PAGE_BODY_BYTES),
        ("text/plain; charset=made-up", b"\x00"),
    ],
)
def test_whatever_else_comes_is_read_as_nothing(content_type: str | None, body: bytes) -> None:
    assert read(content_type, body).fields == {}
