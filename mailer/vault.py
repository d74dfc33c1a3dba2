"""Encrypt a field, blind-index it, rotate keys, shred a person.

Each person has a random key of their own, wrapped under the vault keys: destroying it makes all
that is sealed under it unreadable (docs/decisions/envelope-keys.md).
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import BigInteger, Column, Index, text
from sqlmodel import Field, Session

from mailer import packed
from mailer.database import Table, copy_packed
from mailer.keyed_hash import KeyedHash
from mailer.vocabulary import PersonId

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
INDEX_BYTES = 16
FORMAT = b"\x01"
"""First byte of everything sealed: AES-256-GCM, 96-bit nonce, place as associated data."""
KEY_PLACE = b"vault_person_key.wrapped:"
FIELD_NONCES = KEY_BYTES + NONCE_BYTES
"""Where the nonces of the fields begin among a new person's random bytes."""
PURPOSES = ("email", "phone", "name", "domain")


class VaultError(Exception):
    """Something in the vault cannot be used."""


class SealBroken(VaultError):
    """A sealed value was altered, cut, moved to another place, or belongs to another key."""


class VaultKeyMissing(VaultError):
    """A person's key is wrapped under a vault key that the settings no longer list."""


class VaultPersonKey(Table, table=True):
    """One person's data key, wrapped; no row means that their data was shredded."""

    __tablename__ = "vault_person_key"
    __table_args__ = (Index("ix_vault_person_key_vault_key", "vault_key"),)

    person_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    wrapped: bytes
    vault_key: str


@dataclass(frozen=True, slots=True)
class RotationStep:
    """What one slice of a rotation did; `last` is where the next slice goes on."""

    last: PersonId
    seen: int
    changed: int

    @property
    def is_last(self) -> bool:
        """Whether nothing was left to look at."""
        return self.seen == 0


class _Wrapped(NamedTuple):
    person_id: int
    wrapped: bytes
    vault_key: str


class PersonKey:
    """Seals and opens one person's fields: AES-256-GCM, each bound to its place."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def encrypt(self, text: str, *, place: str) -> bytes:
        """Return `text` sealed for `place` (for example `people_customer.email:123`).

        The result is 29 bytes longer than the text in UTF-8. Every call takes a fresh random
        nonce, so that equal texts never look alike.
        """
        nonce = os.urandom(NONCE_BYTES)
        return FORMAT + nonce + self._aead.encrypt(nonce, text.encode(), place.encode())

    def decrypt(self, sealed: bytes, *, place: str) -> str:
        """Return the text sealed for `place`; raise SealBroken for anything else."""
        return _open(self._aead, sealed, place.encode()).decode()

    def __repr__(self) -> str:
        return "PersonKey(...)"


class Vault:
    """The key ring. Writes with the newest key, reads with all; lists are oldest first.

    A key is known by a fingerprint of itself, so lists may be extended and re-ordered. All
    processes must know a key before any makes it the newest: add it before the last, deploy,
    then move it to the end (docs/operations.md).
    """

    def __init__(self, vault_keys: Sequence[bytes], index_keys: Sequence[bytes]) -> None:
        self._wrappers = {key_name(key): AESGCM(key) for key in vault_keys}
        self._newest = key_name(vault_keys[-1])
        self._packed_newest = packed.words(self._newest)
        self._wrapper = self._wrappers[self._newest]
        self.index_names = tuple(key_name(key) for key in reversed(index_keys))
        """Fingerprints of the index keys, newest first, in the order of `indexes`."""
        self._hashers: dict[str, list[KeyedHash]] = {
            purpose: [_hasher(key, purpose) for key in reversed(index_keys)] for purpose in PURPOSES
        }

    def __repr__(self) -> str:
        return "Vault(...)"

    def create_keys(
        self, session: Session, person_ids: Sequence[PersonId]
    ) -> dict[PersonId, PersonKey]:
        """Make and store a new random key for each person, in one statement, and return them.

        Raises IntegrityError where one of them has a key already.
        """
        fresh = {person_id: self.new_key(person_id) for person_id in person_ids}
        self.store_keys(session, [row for _, row in fresh.values()])
        return {person_id: key for person_id, (key, _) in fresh.items()}

    def new_key(self, person_id: PersonId) -> tuple[PersonKey, bytes]:
        """Make a new random key for a person; return it, and the row by which it is stored.

        What is sealed under it can be read once `store_keys` has stored that row.
        """
        key = os.urandom(KEY_BYTES)
        _, wrapped = self._wrap(person_id, key)
        number = packed.bigint(person_id)
        return PersonKey(key), packed.row(number, packed.binary(wrapped), self._packed_newest)

    def seal_new(
        self, person_id: PersonId, places: Sequence[bytes], texts: Sequence[str]
    ) -> tuple[bytes, bytes]:
        """Seal the texts of a new person under a new random key of their own.

        Returns the row for `store_keys`, and the texts as packed values: each as `encrypt` seals it
        for its place with the person's number behind it, nothing for an empty one. Key and nonces
        are one read of the kernel's random bytes, of which each byte is used once.
        """
        number = str(person_id).encode()
        chance = os.urandom(KEY_BYTES + NONCE_BYTES + NONCE_BYTES * len(texts))
        key, nonce = chance[:KEY_BYTES], chance[KEY_BYTES:FIELD_NONCES]
        wrapped = FORMAT + nonce + self._wrapper.encrypt(nonce, key, KEY_PLACE + number)
        encrypt, sealed, begin = AESGCM(key).encrypt, [], FIELD_NONCES
        for place, words in zip(places, texts, strict=True):
            if words:
                nonce = chance[begin : begin + NONCE_BYTES]
                box = encrypt(nonce, words.encode(), place + number)
                sealed.append(packed.binary(FORMAT + nonce + box))
            else:
                sealed.append(packed.NULL)
            begin += NONCE_BYTES
        row = packed.row(packed.bigint(person_id), packed.binary(wrapped), self._packed_newest)
        return row, b"".join(sealed)

    def store_keys(self, session: Session, rows: Iterable[bytes]) -> None:
        """Store new keys, as `new_key` has wrapped and packed them.

        Raises IntegrityError where one of these people has a key already.
        """
        copy_packed(session, "vault_person_key", ("person_id", "wrapped", "vault_key"), rows)

    def keys_of(
        self, session: Session, person_ids: Sequence[PersonId]
    ) -> dict[PersonId, PersonKey]:
        """Return the keys of these people; who was shredded is absent.

        Raises SealBroken for a row that was tampered with, VaultKeyMissing for one under a
        vault key that is no longer listed.
        """
        rows = [_Wrapped(*row) for row in session.execute(SELECT_KEYS, {"ids": list(person_ids)})]
        return {PersonId(row.person_id): PersonKey(self._unwrap(row)) for row in rows}

    def shred(self, session: Session, person_id: PersonId) -> None:
        """Destroy a person's key: all that was sealed under it is unreadable from the commit on.

        Backups hold the wrapped key until they are rotated out.
        """
        session.execute(DELETE_KEY, {"id": person_id})

    def index(self, purpose: str, value: str) -> bytes:
        """Return the keyed hash of `value` (16 bytes) under the newest index key.

        Purposes (email, phone, name, domain) have keys of their own, so that equal texts in
        two fields cannot be told to be equal.
        """
        return self._hashers[purpose][0].digest(value.encode())[:INDEX_BYTES]

    def indexes(self, purpose: str, value: str) -> list[bytes]:
        """Return the hash under every index key, newest first: for look-ups."""
        encoded = value.encode()
        return [hasher.digest(encoded)[:INDEX_BYTES] for hasher in self._hashers[purpose]]

    def rotate(self, session: Session, *, after: PersonId, limit: int) -> RotationStep:
        """Rewrap up to `limit` keys of people above `after` that are under an older vault key.

        Sealed fields stay as they are. Start with 0; go on from `last` until `is_last`. Reading
        goes on undisturbed; a person shredded meanwhile stays shredded.
        """
        bounds = {"after": after, "newest": self._newest, "limit": limit}
        rows = [_Wrapped(*row) for row in session.execute(SELECT_OLD, bounds)]
        if not rows:
            return RotationStep(after, 0, 0)
        again = [self._wrap(row.person_id, self._unwrap(row)) for row in rows]
        session.execute(UPDATE_KEYS, _arrays(again, self._newest))
        return RotationStep(PersonId(rows[-1].person_id), len(rows), len(rows))

    def left_to_rotate(self, session: Session) -> int:
        """Return how many people's keys are still under an older vault key."""
        return int(session.execute(COUNT_OLD, {"newest": self._newest}).scalar_one())

    def missing_keys(self, session: Session) -> list[str]:
        """Return the fingerprints of vault keys that rows stand under and this ring lacks.

        A loose scan: it costs one look into the index for each key there is.
        """
        used = session.execute(USED_KEYS).scalars()
        return [name for name in used if name not in self._wrappers]

    def _wrap(self, person_id: int, key: bytes) -> tuple[int, bytes]:
        nonce = os.urandom(NONCE_BYTES)
        place = _key_place(person_id)
        sealed = self._wrapper.encrypt(nonce, key, place)
        return person_id, FORMAT + nonce + sealed

    def _unwrap(self, row: _Wrapped) -> bytes:
        wrapper = self._wrappers.get(row.vault_key)
        if wrapper is None:
            raise VaultKeyMissing(f"the vault key {row.vault_key} is not in MAILER_VAULT_KEYS")
        return _open(wrapper, row.wrapped, _key_place(row.person_id))


UPDATE_KEYS = text(
    "UPDATE vault_person_key k SET wrapped = again.wrapped, vault_key = :newest"
    " FROM unnest(CAST(:ids AS bigint[]), CAST(:wrapped AS bytea[])) AS again(id, wrapped)"
    " WHERE k.person_id = again.id"
)
SELECT_KEYS = text(
    "SELECT person_id, wrapped, vault_key FROM vault_person_key"
    " WHERE person_id = ANY(CAST(:ids AS bigint[]))"
)
SELECT_OLD = text(
    "SELECT person_id, wrapped, vault_key FROM vault_person_key"
    " WHERE person_id > :after AND vault_key <> :newest"
    " ORDER BY person_id LIMIT :limit FOR UPDATE"
)
COUNT_OLD = text("SELECT count(*) FROM vault_person_key WHERE vault_key <> :newest")
USED_KEYS = text(
    """
    WITH RECURSIVE used (name) AS (
        SELECT min(vault_key) FROM vault_person_key
        UNION ALL
        SELECT (SELECT min(k.vault_key) FROM vault_person_key k WHERE k.vault_key > used.name)
        FROM used WHERE used.name IS NOT NULL
    )
    SELECT name FROM used WHERE name IS NOT NULL
    """
)
DELETE_KEY = text("DELETE FROM vault_person_key WHERE person_id = :id")


def key_name(key: bytes) -> str:
    """Return the name by which a stored row knows `key`: 8 hex digits of its fingerprint."""
    return hashlib.sha256(b"fpmail key name:" + key).hexdigest()[:8]


def _arrays(rows: Iterable[tuple[int, bytes]], newest: str) -> dict[str, object]:
    ids, wrapped = zip(*rows, strict=True)
    return {"ids": list(ids), "wrapped": list(wrapped), "newest": newest}


def _key_place(person_id: int) -> bytes:
    return KEY_PLACE + str(person_id).encode()


def _open(aead: AESGCM, sealed: bytes, place: bytes) -> bytes:
    if len(sealed) < len(FORMAT) + NONCE_BYTES + TAG_BYTES or sealed[:1] != FORMAT:
        raise SealBroken("not a sealed value")
    nonce, box = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        return aead.decrypt(nonce, box, place)
    except InvalidTag:
        raise SealBroken("altered, moved, or sealed under another key") from None


def _hasher(key: bytes, purpose: str) -> KeyedHash:
    """Prepare the purpose's own subkey."""
    info = b"fpmail blind index:" + purpose.encode()
    return KeyedHash(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(key))
