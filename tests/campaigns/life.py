"""What may be done to a campaign and what comes of it, told without the product.

What can be done in which state is read from the table of docs/api.md; the rest is what that page
says of approvals, plans and the brake. Nothing here asks the rooms.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
ROW = re.compile(r"\| (draft|scheduled|sending|paused|finished|cancelled) \| ([a-z, ]+) \|")
CAN = {state: set(acts.split(", ")) for state, acts in ROW.findall(PAGE.read_text())}
"""What each state allows, as clients are told."""

AGREED = {
    ("draft", "unschedule"),
    ("sending", "start"),
    ("sending", "resume"),
    ("paused", "pause"),
    ("cancelled", "cancel"),
}
"""Two clicks: what is so already is agreed with, and nothing changes."""
LEADS = {
    "schedule": "scheduled",
    "unschedule": "draft",
    "start": "sending",
    "pause": "paused",
    "resume": "sending",
    "cancel": "cancelled",
}
LINES = {
    "edit": "edited",
    "unschedule": "unscheduled",
    "start": "started",
    "pause": "paused",
    "resume": "sending",
    "cancel": "cancelled",
    "approve": "approved",
    "test": "tested",
    "pace": "paced",
    "brake": "brake_set",
    "schedule": "scheduled",
}
"""What the ledger calls each act."""
STEERED = {"pause", "resume", "cancel", "pace", "brake"}
"""These take a reason."""
BRAKED_AT = 3
"""With limits of 10 per cent and fewer than 30 people, the fewest who stop a campaign do."""


class Line(NamedTuple):
    """A line of the ledger about a campaign: what was done, by whom, why."""

    what: str
    by: str
    why: str | None = None


class When(NamedTuple):
    """A plan of one moment, with its deadline."""

    at: datetime
    use_by: datetime | None = None


@dataclass
class Wish:
    """An act that somebody wants, with all that they say."""

    act: str
    by: str
    reason: str = ""
    plan: When | None = None
    letter: str = ""
    """What an edit makes it say."""
    is_stale: bool = False
    """They name another revision than the one of now."""


@dataclass
class Life:
    """One campaign."""

    people: frozenset[int]
    needs_approval: bool
    letter: str
    authors: set[str]
    state: str = "draft"
    plan: When | None = None
    approved: tuple[str, When | None] | None = None
    """The letter and the plan for which somebody else has approved it."""
    mailing: int | None = None
    is_stopped: bool = False
    """The brake has fallen; whoever looks next brings it to the campaign."""
    is_braked: bool = False
    """The campaign says so, and who resumes it must say why."""
    counted: Counter[str] = field(default_factory=Counter)
    """Everybody's outcome when the brake last began to count."""
    heard: Counter[str] = field(default_factory=Counter)
    """What it heard since."""
    story: list[Line] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return self.state in {"finished", "cancelled"}

    @property
    def may_leave(self) -> bool:
        """Say whether anybody may be handed over."""
        return self.state == "sending" and not self.is_stopped

    @property
    def is_approved(self) -> bool:
        return self.approved == (self.letter, self.plan)

    @property
    def deadline(self) -> datetime | None:
        return self.plan.use_by if self.plan else None

    @property
    def is_held(self) -> bool:
        """Say whether the brake holds it, seen or not."""
        return self.is_stopped and self.state in {"sending", "paused"}

    def refusal(self, wish: Wish, now: datetime) -> str | None:
        """Return the error that a wish is answered with, or None where it is done or agreed with."""
        if wish.act in STEERED and "@" in wish.reason:
            return "ReasonUnfit"
        state = "paused" if self.is_held and wish.act in STEERED else self.state
        if wish.act in CAN[state]:
            return self._hindrance(wish, now)
        return None if (state, wish.act) in AGREED else "CannotDo"

    def _hindrance(self, wish: Wish, now: datetime) -> str | None:
        # What was approved for its moment is not started by hand before that.
        covers_start = self.state == "draft" and self.is_approved
        is_past = wish.plan is not None and wish.plan.at <= now
        named = {
            "approve": {"RevisionStale": wish.is_stale, "OwnApproval": wish.by in self.authors},
            "schedule": {"MomentPassed": is_past, "CannotSend": not self._covers(wish.plan)},
            "start": {"CannotSend": self.needs_approval and not covers_start},
            "resume": {"ReasonNeeded": self.is_held and not wish.reason.strip()},
        }
        return next((name for name, is_so in named.get(wish.act, {}).items() if is_so), None)

    def _covers(self, plan: When | None) -> bool:
        first_one = self.plan is None and self.is_approved
        return not self.needs_approval or first_one or self.approved == (self.letter, plan)

    def do(self, wish: Wish, outcomes: Counter[str]) -> bool:
        """Do what is not refused; False where it is agreed with and changes nothing."""
        brought = wish.act in {"pause", "resume", "cancel", "brake"} and self.look_at_brake()
        if (self.state, wish.act) in AGREED:
            return brought
        self._change(wish, outcomes)
        self.state = LEADS.get(wish.act, self.state)
        self.story.append(Line(LINES[wish.act], wish.by, wish.reason or None))
        return True

    def _change(self, wish: Wish, outcomes: Counter[str]) -> None:
        match wish.act:
            case "edit":
                self.approved, self.letter = None, wish.letter
                self.authors.add(wish.by)
            case "approve":
                self.approved = (self.letter, self.plan)
            case "schedule":
                if self.plan is None and self.is_approved:
                    self.approved = (self.letter, wish.plan)
                self.plan = wish.plan
            case "unschedule":
                self.plan = None
            case "resume" if self.is_braked:
                self.is_braked = self.is_stopped = False
                self.counted, self.heard = outcomes, Counter()

    def look_at_brake(self) -> bool:
        """Bring the brake's fall to the campaign, once; say whether it was news."""
        if self.is_over or self.is_braked or not self.is_stopped:
            return False
        self.is_braked, self.state = True, "paused"
        self.story.append(Line("braked", "brake"))
        return True

    def is_due(self, now: datetime) -> bool:
        return self.state == "scheduled" and self.plan is not None and self.plan.at <= now

    def finish(self) -> None:
        self.state = "finished"
        self.story.append(Line("finished", "clock"))

    def judge(self, outcomes: Counter[str]) -> None:
        """Let the brake fall where too many complained, bounced, were refused or are unknown."""
        since = Counter({each: outcomes[each] - self.counted[each] for each in outcomes})
        handed = since["accepted"] + since["rejected"] + since["unknown"]
        bad = max(since["rejected"], since["unknown"], self.heard["bounced"])
        complained = self.heard["complained"] if since["accepted"] >= BRAKED_AT else 0
        worst = max(complained, bad if handed >= BRAKED_AT else 0)
        self.is_stopped |= worst >= BRAKED_AT
