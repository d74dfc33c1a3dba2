"""What may be said about a customer: the facts as they come in, and as we keep them. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale

from mailer.people.addresses import Address, canonical_address
from mailer.people.cards import LENGTHS as CARD_LENGTHS
from mailer.people.cards import CardNumberFound, passes_as_card, refuse_card_numbers_in
from mailer.people.phones import is_international, phone_number

YOUNGEST = 13
OLDEST_BIRTH_YEAR = 1890
MOST_ATTRIBUTES = 50
BirthYear = int | Literal[""]
"""A year of birth as it is said; "" empties it, as it does every text."""
LONGEST = {
    "external_id": 200,
    "name": 1000,
    "phone": 60,
    "street": 1000,
    "city": 300,
    "region": 300,
    "postal_code": 40,
    "country": 2,
    "language": 60,
    "timezone": 60,
    "source": 40,
}
"""Characters that a field may have."""
TEXTS = ("name", "street", "city", "region", "postal_code")
SAID = ("external_id", *TEXTS, "phone", "country", "language", "timezone")
"""The texts that a profile may hold beside its address and source."""
LONGEST_ATTRIBUTE = 1000
FEW = 300
"""So many characters in all exceed no field's limit but the postal code's."""

FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
LINE_BREAK = re.compile(r"[ \t]*(?:\r\n|\r|\n)[ \t]*")
INVISIBLE = re.compile(r"[\u200b\u2060\ufeff\u202a-\u202e\ufff9-\ufffb]")
ISOLATES = re.compile(r"[\u2066-\u2069]")
BLANKS = re.compile(r"[ \t\u00a0\u3000]{2,}|\t")
UNPRINTABLE = "holds a line break, a control character or broken UTF-8"
COUNTRY = re.compile(r"[A-Z]{2}")
NO_COUNTRIES = frozenset(
    ("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ")
)
"""Codes that CLDR has names for and ISO 3166-1 does not assign: islands, unions, placeholders."""
LANGUAGE = re.compile(r"(?:[A-Za-z]{2,3}|[A-Za-z]{5,8})(?:-[A-Za-z0-9]{1,8})*")
PLAIN_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
RENAMED_LANGUAGES = {"iw": "he", "in": "id", "ji": "yi"}


class FieldInvalid(ValueError):
    """A field cannot be kept; the text says why and never holds what was in it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field
        self.reason = reason


class TooManyAttributes(FieldInvalid):
    """A customer would have more attributes than are kept."""

    def __init__(self) -> None:
        super().__init__("attributes", f"are more than {MOST_ATTRIBUTES}")


class TooYoung(FieldInvalid):
    """The birth year may be that of a child under 13, of whom nothing is kept (C23)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProfile:
    """A customer as a door was told of them. None: not said, what is known stays. "": emptied."""

    email: str
    source: str
    """Where the customer came from, as a plain word; the first one stays."""
    external_id: str | None = None
    """The shop's own id; a customer is found by it before their address."""
    name: str | None = None
    phone: str | None = None
    street: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None
    """Two letters of ISO 3166, or XK."""
    language: str | None = None
    """BCP 47."""
    timezone: str | None = None
    """A name of the IANA database."""
    birth_year: BirthYear | None = None
    attributes: Mapping[str, str] | None = None
    """The shop's own fields, for audiences; kept in the clear. What is not named stays. "": goes."""


@dataclass(frozen=True, slots=True)
class CheckedProfile:
    """A profile that passed `check_profile`: canonical, clean, ready to be kept."""

    address: Address
    external_id: str | None
    source: str
    texts: Mapping[str, str] = field(repr=False)
    """What was said of name, phone, street, city, region, postal code and birth year."""
    clear: Mapping[str, str] = field(repr=False)
    """What was said of country, language and time zone."""
    attributes: Mapping[str, str] | None = field(repr=False)


def check_profile(new: NewProfile, *, now: datetime) -> CheckedProfile:
    """Return `new` in canonical form.

    Raises AddressInvalid, CardNumberFound (C01), TooYoung (C23) or another FieldInvalid.
    """
    said = {name: text for name in SAID if (text := getattr(new, name)) is not None}
    return check_said(
        new.email,
        said,
        source=new.source,
        birth_year=new.birth_year,
        attributes=new.attributes,
        now=now,
    )


def check_said(
    email: str,
    said: Mapping[str, str],
    *,
    source: str,
    birth_year: BirthYear | None,
    attributes: Mapping[str, str] | None,
    now: datetime,
) -> CheckedProfile:
    """Do as `check_profile` for what was said of the fields in SAID, as a row of a file has it."""
    texts = {name: said[name] for name in TEXTS if name in said}
    if not are_clean(texts):
        texts = {name: clean(name, text) for name, text in texts.items()}
    clear = _clear_facts(said)
    own = None if attributes is None else _attributes(attributes)
    refuse_card_numbers_in({"email": email, **texts, **(own or {})})
    if "phone" in said:
        texts["phone"] = _phone(said["phone"], clear.get("country", ""))
    if birth_year is not None:
        texts["birth_year"] = _birth_year(birth_year, now)
    return CheckedProfile(
        address=canonical_address(email),
        external_id=_external_id(said.get("external_id")),
        source=_source(source),
        texts=texts,
        clear=clear,
        attributes=own,
    )


def _clear_facts(said: Mapping[str, str]) -> dict[str, str]:
    facts = {}
    if "country" in said:
        facts["country"] = _country(said["country"])
    if "language" in said:
        facts["language"] = _language(said["language"])
    if "timezone" in said:
        facts["timezone"] = _timezone(said["timezone"])
    return facts


def are_clean(said: Mapping[str, str]) -> bool:
    """Say whether `clean` would change or refuse none of these: asked once for all of them.

    What Python calls printable has no line break, control character, direction mark or blank but
    the plain one.
    """
    whole = "|".join(("", *said.values(), ""))
    return (
        len(whole) <= FEW
        and len(said.get("postal_code", "")) <= LONGEST["postal_code"]
        and whole.isprintable()
        and not ("  " in whole or " |" in whole or "| " in whole)
        and unicodedata.is_normalized("NFC", whole)
    )


def clean(field: str, text: str) -> str:
    """Return `text` composed, without outer and doubled blanks and invisible direction marks."""
    if not (text.isascii() and text.isprintable()):
        text = _clean_signs(field, text)
    text = text.strip()
    if "  " in text or not text.isprintable():
        text = BLANKS.sub(" ", text)
    if len(text) > LONGEST.get(field, LONGEST_ATTRIBUTE):
        raise FieldInvalid(field, "is too long")
    return text


def _clean_signs(field: str, text: str) -> str:
    if field == "street":
        text = LINE_BREAK.sub(", ", text.strip())
    if FORBIDDEN.search(text.replace("\t", " ")):
        raise FieldInvalid(field, UNPRINTABLE)
    text = INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return text if _isolates_are_closed(text) else ISOLATES.sub("", text)


def _isolates_are_closed(text: str) -> bool:
    depth = 0
    for sign in ISOLATES.findall(text):
        depth += -1 if sign == "\u2069" else 1
        if depth < 0:
            return False
    return depth == 0


def _phone(text: str, country: str) -> str:
    phone = phone_number(clean("phone", text), country)
    # A number that follows the grammar of phones is none of a card; what does not is free text.
    if not is_international(phone):
        refuse_card_numbers_in({"phone": phone})
    return phone


def _external_id(text: str | None) -> str | None:
    """Return an identifier as it is, outer blanks apart, so that no two of the shop's become one.

    Bare digits count as a card number up to 16 of them; longer ones are ids of the shop's.
    """
    external_id = (text or "").strip()
    if not external_id:
        return None
    if not external_id.isprintable() and FORBIDDEN.search(external_id):
        raise FieldInvalid("external_id", UNPRINTABLE)
    if len(external_id) > LONGEST["external_id"]:
        raise FieldInvalid("external_id", "is too long")
    if len(external_id) >= CARD_LENGTHS[0]:
        digits = external_id.replace(" ", "").replace("-", "")
        if digits.isascii() and digits.isdigit() and len(digits) <= 16 and passes_as_card(digits):
            raise CardNumberFound("external_id")
    return external_id


@lru_cache(maxsize=1024)
def _source(text: str) -> str:
    if not PLAIN_NAME.fullmatch(text):
        raise FieldInvalid("source", "must be a plain word, such as shop or trade_fair")
    return text


@lru_cache(maxsize=1024)
def _country(text: str) -> str:
    text = text.strip()
    country = text.upper()
    if country and not (text.isascii() and country in _countries()):
        raise FieldInvalid("country", "is no country code of ISO 3166, such as US, DE or GB")
    return country


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    """Give the codes of ISO 3166-1, and XK, which Kosovo uses until it has one."""
    known = {str(code) for code in Locale("en").territories if COUNTRY.fullmatch(str(code))}
    return frozenset(known - NO_COUNTRIES)


@lru_cache(maxsize=4096)
def _language(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    tag = text.replace("_", "-")
    if not LANGUAGE.fullmatch(tag) or len(tag) > LONGEST["language"]:
        raise FieldInvalid("language", "is not a language tag, such as de or pt-BR")
    primary, *rest = tag.split("-")
    parts = [RENAMED_LANGUAGES.get(primary.lower(), primary.lower())]
    for part in rest:
        private = len(parts[-1]) == 1
        parts.append(part.lower() if private else _subtag(part))
    return "-".join(parts)


def _subtag(part: str) -> str:
    if len(part) == 2:
        return part.upper()
    return part.title() if len(part) == 4 and part.isalpha() else part.lower()


@lru_cache(maxsize=1024)
def _timezone(text: str) -> str:
    text = text.strip()
    try:
        return ZoneInfo(text).key if text else ""
    except (KeyError, OSError, ValueError):
        raise FieldInvalid("timezone", "is no time zone of the IANA database") from None


def _birth_year(year: BirthYear, now: datetime) -> str:
    if year == "":
        return ""
    if not OLDEST_BIRTH_YEAR <= year <= now.year:
        raise FieldInvalid("birth_year", "is not a year in which a customer was born")
    # Only the year is known: who may still be twelve counts as twelve.
    if now.year - year <= YOUNGEST:
        raise TooYoung("birth_year", "may be that of a child under 13; nothing was kept")
    return str(year)


def with_attributes(known: Mapping[str, str], said: Mapping[str, str]) -> Mapping[str, str]:
    """Lay what was said over the attributes that are known: an empty one goes, the others stay."""
    emptied = {name for name, value in said.items() if not value}
    return {name: value for name, value in {**known, **said}.items() if name not in emptied}


def _attributes(given: Mapping[str, str]) -> dict[str, str]:
    if sum(map(bool, given.values())) > MOST_ATTRIBUTES:  # what is cleared is none
        raise TooManyAttributes
    for name in given:
        if not PLAIN_NAME.fullmatch(name):
            raise FieldInvalid("attributes", "need names of small letters, digits and _")
    return {name: clean(name, value) for name, value in given.items()}
