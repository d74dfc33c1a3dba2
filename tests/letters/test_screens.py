"""The pictures of letters: every letter once, no two under one name."""

from mailer.development.screens import screens
from mailer.letters import CATALOGUE


def test_every_letter_has_its_picture_and_each_picture_its_name() -> None:
    taken = list(screens())
    assert {screen.letter for screen in taken} == set(CATALOGUE)
    assert len({screen.file_name for screen in taken}) == len(taken)
    assert {screen.scheme for screen in taken} == {"light", "dark"}
