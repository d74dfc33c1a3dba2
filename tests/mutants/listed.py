"""Every mutant, in the order of their names."""

from tests.mutants.of_the_books import OF_THE_BOOKS
from tests.mutants.of_the_gate import OF_THE_GATE
from tests.mutants.of_wishes import OF_WISHES

BY_FILE = {
    "of_the_gate.py": OF_THE_GATE,
    "of_the_books.py": OF_THE_BOOKS,
    "of_wishes.py": OF_WISHES,
}
"""In which file of this folder each stands."""
MUTANTS = tuple(sorted(sum(BY_FILE.values(), ()), key=lambda each: each.name))
