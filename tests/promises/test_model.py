"""The protocol as a model: the checker goes through every interleaving of it, crashes included."""

import pytest

from tests.promises.model import CLEAN, REQUIRED, Row, Verdict, check, weakenings
from tests.tools import GCC, SPIN, need

pytestmark = [pytest.mark.slow, pytest.mark.long]
BREAKING = [each for each in weakenings() if each.says != CLEAN]


@pytest.fixture(scope="module", autouse=True)
def checker() -> None:
    """What the tests here cannot do without."""
    need(SPIN)
    need(GCC)


@pytest.fixture(scope="module")
def whole(checker: None) -> Verdict:
    """The model, gone through whole."""
    return check(REQUIRED)


@pytest.mark.timeout(900)
def test_no_interleaving_of_two_senders_two_nos_and_two_crashes_breaks_a_promise(
    whole: Verdict,
) -> None:
    assert whole.breaks == CLEAN
    assert whole.states > 1_000_000


def test_some_interleaving_comes_to_each_statement_of_the_model(whole: Verdict) -> None:
    assert whole.unreached == ()


@pytest.mark.parametrize("weakening", BREAKING, ids=lambda row: row.flags[-1].removeprefix("-D"))
def test_without_a_detail_it_breaks(weakening: Row) -> None:
    assert check(weakening.flags, optimise="-O0").breaks == weakening.says
