"""What may be done to a campaign and what comes of it, told without the product.

What can be done in which state is read from the table of docs/api.md; the rest is what that page
says of approvals, plans and the brake. Nothing here asks the rooms.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tests.campaigns.life_plans import When
from tests.campaigns.life_trials import NAMES, WAIT, Trial

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
    "choose": "chosen",
}
"""What the ledger calls each act."""
STEERED = {"pause", "resume", "cancel", "pace", "brake", "choose"}
"""These take a reason."""
BRAKED_AT = 3
"""With limits of 10 per cent and fewer than 30 people, the fewest who stop a campaign do."""


UNFIT = (
    "The winner would be known after the deadline, when nobody can get it any more. Send an earlier"
    " sample, or a later `use_by`."
)
"""Why the clock takes a campaign back, where no check says it."""


class Line(NamedTuple):
    """A line of the ledger about a campaign: what was done, by whom, why."""

    what: str
    by: str
    why: str | None = None


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
    variant: str | None = None
    """What those are to get who wait for a choice; None: what they were drawn for."""


Outcomes = Callable[["Life"], Counter[str]]
"""What has become of everybody of a campaign."""


def number_of(variant: str | None) -> int | None:
    return None if variant is None else NAMES.index(variant) + 1


@dataclass(eq=False)
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
    trial: Trial | None = None
    time: int = 1
    """Which time of its plan it waits for, or is."""
    times: list["Life"] = field(default_factory=list)
    """Those that have begun, each a campaign of its own."""

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
        return self.plan.of_time(self.time).use_by if self.plan else None

    def subject_for(self, person: int) -> str | None:
        """Return the subject under which somebody may be handed it now; None for nothing."""
        return self.trial.subject_for(person, self.letter) if self.trial else self.letter

    @property
    def is_held(self) -> bool:
        """Say whether the brake holds it, seen or not."""
        return self.is_stopped and self.state in {"sending", "paused"}

    def refusal(self, wish: Wish, now: datetime) -> str | None:
        """Return the error that a wish is answered with, or None where it is done or agreed with."""
        if wish.act in STEERED and "@" in wish.reason:
            return "ReasonUnfit"
        if wish.act == "choose":
            return self._why_not_chosen(wish)
        if wish.act == "resume" and self.is_stopped_series:
            return None if wish.reason.strip() else "ReasonNeeded"
        state = "paused" if self.is_held and wish.act in STEERED else self.state
        if wish.act in CAN[state]:
            return self._hindrance(wish, now)
        return None if (state, wish.act) in AGREED else "CannotDo"

    def _hindrance(self, wish: Wish, now: datetime) -> str | None:
        # What was approved for its moment is not started by hand before that.
        covers_start = self.state == "draft" and self.is_approved
        is_past = wish.plan is not None and wish.plan.first_time(now) is None
        is_braked = self.is_held or self.is_braked
        named = {
            "approve": {
                "RevisionStale": wish.is_stale,
                "OwnApproval": wish.by in self.authors,
                "CannotSend": self.is_too_late(now),
            },
            "schedule": {
                "MomentPassed": is_past,
                "CannotSend": not self._covers(wish.plan),
                "ChoiceTooLate": not is_past and self._chooses_too_late(wish.plan, now),
            },
            "start": {
                "ReasonNeeded": self.is_stopped_series,
                "CannotSend": self.is_too_late(now) or (self.needs_approval and not covers_start),
                "ChoiceTooLate": self.is_choice_late(now),
            },
            "resume": {"ReasonNeeded": is_braked and not wish.reason.strip()},
        }
        return next((name for name, is_so in named.get(wish.act, {}).items() if is_so), None)

    def _chooses_too_late(self, plan: When | None, now: datetime) -> bool:
        """Say whether the sample's wait would be over after the deadline."""
        if self.trial is None or plan is None:
            return False
        due = plan.of_time(plan.first_time(now) or 1)
        return due.use_by is not None and due.at + WAIT >= due.use_by

    def is_too_late(self, now: datetime) -> bool:
        """Say whether everybody would be refused as late."""
        return self.deadline is not None and self.deadline <= now

    def is_choice_late(self, now: datetime) -> bool:
        """Say the same of a campaign that would start now."""
        return self.trial is not None and self.deadline is not None and now + WAIT >= self.deadline

    def _why_not_chosen(self, wish: Wish) -> str | None:
        if self.trial is None:
            return "NothingToChoose"
        if wish.variant is not None and wish.variant not in NAMES:
            return "VariantUnknown"
        is_same = self.trial.is_chosen and self.trial.choice == number_of(wish.variant)
        is_waiting = self.state in {"sending", "paused"} and not self.trial.is_chosen
        return None if is_same or is_waiting else "NothingToChoose"

    def _covers(self, plan: When | None) -> bool:
        first_one = self.plan is None and self.is_approved
        return not self.needs_approval or first_one or self.approved == (self.letter, plan)

    def do(self, wish: Wish, outcomes: Outcomes, now: datetime) -> bool:
        """Do what is not refused; False where it is agreed with and changes nothing."""
        if wish.act == "choose" and self.trial is not None and self.trial.is_chosen:
            return False
        if wish.act == "resume" and self.is_stopped_series:
            self._go_on_repeating(wish, outcomes)
            return True
        brought = wish.act in {"pause", "resume", "cancel", "brake"} and self.look_at_brake()
        if (self.state, wish.act) in AGREED:
            return brought
        self._change(wish, outcomes, now)
        self.state = LEADS.get(wish.act, self.state)
        self.story.append(Line(LINES[wish.act], wish.by, wish.reason or None))
        return True

    def _change(self, wish: Wish, outcomes: Outcomes, now: datetime) -> None:
        match wish.act:
            case "edit":
                self.approved, self.letter = None, wish.letter
                self.authors.add(wish.by)
            case "approve":
                self.approved = (self.letter, self.plan)
            case "schedule":
                self.authors.add(wish.by)
                self._take_plan(wish.plan, now)
            case "unschedule":
                self._forget_plan()
            case "start" if self.plan is not None:
                self.plan, self.time = self.plan.of_time(self.time), 1
            case "choose" if self.trial is not None:
                self.trial.choose(number_of(wish.variant))
            case "resume" if self.is_braked:
                self.is_braked = False
                self.release(outcomes)

    def release(self, outcomes: Outcomes) -> None:
        """Let only what comes from now on be judged."""
        self.is_stopped = False
        self.counted, self.heard = outcomes(self), Counter()

    def look_at_brake(self) -> bool:
        """Bring the brake's fall to the campaign, once; say whether it was news."""
        if self.is_over or self.is_braked or not self.is_stopped:
            return False
        self.is_braked, self.state = True, "paused"
        self.story.append(Line("braked", "brake"))
        return True

    # A plan of several times

    @property
    def is_stopped_series(self) -> bool:
        """Say whether the brake that fell on one of its times holds the next one."""
        fell = self.is_braked or any(each.is_stopped for each in self.times)
        return fell and self.state == "scheduled"

    def _go_on_repeating(self, wish: Wish, outcomes: Outcomes) -> None:
        """Answer for what the brake stopped; a time that it paused is resumed itself."""
        self.stop_repeating()
        for each in self.times:
            each.look_at_brake()
            each.release(outcomes)
        self.is_braked = False
        self.story.append(Line("resumed", wish.by, wish.reason))

    def stop_repeating(self) -> None:
        if not self.is_braked:
            self.is_braked = True
            self.story.append(Line("braked", "brake"))

    def _take_plan(self, plan: When | None, now: datetime) -> None:
        if self.plan is None and self.is_approved:
            self.approved = (self.letter, plan)
        self.plan = plan
        self.time = plan.first_time(now) or 1 if plan else 1

    def _forget_plan(self) -> None:
        self.plan, self.time, self.is_braked = None, 1, False

    def is_due(self, now: datetime) -> bool:
        is_scheduled = self.state == "scheduled" and not self.is_braked
        return is_scheduled and self.plan is not None and self.plan.of_time(self.time).at <= now

    def come_due(self, now: datetime) -> "Life | None":
        """Let the clock start it: itself, or one of its times; None where nothing starts."""
        if self.is_stopped_series:
            self.stop_repeating()
            return None
        why = self._too_late_in_words(now) or (UNFIT if self.is_choice_late(now) else None)
        if why is not None:
            self.state = "draft"
            self._forget_plan()
            self.story.append(Line("start_refused", "clock", why))
            return None
        following = self.plan.next_time(self.time, now) if self.plan else None
        begun = self if following is None else self._one_time()
        self._pass_over(following)
        begun.state = "sending"
        begun.story.append(Line("started", "clock"))
        return begun

    def _too_late_in_words(self, now: datetime) -> str | None:
        if self.deadline is None or not self.is_too_late(now):
            return None
        return (
            f"Its deadline, {self.deadline:%Y-%m-%d %H:%M} UTC, is past; all would be refused as"
            " late. Schedule it with a later `use_by`, or with none."
        )

    def _one_time(self) -> "Life":
        """Make the campaign of the time that is due: with its own people, books and end."""
        assert self.plan is not None
        one = replace(
            self.as_copied(set(self.authors)),
            plan=self.plan.of_time(self.time),
            story=[Line("created", "clock")],
        )
        self.times.append(one)
        return one

    def _pass_over(self, following: int | None) -> None:
        """Say how many times nobody could begin, and wait for the next one."""
        assert self.plan is not None
        missed = (following or self.plan.times + 1) - self.time - 1
        if missed:
            self.story.append(Line("skipped", "clock"))
        self.time = following or self.time

    def as_copied(self, authors: set[str]) -> "Life":
        """Return a draft that says the same to the same people, without a past."""
        trial = Trial(self.trial.otherwise) if self.trial else None
        return Life(self.people, self.needs_approval, self.letter, authors, trial=trial)

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
