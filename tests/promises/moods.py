"""How the witness behaves while it is attacked with: on a usual day, and when it is in a mood."""

from tests.promises.witness import Act, Script

USUAL: Script = (
    Act(step="dot", cut="instead", chance=0.04),
    Act(step="dot", delay=0.03, chance=0.1),
)
"""Now and then it takes a message and is gone before it says so; every tenth answer is late."""

BUSY = "busy"
"""The mood after which mail rightly leaves slower for a quarter of an hour."""
MOODS: dict[str, Script] = {
    BUSY: (
        Act(step="mail", reply="421 4.3.2 too busy", cut="after", skip=20, times=1),
        Act(step="greeting", reply="421 4.3.2 too busy", cut="after", times=2),
    ),
    "kind": (),
    "cut": (
        Act(step="dot", cut="instead", chance=0.15),
        Act(step="content", cut="after", chance=0.05),
    ),
    "slow": (Act(step="dot", delay=0.8, chance=0.2), Act(step="data", delay=0.3, chance=0.1)),
    "refuse": (Act(step="rcpt", reply="550 5.7.1 not wanted here", chance=0.02, times=6),),
    "later": (Act(step="rcpt", reply="450 4.2.0 later", times=2),),
    "throttle": (Act(step="rcpt", reply="450 4.7.0 too fast", over=60, times=5),),
    "unreading": (
        Act(step="content", pause=1.5, chance=0.05),
        Act(step="mail", pause=0.8, chance=0.02),
    ),
}
