"""How the witness misbehaves: acts that come when their turn comes, as JSON too."""

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Act:
    """One thing to do in place of good manners, when its turn comes.

    `step`: greeting, ehlo, mail, rcpt, data, content (its first byte) or dot. It applies to
    `recipient` (empty: anybody), not to the first `skip` of them (counted by connection if
    `by_connection`), and at most `times` (0: always), with a `chance`. `reply` replaces the
    usual one; `delay` seconds hold it back, and all after it; `cut` ends the connection:
    'instead' of the reply (the message was taken, if `reply` is none) or 'after' it; `pause`
    stops reading for so many seconds. `over` spares as many as come within that rate, a second,
    from all connections together.
    """

    step: str
    recipient: str = ""
    reply: str = ""
    delay: float = 0.0
    cut: str = ""
    pause: float = 0.0
    skip: int = 0
    times: int = 0
    chance: float = 1.0
    by_connection: bool = False
    over: float = 0.0


Script = Sequence[Act]


class Director:
    """Says which act of the script applies now, if any."""

    def __init__(self, seed: int) -> None:
        self.script: Script = ()
        self._chance = random.Random(seed)
        self._met: dict[tuple[int, int], int] = {}
        self._spared: dict[int, tuple[float, float]] = {}

    def play(self, script: Script) -> None:
        self.script, self._met, self._spared = tuple(script), {}, {}

    def act(self, step: str, recipient: str, connection: int, now: float) -> Act | None:
        for n, act in enumerate(self.script):
            if act.step == step and act.recipient in {"", recipient}:
                if act.over and self._is_within_rate(n, act.over, now):
                    continue
                key = (n, connection if act.by_connection else 0)
                met = self._met[key] = self._met.get(key, 0) + 1
                is_due = met > act.skip and not (act.times and met > act.skip + act.times)
                if is_due and self._chance.random() < act.chance:
                    return act
        return None

    def _is_within_rate(self, n: int, rate: float, now: float) -> bool:
        """Count one more; say whether it came within the rate, of which a second's worth may burst."""
        left, before = self._spared.get(n, (rate, now))
        left = min(rate, left + (now - before) * rate)
        is_within = left >= 1
        self._spared[n] = (left - is_within, now)
        return is_within


def script_written(script: Script) -> str:
    """A script as one line of JSON."""
    return json.dumps([asdict(act) for act in script])


def script_read(line: str | bytes) -> Script:
    known = {field.name for field in fields(Act)}
    acts: list[dict[str, Any]] = json.loads(line)
    unknown = {name for act in acts for name in act} - known
    if unknown:
        raise ValueError(f"no such thing in an act: {', '.join(sorted(unknown))}")
    return [Act(**act) for act in acts]
