"""A campaign does what its state allows and nothing else, whatever happens in any order.

Hypothesis plays staff, the clock, the sender, the provider and customers over the real rooms. Beside
them goes a small model (`life.py`), read from the page that clients read. After each step every
campaign stands where the model has it, with its whole story in the ledger; the books balance, person
by person; and whatever came to the provider was judged at the moment at which it came.
`tests/playing.py` says how to play longer.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from mailer.campaigns import State, possible
from mailer.failpoints import Failpoint
from mailer.permission import Change
from mailer.providers import Answer
from mailer.vocabulary import Door, Heard, Lane
from tests.campaigns import on_file
from tests.campaigns.conftest import Desk
from tests.campaigns.conftest import desk as desk  # noqa: PLC0414 - a fixture
from tests.campaigns.life import CAN, Wish
from tests.campaigns.life_choices import (
    ANYWHERE,
    BEFORE_THE_GATE,
    BEHIND_THE_GATE,
    FAR,
    LATE,
    MET,
    MET_OFTEN,
    MET_UNDER_WAY,
    MOODS,
    STEERINGS,
    TIMES,
    reasons,
    somebody,
    staff,
    trials,
    which,
)
from tests.campaigns.life_plans import When
from tests.campaigns.office import ANNA, FEW, LI, MANY, MARIA
from tests.campaigns.staffed_office import StaffedOffice
from tests.campaigns.witness import Died
from tests.playing import play_from_each


class CampaignLife(StaffedOffice):
    """Campaigns, and all that may happen to them."""

    def __init__(self, desk: Desk, met: Counter[str], far: str) -> None:
        super().__init__(desk, met)
        self.far = far

    @initialize(size=st.sampled_from([FEW, MANY]), is_slow=st.booleans(), otherwise=trials)
    def a_campaign_is_there(self, size: int, is_slow: bool, otherwise: str | None) -> None:
        is_tried = self.far in {"tried on a sample", "to its end"}
        if self.far == "to its end":
            size, is_slow = MANY, False
        self.create(MARIA, size, is_slow, otherwise or "first" if is_tried else None)
        if self.far == "a draft":
            self.three_wishes_change_nothing()
            return
        self.ask(self.chosen(0), Wish("approve", ANNA))
        self.begins_by_clock_or_hand()
        self.goes_on()

    def three_wishes_change_nothing(self) -> None:
        for each in ("approve", "pause", "unschedule"):
            self.ask(self.chosen(0), Wish(each, MARIA))

    def begins_by_clock_or_hand(self) -> None:
        soon = self.desk.now + timedelta(minutes=1)
        plans = {far: When(soon, soon + timedelta(minutes=1)) for far in LATE}
        plans |= {far: When(soon, times=times) for far, times in TIMES.items()}
        if self.far in plans:
            self.ask(self.chosen(0), Wish("schedule", MARIA, plan=plans[self.far]))
            self.the_next_moment_comes(0, 1)
        else:
            self.ask(self.chosen(0), Wish("start", MARIA))

    def goes_on(self) -> None:
        """Bring what has begun as far as the play wants it."""
        openings: dict[str, Callable[[], object]] = {
            "too late": lambda: self.batches_leave(1, 3600),
            "complained of": lambda: self.many_complain_of_it(""),
            "repeated": lambda: self.the_next_moment_comes(0, 1),
            "stopped between two times": self.it_is_stopped_between_two_times,
            "to its end": self.it_comes_to_its_end_and_to_its_last_time,
            "given up": self.its_sender_dies_and_is_swept_up,
            "paused in hand": lambda: self.staff_steer_what_is_on_its_way(
                Failpoint.IN_HAND, ("pause",), ANNA, 0
            ),
            "cancelled at the relay": lambda: self.staff_steer_what_is_on_its_way(
                Failpoint.GATE_ARMED, ("cancel",), LI, 0
            ),
            "cancelled on its way": self.it_is_cancelled_on_its_way,
        }
        openings.get(self.far, lambda: None)()

    def many_complain_of_it(self, reason: str | None) -> None:
        self.batches_leave(1, 0)
        self.many_complain_at_once(0, Heard.COMPLAINED, reason)

    def it_is_stopped_between_two_times(self) -> None:
        self.many_complain_of_it(None)
        self.the_next_moment_comes(0, 1)

    def it_comes_to_its_end_and_to_its_last_time(self) -> None:
        self.something_happens_while_a_batch_is_on_its_way(Failpoint.CLAIMED, 0, 0, "no")
        self.the_clock_comes_for_a_choice(3, 10, is_paused=False)
        self.batches_leave(3, 3600)
        self.the_next_moment_comes(0, 1)

    def its_sender_dies_and_is_swept_up(self) -> None:
        self.a_sender_dies(Failpoint.HANDED_OVER)
        self.the_sweep_comes()

    def it_is_cancelled_on_its_way(self) -> None:
        self.a_sender_dies(Failpoint.PRINTED)
        self.ask(self.chosen(0), Wish("cancel", ANNA))

    # Customers and mailboxes

    @rule(who=somebody)
    def a_no_is_said(self, who: int) -> None:
        person = self.people[who]
        change = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)
        self.opt_outs.change(person.person_id, change, address_id=person.address_id)
        self.silent.add(int(person.person_id))

    @precondition(lambda self: bool(self.taken))
    @rule(n=st.integers(0, 20), heard=st.sampled_from(Heard))
    def something_is_heard(self, n: int, heard: Heard) -> None:
        self.hear([sorted(self.taken)[n % len(self.taken)]], heard)

    @precondition(lambda self: bool(self.taken))
    @rule(
        n=st.integers(0, 20),
        heard=st.sampled_from([Heard.COMPLAINED, Heard.BOUNCED]),
        reason=st.none() | reasons,
    )
    def many_complain_at_once(self, n: int, heard: Heard, reason: str | None) -> None:
        """Of one campaign, most often so many that the brake falls; somebody wants it to go on."""
        mailing, _ = sorted(self.taken)[n % len(self.taken)]
        self.hear(sorted(each for each in self.taken if each[0] == mailing)[:4], heard)
        held = [each for each, life in self.lives.items() if life.is_held or life.is_stopped_series]
        if held and reason is not None:
            self.ask(held[-1], Wish("resume", LI, reason))

    # The provider, the sender and the clock

    @rule(who=st.sets(somebody, min_size=1, max_size=5), mood=st.sampled_from(MOODS))
    def the_provider_will_say(self, who: set[int], mood: Answer) -> None:
        for each in who:
            self.provider.answer_for(self.people[each].email, mood)

    @rule(times=st.integers(1, 3), seconds=st.sampled_from([3600, 40, 0]))
    def batches_leave(self, times: int, seconds: int) -> None:
        self.desk.later(seconds=seconds)
        for _ in range(times):
            self.deliver(Lane.PROMOTIONAL, Failpoint.CLAIMED, lambda: None)
            self.account()

    @rule(
        point=st.sampled_from(BEFORE_THE_GATE),
        n=which,
        who=somebody,
        what=st.sampled_from(["pause", "cancel", "no", "edit", "news"]),
    )
    def something_happens_while_a_batch_is_on_its_way(
        self, point: Failpoint, n: int, who: int, what: str
    ) -> None:
        acts: dict[str, Callable[[], object]] = {
            "pause": lambda: self.wish(n, Wish("pause", ANNA)),
            "cancel": lambda: self.wish(n, Wish("cancel", LI, "It was a mistake.")),
            "no": lambda: self.a_no_is_said(who),
            "edit": lambda: self.wish(n, Wish("edit", MARIA, letter="Another one")),
            "news": lambda: self.taken and self.many_complain_at_once(who, Heard.COMPLAINED, None),
        }

        def act() -> None:
            acts[what]()
            self.met["on_its_way"] += 1

        self.deliver(Lane.PROMOTIONAL, point, act)
        self.account()

    @precondition(lambda self: self.is_any_under_way or len(self.lives) < 7)
    @rule(
        point=st.sampled_from([*BEFORE_THE_GATE, *BEHIND_THE_GATE]),
        acts=st.sampled_from(STEERINGS),
        by=staff,
        seconds=st.sampled_from([3600, 0]),
    )
    def staff_steer_what_is_on_its_way(
        self, point: Failpoint, acts: tuple[str, ...], by: str, seconds: int
    ) -> None:
        """A sender stands still with a batch while its own campaign is steered, and then goes on.

        Nobody is begun unless the campaign was sending when the gate was asked about them; so of
        each sender one slice leaves at most that was asked about before.
        """
        if not self.is_any_under_way:
            self.create(MARIA, FEW, is_slow=False, otherwise=None)
            self.ask(max(self.lives), Wish("start", MARIA))
        self.desk.later(seconds=seconds)
        where = "before" if point in BEFORE_THE_GATE else "behind"
        before = on_file.held(self.database, self.before)

        def steer() -> None:
            mine = on_file.held(self.database, self.before).items() - before.items()
            for campaign in [self.campaign_of(mailing) for _, mailing in mine]:
                for each in acts:
                    self.ask(campaign, Wish(each, by, "It was a mistake."))
                    self.met[f"{each} {where} the gate"] += 1

        self.deliver(Lane.PROMOTIONAL, point, steer)
        self.account()

    @precondition(lambda self: self.is_any_under_way)
    @rule(point=st.sampled_from(ANYWHERE))
    def a_sender_dies(self, point: Failpoint) -> None:
        def die() -> None:
            raise Died

        self.deliver(Lane.PROMOTIONAL, point, die)
        self.account()

    @rule(seconds=st.sampled_from([1, 40, 100, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.desk.later(seconds=seconds)

    @precondition(lambda self: bool(self.lost))
    @rule()
    def the_sweep_comes(self) -> None:
        """Twice: what it sees in hand it gives up when it sees it still there."""
        self.sweep()
        self.desk.later(seconds=100)
        self.met["given_up"] += self.sweep()
        self.account()

    @rule()
    def the_clock_ticks(self) -> None:
        self.tick()

    @precondition(lambda self: any(life.state == "scheduled" for life in self.lives.values()))
    @rule(days=st.sampled_from([0, 0, 2]), moments=st.sampled_from([1, 2]))
    def the_next_moment_comes(self, days: int, moments: int) -> None:
        """That of a campaign, or of the next time of one that repeats; or nobody was there then."""
        for _ in range(moments):
            scheduled = [life for life in self.lives.values() if life.state == "scheduled"]
            plans = [(life.plan, life.time) for life in scheduled if life.plan]
            if plans:
                first = min(plan.of_time(time).at for plan, time in plans)
                self.desk.later(days=days, seconds=self.until(first))
                self.tick()

    @precondition(lambda self: self.waiting or len(self.lives) < 7)
    @rule(
        batches=st.sampled_from([3, 1, 0]),
        minutes=st.sampled_from([5, 10]),
        is_paused=st.sampled_from([False, False, True]),
    )
    def the_clock_comes_for_a_choice(self, batches: int, minutes: int, is_paused: bool) -> None:
        """When a sample's wait is over or before, all of it has left or not, sending or paused."""
        if not self.waiting:
            self.create(MARIA, FEW, is_slow=False, otherwise="all")
            self.ask(max(self.lives), Wish("start", MARIA))
        tried = self.waiting[-1]
        self.desk.later(minutes=minutes)
        self.batches_leave(batches, 0)
        if is_paused:
            self.ask(tried, Wish("pause", LI))
        self.desk.later(minutes=minutes)
        self.tick()

    def until(self, moment: datetime) -> float:
        return max((moment - self.desk.now).total_seconds(), 0)


@pytest.mark.parametrize("state", State)
def test_what_is_possible_is_what_the_page_for_clients_says(state: State) -> None:
    assert set(possible(state)) == CAN[state]


@pytest.mark.timeout(600)
def test_a_campaign_lives_as_it_should_in_any_order(desk: Desk) -> None:
    met: Counter[str] = Counter()
    play_from_each(FAR, lambda far: CampaignLife(desk, met, far), examples=3, steps=16)
    for what in [*MET.split(), *MET_UNDER_WAY, *MET_OFTEN]:
        assert met[what], f"{what} was never met: {met}"
