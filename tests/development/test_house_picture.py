"""The picture of the house shows the contract that import-linter holds, and nothing else."""

from pathlib import Path
from xml.etree import ElementTree

from mailer.development.house_picture import PICTURE, Room, draw, read_layers

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str, kind: str) -> list[str]:
    root = ElementTree.fromstring(picture)  # noqa: S314 - our own picture
    return [each.text or "" for each in root.iter(f"{SVG}text") if each.get("class") == kind]


def test_the_picture_in_the_docs_is_the_one_that_the_command_draws() -> None:
    assert PICTURE.read_text() == draw(read_layers()), (
        "draw it anew: python -m mailer.development.house_picture"
    )


def test_every_room_stands_in_it_from_the_doors_down_to_the_words() -> None:
    names = texts(PICTURE.read_text(), "name")
    assert names[:3] == ["cli", "preference_center", "workers"]
    lowest = {"vocabulary", "zones", "packed", "keyed_hash", "clock", "failpoints"}
    assert lowest == set(names[-6:])
    assert names.index("delivery") < names.index("permission") < names.index("people")


def test_rooms_that_are_not_built_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "mailer").mkdir()
    (tmp_path / "mailer" / "people.py").write_text('"""WHO. And more."""')
    (tmp_path / "pyproject.toml").write_text(
        '[[tool.importlinter.contracts]]\ntype = "layers"\n'
        'layers = ["mailer.privacy", "mailer.people | mailer.letters"]\n'
    )
    assert read_layers(tmp_path) == [[Room("mailer.people", "WHO")]]


def test_words_cannot_break_the_picture() -> None:
    drawn = draw([[Room("mailer.people", "<b>&")]])
    assert texts(drawn, "words") == ["<b>&"]


def test_a_long_sentence_ends_at_a_word(tmp_path: Path) -> None:
    (tmp_path / "mailer").mkdir()
    (tmp_path / "mailer" / "people.py").write_text(f'"""{"word " * 40}."""')
    (tmp_path / "pyproject.toml").write_text(
        '[[tool.importlinter.contracts]]\ntype = "layers"\nlayers = ["mailer.people"]\n'
    )
    (room,) = read_layers(tmp_path)[0]
    assert room.words.endswith("word …")
    assert len(room.words) <= 92
