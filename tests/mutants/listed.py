"""Every mutant, in the order of their names."""

from tests.mutants.of_the_books import OF_THE_BOOKS
from tests.mutants.of_the_gate import OF_THE_GATE
from tests.mutants.of_wishes import OF_WISHES

MUTANTS = tuple(sorted((*OF_THE_GATE, *OF_THE_BOOKS, *OF_WISHES), key=lambda each: each.name))
