"""Every link in a mail: which purpose it serves, whom it is for, and that nobody else made it.

A token is `payload.signature`: the ids as minimal varints and an HMAC-SHA256 by itsdangerous,
both base64url without padding. It holds opaque ids only, never expires, and exactly one text is
valid for each purpose, ids and key. Why: docs/decisions/tokens.md.
"""

import hashlib
import hmac
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from enum import StrEnum

from itsdangerous import Signer

from mailer.keyed_hash import KeyedHash
from mailer.vocabulary import AddressId, MailingId, PersonId

LONGEST_TOKEN = 160
"""Characters; seven ids of 63 bits and a signature fit. Anything longer is refused unread."""
SIGNATURE_CHARACTERS = 43
"""What 32 bytes take in base64url without padding."""
LARGEST_ID = 2**63 - 1
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_", b"+/")


class LinkForged(Exception):
    """This token was not made by us for this purpose, or was changed since."""


class Purpose(StrEnum):
    """What a token opens; a token of one purpose opens nothing of another."""

    CLICK = "click"
    OPEN = "open"
    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    WHY = "why"
    VISIT = "visit"


class Links:
    """Signs and reads tokens, and builds the URLs that carry them.

    `secret_keys` stand oldest first: the newest signs, all of them read. A key that has signed
    an unsubscribe link is never dropped: mail lies in mailboxes for years, and its way out must
    work (docs/decisions/tokens.md).
    """

    def __init__(self, secret_keys: Sequence[bytes], public_url: str) -> None:
        if not secret_keys:
            raise ValueError("links need at least one secret key")
        self.public_url = public_url.rstrip("/")
        self._seals = {purpose: _seals(secret_keys, purpose) for purpose in Purpose}

    def sign(self, purpose: Purpose, *ids: int) -> str:
        """Return the one token of these ids, in this order, for this purpose.

        Raises ValueError for no id, too many ids, or an id outside 0 to 2**63 - 1.
        """
        return self.sign_packed(purpose, packed(*ids))

    def sign_packed(self, purpose: Purpose, ids: bytes) -> str:
        """Return what `sign` does, of ids that are `packed` already: some stand in many tokens."""
        token = self._seals[purpose][0].token(ids)
        if len(token) > LONGEST_TOKEN:
            raise ValueError("too many ids for one token")
        return token.decode("ascii")

    def read(self, purpose: Purpose, token: str) -> tuple[int, ...]:
        """Return the ids that `token` was signed for; raises LinkForged for any other text.

        What stands before the dot is signed again under each key, and the signatures compared as
        text, in constant time; nothing is read before one fits. Only what `sign` returns is valid:
        no padding, no other alphabet, no longer varint, no spare bits.
        """
        payload, signature = _taken_apart(token)
        for seal in self._seals[purpose]:
            if hmac.compare_digest(seal.signature(payload), signature):
                return _unpacked(payload)
        raise LinkForged("no key of ours made this token for this purpose")

    def click_url(self, token: str, n: int) -> str:
        """Where link number `n` of a mail leads first; one CLICK token serves all of them."""
        return f"{self.public_url}/c/{token}/{n}"

    def open_url(self, token: str) -> str:
        """The open pixel's URL."""
        return f"{self.public_url}/o/{token}.gif"

    def unsubscribe_url(self, token: str) -> str:
        """The page behind 'unsubscribe', which is the RFC 8058 one-click address as well."""
        return f"{self.public_url}/u/{token}"

    def preferences_url(self, token: str) -> str:
        """The preference centre of one person, without login."""
        return f"{self.public_url}/p/{token}"

    def why_url(self, token: str) -> str:
        """The page that says why a mail was sent."""
        return f"{self.public_url}/why/{token}"

    def for_person(
        self, *, mailing_id: MailingId, person_id: PersonId, address_id: AddressId
    ) -> "PersonLinks":
        """Return the links of one person's copy of a mailing, each signed when first asked for."""
        return PersonLinks(self, mailing_id, person_id, address_id)


class PersonLinks:
    """The links of one mail: one CLICK signature for all clicks, the others one each.

    Ids: CLICK, OPEN and WHY (mailing, person); UNSUBSCRIBE (person, address, mailing);
    PREFERENCES (person, address).
    """

    def __init__(
        self, links: Links, mailing_id: MailingId, person_id: PersonId, address_id: AddressId
    ) -> None:
        self._links = links
        self._mailing = packed(mailing_id)
        self._person = packed(person_id)
        self._address = packed(address_id)
        self._unsubscribe = ""

    def click(self, n: int) -> str:
        """The URL of the mailing's click target number `n`, counted from 0."""
        return f"{self.clicks}{n}"

    @property
    def clicks(self) -> str:
        """What the URL of every click of this mail begins with; a target's number ends it."""
        token = self._links.sign_packed(Purpose.CLICK, self._mailing + self._person)
        return f"{self._links.public_url}/c/{token}/"

    @property
    def open(self) -> str:
        """The URL of the open pixel."""
        token = self._links.sign_packed(Purpose.OPEN, self._mailing + self._person)
        return self._links.open_url(token)

    @property
    def unsubscribe(self) -> str:
        """The URL of the unsubscribe page and of one-click; never expires. Signed once: it stands twice."""
        if not self._unsubscribe:
            ids = self._person + self._address + self._mailing
            token = self._links.sign_packed(Purpose.UNSUBSCRIBE, ids)
            self._unsubscribe = self._links.unsubscribe_url(token)
        return self._unsubscribe

    @property
    def preferences(self) -> str:
        """The URL of the person's preference centre."""
        token = self._links.sign_packed(Purpose.PREFERENCES, self._person + self._address)
        return self._links.preferences_url(token)

    @property
    def why(self) -> str:
        """The URL of the page that says why this mail was sent."""
        token = self._links.sign_packed(Purpose.WHY, self._mailing + self._person)
        return self._links.why_url(token)


class _Seal:
    """One key for one purpose. Its tokens are, byte for byte, what itsdangerous' Signer makes.

    The hash is begun once and copied, and nothing is looked at twice: a mail has four tokens, and
    signing them by the Signer took a quarter of its printing.
    """

    def __init__(self, key: bytes) -> None:
        self._hash = KeyedHash(key)

    def token(self, ids: bytes) -> bytes:
        payload = _text(ids)
        return payload + b"." + self.signature(payload)

    def signature(self, payload: bytes) -> bytes:
        return _text(self._hash.digest(payload))


def _text(content: bytes) -> bytes:
    """Return base64url without padding; by one call less than the standard library's own."""
    return b2a_base64(content, newline=False).translate(_URL_SAFE, b"=")


def _seals(secret_keys: Sequence[bytes], purpose: Purpose) -> tuple[_Seal, ...]:
    """One seal per key, newest first, whose key for this purpose is derived here and once."""
    deriving = Signer(
        list(secret_keys),
        salt=f"mailer.{purpose.value}",
        key_derivation="hmac",
        digest_method=hashlib.sha256,
    )
    return tuple(_Seal(deriving.derive_key(key)) for key in reversed(secret_keys))


def _taken_apart(token: str) -> tuple[bytes, bytes]:
    """Return the text of the ids, still unproven, and that of the signature."""
    if len(token) > LONGEST_TOKEN:
        raise LinkForged("longer than any token of ours")
    try:
        payload, dot, signature = token.encode("ascii").partition(b".")
    except ValueError:
        raise LinkForged("not in the form of a token") from None
    if not dot or len(signature) != SIGNATURE_CHARACTERS:
        raise LinkForged("not in the form of a token")
    return payload, signature


def packed(*ids: int) -> bytes:
    """Write each id as a varint: seven bits a byte, lowest first, as few bytes as it needs.

    What is packed apart may be put together. Raises ValueError for no id, or one outside 0 to
    2**63 - 1.
    """
    if not ids:
        raise ValueError("a token needs at least one id")
    written = bytearray()
    for number in ids:
        if not 0 <= number <= LARGEST_ID:
            raise ValueError("an id lies outside 0 to 2**63 - 1")
        rest = number
        while rest > 0x7F:
            written.append(rest & 0x7F | 0x80)
            rest >>= 7
        written.append(rest)
    return bytes(written)


def _unpacked(payload: bytes) -> tuple[int, ...]:
    """Return the ids of a text, which must be the one text that `sign` makes of them."""
    try:
        content = a2b_base64(payload.translate(_STANDARD) + b"==")  # more than it needs is let be
    except ValueError:
        raise LinkForged("not in the form of a token") from None
    ids: list[int] = []
    number = shift = 0
    for byte in content:
        if byte > 0x7F:
            number |= (byte & 0x7F) << shift
            shift += 7
        elif shift and not byte:
            raise LinkForged("holds an id that is longer than it need be")
        else:
            ids.append(number | byte << shift)
            number = shift = 0
    if shift or not ids or max(ids) > LARGEST_ID or _text(content) != payload:
        raise LinkForged("holds no ids")
    return tuple(ids)
