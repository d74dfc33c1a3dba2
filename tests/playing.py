"""How long Hypothesis plays against real rooms: the same short plays in every run, or others at will.

`TEST_EXAMPLES=1000` plays so many others and makes what it finds small, which takes its time: give
pytest `--timeout 0` with it.
"""

import os

from hypothesis import HealthCheck, Phase, settings

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
