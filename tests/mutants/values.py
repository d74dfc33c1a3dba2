"""What a mutant is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """One piece of a file: `before` stands in it once and becomes `after`."""

    file: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """One weakening of the protocol, and the test that must turn red under it."""

    name: str
    what: str
    catcher: str
    edits: tuple[Edit, ...]


def mutant(name: str, what: str, catcher: str, file: str, before: str, after: str) -> Mutant:
    """Make a mutant of a single edit."""
    return Mutant(name, what, catcher, (Edit(file, before, after),))
