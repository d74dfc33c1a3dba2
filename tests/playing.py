"""How long Hypothesis plays against real rooms: the same short plays in every run, or others at will.

`TEST_EXAMPLES=1000` plays so many others and makes what it finds small, which takes its time: give
pytest `--timeout 0` with it.
"""

import os
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

GIVEN = os.environ.get("TEST_EXAMPLES")


def plays(examples: int, steps: int) -> settings:
    """Return settings for so many plays of so many steps each."""
    return settings(
        max_examples=int(GIVEN or examples),
        stateful_step_count=steps,
        derandomize=GIVEN is None,
        phases=tuple(Phase) if GIVEN else (Phase.generate,),
        database=None,
        deadline=None,
        suppress_health_check=tuple(HealthCheck),
    )


def play_from_each(
    openings: list[str],
    machine: Callable[[str], RuleBasedStateMachine],
    *,
    examples: int,
    steps: int,
) -> None:
    """Play on from each of some openings; without seeds, all would be followed by the same."""
    for number, opening in enumerate(openings):

        def begun(opening: str = opening) -> RuleBasedStateMachine:
            return machine(opening)

        run_state_machine_as_test(
            begun if GIVEN else seed(number)(begun),  # type: ignore[arg-type]
            settings=plays(examples, steps),
        )
