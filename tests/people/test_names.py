"""A name is greeted by its first word, and found by any of its words."""

import pytest

from mailer.people.names import first_name, name_words


@pytest.mark.parametrize(
    ("name", "language", "called"),
    [
        ("Anna Becker", "de", "Anna"),
        ("Smith, John", "en-US", "John"),
        ("Sukarti", "id", "Sukarti"),
        ("王小明", "zh-Hans-CN", "王小明"),
        ("Kőszegi Ágnes", "hu", "Kőszegi Ágnes"),
        ("", "en", ""),
        ("-", "en", ""),
        ("12345", "en", ""),
        ("🦄", "en", ""),
        ("Müller & Söhne GmbH <Einkauf>", "de", ""),
        ("sales@example.com", "en", ""),
        ("{{ customer.name }}", "en", ""),
        ("${7*7} #{7*7}", "en", ""),
        ("<script>alert(1)</script>", "en", ""),
        ("🦄", "ja", ""),
    ],
)
def test_a_greeting_uses_a_first_name_or_nothing(name: str, language: str, called: str) -> None:
    assert first_name(name, language) == called


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Jürgen Groß", "JURGEN GROSS"),
        ("Łukasz", "lukasz"),
        ("Sinéad O'Brien", "sinead o’brien"),
        ("O'Brien", "OBrien"),
        ("Ştefan", "Ștefan"),
        ("İpek Işık", "ipek isik"),
        ("Γεώργιος", "ΓΕΩΡΓΙΟΣ"),
        ("Ёлкина", "елкина"),
        ("عـــــمر", "عمر"),
        ("نُورَةُ", "نورة"),
        ("שָׂרָה", "שרה"),
        ("ﾔﾏﾀﾞ", "ヤマダ"),
        ("Ｊｏｈｎ\u3000Ｓｍｉｔｈ", "John Smith"),
        ("می\u200cخواهد", "میخواهد"),
        ("葛\U000e0100城", "葛城"),
        ("Keʻalohilani", "kealohilani"),
    ],
)
def test_spellings_of_one_name_fold_to_the_same_words(one: str, other: str) -> None:
    assert name_words(one) == name_words(other)


def test_signs_that_carry_meaning_stay() -> None:
    assert name_words("राजेश") != name_words("राजश")
    assert name_words("ガ") != name_words("カ")


def test_a_name_without_letters_has_no_words() -> None:
    assert name_words("🦄 - !") == frozenset()


def test_a_very_long_name_has_a_few_words() -> None:
    words = name_words(
        " ".join(f"{'x' * 100}{n}" for n in range(100)) + " " + " ".join(map(str, range(50)))
    )
    assert len(words) <= 12
    assert all(len(word) <= 60 for word in words)
