"""What staff want of the campaigns of an office: each wish is done, agreed with or refused by name."""

from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from mailer import campaigns
from mailer.campaigns import CampaignId, CannotDo
from mailer.failpoints import Failpoint
from mailer.vocabulary import Lane
from tests.campaigns.life import CAN, STEERED, Life, Wish
from tests.campaigns.life_choices import ACTS, reasons, staff, trials, variants, which
from tests.campaigns.life_plans import When
from tests.campaigns.life_trials import Trial
from tests.campaigns.office import ANNA, FEW, LI, MANY, MARIA
from tests.campaigns.watched_office import WatchedOffice


class StaffedOffice(WatchedOffice):
    """An office in which three of staff make campaigns and steer them, alone or together."""

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
