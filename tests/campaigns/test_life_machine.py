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
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from mailer import campaigns
from mailer.campaigns import CampaignId, CannotDo, State, possible
from mailer.failpoints import Failpoint
from mailer.permission import Change
from mailer.providers import Answer
from mailer.vocabulary import Door, Heard, Lane
from tests.campaigns import on_file
from tests.campaigns.conftest import Desk
from tests.campaigns.conftest import desk as desk  # noqa: PLC0414 - a fixture
from tests.campaigns.life import CAN, STEERED, Life, Wish
from tests.campaigns.life_choices import (
    ACTS,
    ANYWHERE,
    BEFORE_THE_GATE,
    BEHIND_THE_GATE,
    FAR,
    MET,
    MET_OFTEN,
    MET_UNDER_WAY,
    MOODS,
    STEERINGS,
    reasons,
    somebody,
    staff,
    trials,
    variants,
    which,
)
from tests.campaigns.life_plans import When
from tests.campaigns.life_trials import Trial
from tests.campaigns.office import ANNA, FEW, LI, MANY, MARIA
from tests.campaigns.watched_office import WatchedOffice
from tests.campaigns.witness import Died
from tests.playing import plays


class CampaignLife(WatchedOffice):
    """Campaigns, and all that may happen to them."""

    def __init__(self, desk: Desk, met: Counter[str], far: str) -> None:
        super().__init__(desk, met)
        self.far = far

    @initialize(size=st.sampled_from([FEW, MANY]), is_slow=st.booleans(), otherwise=trials)
    def a_campaign_is_there(self, size: int, is_slow: bool, otherwise: str | None) -> None:
        is_tried = self.far == "tried on a sample"
        self.create(MARIA, size, is_slow, otherwise or "first" if is_tried else None)
        if self.far == "a draft":
            return
        self.ask(self.chosen(0), Wish("approve", ANNA))
        soon = self.desk.now + timedelta(minutes=1)
        if self.far == "soon too late":
            self.is_begun_by_plan(When(soon, soon + timedelta(minutes=1)))
        elif self.far in {"repeated", "stopped between two times"}:
            self.is_begun_by_plan(When(soon, times=3))
        else:
            self.ask(self.chosen(0), Wish("start", MARIA))
        self.goes_on()

    def is_begun_by_plan(self, plan: When) -> None:
        self.ask(self.chosen(0), Wish("schedule", MARIA, plan=plan))
        self.the_next_moment_comes(0)

    def goes_on(self) -> None:
        """Bring what has begun as far as the play wants it."""
        match self.far:
            case "complained of":
                self.batches_leave(1, 0)
                self.many_complain_at_once(0, Heard.COMPLAINED, "")
            case "stopped between two times":
                self.batches_leave(1, 0)
                self.many_complain_at_once(0, Heard.COMPLAINED, None)
                self.the_next_moment_comes(0)
            case "given up":
                self.a_sender_dies(Failpoint.HANDED_OVER)
                self.the_sweep_comes()
            case "paused in hand":
                self.staff_steer_what_is_on_its_way(Failpoint.IN_HAND, ("pause",), ANNA, 0)
            case "cancelled at the relay":
                self.staff_steer_what_is_on_its_way(Failpoint.GATE_ARMED, ("cancel",), LI, 0)
            case "cancelled on its way":
                self.a_sender_dies(Failpoint.PRINTED)
                self.ask(self.chosen(0), Wish("cancel", ANNA))

    @precondition(lambda self: len(self.lives) < 5)
    @rule(by=staff, size=st.sampled_from([FEW, MANY]), is_slow=st.booleans(), otherwise=trials)
    def create(self, by: str, size: int, is_slow: bool, otherwise: str | None) -> None:
        letter = f"Letter {next(self.letters)}"
        trial = Trial(otherwise) if otherwise else None
        with self.database.transaction() as session:
            made = campaigns.create(
                session,
                self.written(letter, size, trial, is_slow=is_slow),
                brand=self.desk.parts.brand,
                by=by,
                now=self.desk.now,
            )
        people = frozenset(int(each.person_id) for each in self.people[:size])
        life = Life(people, size > FEW, letter, {by}, trial=trial)
        self.came(made.campaign_id, life, by)

    @precondition(lambda self: len(self.lives) < 5)
    @rule(n=which, by=staff)
    def clone(self, n: int, by: str) -> None:
        """Of any campaign, in any state: a draft without a past."""
        source = self.lives[self.chosen(n)]
        copy = self.desk.do("clone", self.chosen(n), by=by).campaign_id
        self.met["cloned when over"] += source.is_over
        self.came(copy, source.as_copied({by}), by)

    @rule(
        n=which,
        act=st.sampled_from(ACTS),
        by=staff,
        reason=reasons,
        minutes=st.sampled_from([-5, 0, 1, 10]),
        lasts=st.sampled_from([None, 1, 60]),
        times=st.sampled_from([1, 1, 3]),
        variant=variants,
        is_stale=st.sampled_from([False, False, False, True]),
    )
    def staff_want(
        self,
        n: int,
        act: str,
        by: str,
        reason: str,
        minutes: int,
        lasts: int | None,
        times: int,
        variant: str | None,
        is_stale: bool,
    ) -> None:
        at = self.desk.now + timedelta(minutes=minutes)
        plan = When(at, None if lasts is None else at + timedelta(minutes=lasts), times)
        said = reason if act in STEERED else ""
        letter = f"Letter {next(self.letters)}"
        self.wish(n, Wish(act, by, said, plan, letter, is_stale, variant))
        if act == "test":
            self.deliver(Lane.ORDERS, Failpoint.CLAIMED, lambda: None)

    @precondition(lambda self: any(life.trial for life in self.lives.values() if life.mailing))
    @rule(variant=variants, by=staff, reason=reasons)
    def staff_choose(self, variant: str | None, by: str, reason: str) -> None:
        """For those who wait, most often before the clock does."""
        tried = [each for each, life in self.lives.items() if life.trial and life.mailing]
        self.ask(tried[-1], Wish("choose", by, reason, variant=variant))

    @precondition(lambda self: any(life.needs_approval for life in self.lives.values()))
    @rule(
        act=st.sampled_from(["start", "schedule"]),
        lasts=st.sampled_from([None, 1]),
        times=st.sampled_from([1, 3]),
    )
    def two_pairs_of_eyes(self, act: str, lasts: int | None, times: int) -> None:
        """What often happens to a large campaign, so that many of them get so far."""
        large = [each for each, life in self.lives.items() if life.needs_approval]
        self.ask(large[-1], Wish("approve", LI))
        self.ask(large[-1], Wish("approve", ANNA))
        at = self.desk.now + timedelta(minutes=1)
        plan = When(at, None if lasts is None else at + timedelta(minutes=lasts), times)
        self.ask(large[-1], Wish(act, MARIA, plan=plan))

    def wish(self, n: int, wish: Wish) -> None:
        self.ask(self.chosen(n), wish)

    def ask(self, campaign: CampaignId, wish: Wish) -> None:
        """Ask for an act: it is done, agreed with, or refused by name and nothing has changed."""
        life = self.lives[campaign]
        named, before = life.refusal(wish, self.desk.now), self.everything()
        if named is not None:
            with pytest.raises(getattr(campaigns, named)) as told:
                self.call(campaign, wish)
            if isinstance(told.value, CannotDo):
                assert set(told.value.possible) == CAN[life.state]
            assert self.everything() == before, f"{wish} was refused and left something behind"
            self.met[named] += 1
            return
        self.call(campaign, wish)
        was_braked = life.is_braked
        if not life.do(wish, self.outcomes, self.desk.now):
            assert self.everything() == before, f"{wish} was agreed with and changed something"
            self.met["agreed"] += 1
            return
        if wish.act == "start":
            self.begins(life, self.desk.look(campaign))
        self.met[wish.act] += 1
        self.met["resumed after the brake"] += wish.act == "resume" and was_braked

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
    @rule(days=st.sampled_from([0, 0, 2]))
    def the_next_moment_comes(self, days: int) -> None:
        """That of a campaign, or of the next time of one that repeats; or nobody was there then."""
        plans = [life for life in self.lives.values() if life.state == "scheduled" and life.plan]
        moments = [life.plan.of_time(life.time).at for life in plans if life.plan]
        self.desk.later(days=days, seconds=self.until(min(moments)))
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
    for far in FAR:
        run_state_machine_as_test(
            lambda far=far: CampaignLife(desk, met, far),  # type: ignore[arg-type]
            settings=plays(examples=3, steps=18),
        )
    for what in [*MET.split(), *MET_UNDER_WAY, *MET_OFTEN]:
        assert met[what], f"{what} was never met: {met}"
