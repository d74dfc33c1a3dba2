"""The fields of an order letter, which were sealed under the key of whoever read it when it was made."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlmodel import Session

from mailer import people
from mailer.delivery.mailings import Mailing, fields_place
from mailer.vault import SealBroken, Vault
from mailer.vocabulary import PersonId


class Opened(NamedTuple):
    """The fields of a letter as JSON, and under whose key they were."""

    sealed_for: PersonId
    """The first reader: whoever they are by now, the letter keeps their number in its Message-ID."""
    fields: str


def open_fields(
    session: Session, vault: Vault, mailing: Mailing, reader: PersonId
) -> Opened | None:
    """Open a letter's fields with its reader's key, or with that of somebody merged into them.

    None where no such key is left, as after an erasure. Raises as `vault.keys_of` does.
    """
    opened = _opened_by(session, vault, mailing, [reader])
    if opened is None:
        merged = people.identity_of(session, reader).persons - {reader}
        opened = _opened_by(session, vault, mailing, sorted(merged))
    return opened


def _opened_by(
    session: Session, vault: Vault, mailing: Mailing, persons: Sequence[PersonId]
) -> Opened | None:
    if mailing.sealed_fields is None:
        return None
    for person, key in vault.keys_of(session, persons).items():
        try:
            fields = key.decrypt(mailing.sealed_fields, place=fields_place(mailing.key))
        except SealBroken:
            continue
        return Opened(person, fields)
    return None
