"""The bodies that pages are sent: read up to a limit, understood where they can be."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from fastapi import Request
from python_multipart.exceptions import FormParserError
from starlette.formparsers import MultiPartException, MultiPartParser

PAGE_BODY_BYTES = 64 * 1024
"""More than any form of ours; what comes after is left unread."""


@dataclass(frozen=True)
class Form:
    """What a form posted. Empty for a body that is no form: a wish needs no grammar to count."""

    fields: dict[str, list[str]] = field(default_factory=dict)

    def one(self, name: str, default: str = "") -> str:
        """Return the last value under this name, as a browser's own later field wins."""
        return self.fields.get(name, [default])[-1]

    def all(self, name: str) -> list[str]:
        """Return every value under this name."""
        return self.fields.get(name, [])


async def read_form(request: Request) -> Form:
    """Return the posted form; a FastAPI dependency.

    Never refuses: a body that is too long, cut off, in no known type or garbage gives an empty
    Form, so that a mailbox's one-click always reaches the opt-out (RFC 8058, C08). Files are
    dropped. Raises ClientDisconnect when the sender goes away before the body is whole.
    """
    body = await _read_capped(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if body and kind == "multipart/form-data":
            return _form(await _multipart(request, body))
        if body and kind == "application/x-www-form-urlencoded":
            return _form(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200))
    except (MultiPartException, FormParserError, ValueError, LookupError, KeyError, AssertionError):
        return Form()
    return Form()


async def _read_capped(request: Request) -> bytes:
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > PAGE_BODY_BYTES:
            return b""
    return bytes(read)


async def _multipart(request: Request, body: bytes) -> list[tuple[str, str]]:
    async def whole() -> AsyncGenerator[bytes, None]:
        yield body
        yield b""

    parser = MultiPartParser(request.headers, whole(), max_files=10, max_fields=200)
    parsed = await parser.parse()
    try:
        return [(name, value) for name, value in parsed.multi_items() if isinstance(value, str)]
    finally:
        await parsed.close()


def _form(items: list[tuple[str, str]]) -> Form:
    fields: dict[str, list[str]] = {}
    for name, value in items:
        fields.setdefault(name, []).append(value)
    return Form(fields)
