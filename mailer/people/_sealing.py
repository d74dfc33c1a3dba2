"""A customer who is new, as the rows that are stored: sealed and packed, without a database. Pure."""

from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

import orjson

from mailer import packed
from mailer.people.names import name_words
from mailer.people.phones import phone_key
from mailer.people.profiles import CLEAR, PLACES, SEALED
from mailer.vault import Vault
from mailer.vocabulary import PersonId


class Facts(NamedTuple):
    """Everything that is known of one customer, in the clear; two of them can be compared."""

    texts: Mapping[str, str]
    clear: Mapping[str, str]
    attributes: Mapping[str, str]


class Sealed(NamedTuple):
    """One new customer as packed rows, in the order of the columns below."""

    customer: bytes
    use: bytes
    key: bytes
    words: bytes
    """A row for each word of the name, one after the other."""


CUSTOMER = (
    "id", "external_id", "address_id", "phone_blind", "source", *CLEAR, "created_at", "version",
    "index_key", "attributes", *SEALED,
)  # fmt: skip
USE = ("person_id", "address_id", "since")
WORD = ("person_id", "blind")
SEALED_FOR = tuple(PLACES[column].encode() for column in SEALED)
ALL_SEALED, ALL_CLEAR = itemgetter(*SEALED), itemgetter(*CLEAR)
"""The texts that are sealed, and those that are not, in the order of their columns."""


class Sealer:
    """Seals new customers of one moment; what many have in common is packed and hashed once."""

    def __init__(self, vault: Vault, now: datetime) -> None:
        self._vault = vault
        self._now = packed.moment(now)
        self._stamp = self._now + packed.integer(1) + packed.words(vault.index_names[0])
        self._said: dict[tuple[str, ...], bytes] = {}
        self._words: dict[str, bytes] = {}

    def seal(
        self,
        facts: Facts,
        *,
        person_id: PersonId,
        address_id: int,
        external_id: str | None,
        source: str,
    ) -> Sealed:
        """Return the rows of one new customer under these numbers, with a new key of their own."""
        texts = facts.texts
        stored_key, sealed = self._vault.seal_new(person_id, SEALED_FOR, ALL_SEALED(texts))
        number, address = packed.bigint(person_id), packed.bigint(address_id)
        customer = packed.row_of(
            len(CUSTOMER),
            number,
            packed.words(external_id),
            address,
            packed.binary(phone_blind(self._vault, texts["phone"])),
            self._common(source, facts.clear),
            _attributes(facts.attributes),
            sealed,
        )
        use = packed.row_of(len(USE), number, address, self._now)
        return Sealed(customer, use, stored_key, self._name(number, texts["name"]))

    def _common(self, source: str, clear: Mapping[str, str]) -> bytes:
        """Pack from `source` to `index_key`."""
        said = (source, *ALL_CLEAR(clear))
        known = self._said.get(said)
        if known is None:
            known = self._said[said] = b"".join(map(packed.words, said)) + self._stamp
        return known

    def _name(self, number: bytes, name: str) -> bytes:
        begin, rows = packed.row_of(len(WORD), number), b""
        for word in name_words(name):
            tag = self._words.get(word)
            if tag is None:
                tag = self._words[word] = packed.bigint(word_tag(self._vault, word))
            rows += begin + tag
        return rows


def phone_blind(vault: Vault, phone: str) -> bytes | None:
    """Return the hash by which a stored number is found; None where it cannot be."""
    key = phone_key(phone)
    return vault.index("phone", key) if key else None


def word_tag(vault: Vault, word: str) -> int:
    """Return the hash by which a folded word of a name is found."""
    return short(vault.index("name", word))


def short(blind: bytes) -> int:
    """Return the first 8 bytes of a hash as the number that is stored."""
    return int.from_bytes(blind[:8], "big", signed=True)


def _attributes(attributes: Mapping[str, str]) -> bytes:
    return packed.json(orjson.dumps(dict(attributes))) if attributes else NO_ATTRIBUTES


NOTHING = Facts(dict.fromkeys(SEALED, ""), dict.fromkeys(CLEAR, ""), {})
NO_ATTRIBUTES = packed.json(b"{}")
