"""What the checks before sending say: one list, of stops and warnings, each with its fix."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailer.letters import Problem


class Weight(StrEnum):
    """Whether a finding keeps a campaign from leaving, or only wants to be read before."""

    STOP = "stop"
    WARNING = "warning"


class Check(StrEnum):
    """What was looked at; a script may rely on these names."""

    CONTENT = "content"
    POSTAL_ADDRESS = "postal_address"
    MESSAGE = "message"
    READING = "reading"
    SENDER = "sender"
    MERGE_FIELDS = "merge_fields"
    AUDIENCE = "audience"
    REPEAT = "repeat"
    SPLIT = "split"
    PLAN = "plan"
    PACE = "pace"
    APPROVAL = "approval"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check has to say: where, what is wrong, what mends it, who asks for it."""

    weight: Weight
    check: Check
    field: str
    text: str
    fix: str
    clause: str = ""
    """The row of the privacy policy, where one asks for it."""

    @classmethod
    def of(cls, problem: Problem, check: Check, weight: Weight) -> "Finding":
        """Make a finding of what the letters room says."""
        return cls(weight, check, problem.field, problem.text, problem.fix, problem.clause)


@dataclass(frozen=True, slots=True)
class Checked:
    """Everything that the checks found about a campaign at one moment."""

    findings: Sequence[Finding]
    audience: int
    as_at: datetime

    @property
    def stops(self) -> list[Finding]:
        """What keeps it from being scheduled or started."""
        return [each for each in self.findings if each.weight is Weight.STOP]

    @property
    def warnings(self) -> list[Finding]:
        """What is shown, and noted in the ledger at the start, and stops nothing."""
        return [each for each in self.findings if each.weight is Weight.WARNING]
