"""A reader in a log or a traceback."""

from mailer.people import Reader
from mailer.vocabulary import AddressId, PersonId


def test_a_reader_is_shown_by_their_number_alone() -> None:
    reader = Reader(
        person_id=PersonId(7),
        address_id=AddressId(8),
        version=1,
        email="jo@example.com",
        name="Jo Doe",
        city="Berlin",
        country="DE",
        language="de",
        timezone="Europe/Berlin",
    )
    assert f"{reader} {reader!r}" == "Reader(7) Reader(7)"
