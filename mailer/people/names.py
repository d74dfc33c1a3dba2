"""What a name is called by, and how a word of it is found again. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

MOST_WORDS = 12
LONGEST_WORD = 60
FAMILY_NAME_FIRST = frozenset({"hu", "ja", "ko", "vi", "zh"})
NOT_A_PERSON = re.compile(r"[@&<>{}|$=;:/\\%\d\ufffd]")
APOSTROPHES = dict.fromkeys(map(ord, "'’‘‛`´ʻʼʽʹ׳״＇"))
PLAIN_LETTERS = str.maketrans(
    {
        "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h",
        "ı": "i", "ə": "e", "ƙ": "k", "ɗ": "d", "ɓ": "b", "ŧ": "t", "ŋ": "n", "ĸ": "k",
    }
)  # fmt: skip
KASHIDA = "\u0640"


def first_name(name: str, language: str) -> str:
    """Return what to call this person by, or "" where a greeting had better fall back.

    The first word, or what follows the comma of 'Smith, John'. Where the language puts the
    family name first, the whole name. Company names, placeholders and code give "".
    """
    if not name or NOT_A_PERSON.search(name):
        return ""
    if language.partition("-")[0] in FAMILY_NAME_FIRST:
        return name if _has_letter(name) else ""
    family, comma, given = name.partition(",")
    words = (given if comma and given.strip() else family).split()
    return words[0] if words and _has_letter(words[0]) else ""


def name_words(name: str) -> frozenset[str]:
    """Return the folded words by which `name` is found: at most 12, each at most 60 letters.

    Case, accents, width, apostrophes and invisible signs do not matter: 'Müller', 'muller' and
    'MÜLLER' fold to the same, so do 'O'Brien', 'O’Brien' and 'OBrien'. Signs that carry meaning
    in Indic, Thai and Japanese writing stay.
    """
    words = [folded[:LONGEST_WORD] for word in name.split() for folded in _folded(word) if folded]
    return frozenset(words[:MOST_WORDS])


@lru_cache(maxsize=32768)
def _folded(word: str) -> tuple[str, ...]:
    plain = word.translate(APOSTROPHES).casefold()
    if not plain.isascii():
        plain = _without_accents(plain)
    return tuple("".join(_letters(plain)).split())


def _without_accents(word: str) -> str:
    wide = unicodedata.normalize("NFKC", word).casefold().translate(PLAIN_LETTERS)
    kept = (sign for sign in unicodedata.normalize("NFKD", wide) if not _is_accent(sign))
    return unicodedata.normalize("NFC", "".join(kept)).translate(APOSTROPHES)


def _is_accent(sign: str) -> bool:
    """Latin, Greek and Cyrillic accents, Hebrew points, Arabic vowel marks; no vowel signs."""
    order = unicodedata.combining(sign)
    return order >= 200 or 10 <= order <= 36


def _letters(word: str) -> Iterator[str]:
    for sign in word:
        kind = unicodedata.category(sign)
        if sign == KASHIDA or kind == "Cf" or "\ufe00" <= sign <= "\ufe0f":
            continue
        if "\U000e0100" <= sign <= "\U000e01ef":
            continue
        yield sign if kind[0] in "LNM" else " "


def _has_letter(text: str) -> bool:
    return any(sign.isalpha() for sign in text)
