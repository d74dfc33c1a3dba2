"""What the clock does in an office: starts what is due, chooses, brings the brake, closes."""

from datetime import timedelta

from mailer import campaigns
from mailer.campaigns import Campaign, How
from tests.campaigns.life import Life, Line
from tests.campaigns.life_trials import NAMES, WAIT, Trial
from tests.campaigns.office import CLOCK, Office
from tests.campaigns.split import decide

LOOKS_AGAIN = timedelta(minutes=1)
"""How long after a look at a sample that has not left the next one is, at the latest."""


class ClockedOffice(Office):
    """An office whose clock is held against the model of each campaign."""

    def tick(self) -> None:
        self.start_what_is_due()
        self.account()
        self.choose_what_is_due()
        self.account()
        self.stop_and_finish()

    def start_what_is_due(self) -> None:
        now = self.desk.now
        due = [life for life in self.lives.values() if life.is_due(now)]
        with self.database.transaction() as session:
            started = campaigns.start_due(
                session, brand=self.desk.parts.brand, rules=self.asked, now=now
            )
        begun = [one for each in due if (one := each.come_due(now)) is not None]
        assert len(started) == len(begun)
        for each in map(self.desk.look, started):
            life = self.lives.get(each.campaign_id) or self._newest_time(each)
            assert life in begun
            self.lives[each.campaign_id] = life
            self.begins(life, each)
            self.met["started by the clock"] += 1
            self._count_time(life, each)
        self.met["not started by the clock"] += len(due) - len(begun)

    def _count_time(self, life: Life, campaign: Campaign) -> None:
        if campaign.series_id is not None:
            self.met["a time of its own"] += 1
            self.met["a second time"] += len(self.lives[campaign.series_id].times) > 1
        self.met["the last time"] += life.plan is not None and life.plan.times > 1

    def _newest_time(self, campaign: Campaign) -> Life:
        assert campaign.series_id is not None
        return self.lives[campaign.series_id].times[-1]

    def choose_what_is_due(self) -> None:
        """Choose for those who wait: not before the sample's time is over, and then without fail."""
        ready = {each for each, life in self.lives.items() if self._must_be_chosen(life)}
        chosen = {each.campaign_id: each for each in decide(self.desk)}
        assert ready <= set(chosen)
        for each, campaign in chosen.items():
            self._chosen(self.lives[each], campaign)
        self.looked_at = self.desk.now

    def _must_be_chosen(self, life: Life) -> bool:
        trial = life.trial
        if trial is None or trial.is_chosen or life.state != "sending":
            return False
        wait_is_over = self.desk.now >= self.in_hand_at + WAIT and self._may_be_chosen(life, trial)
        return self._is_too_late(life) or (
            wait_is_over and self.desk.now >= self.looked_at + LOOKS_AGAIN
        )

    def _may_be_chosen(self, life: Life, trial: Trial) -> bool:
        """Say whether all of the sample were tried, and so long ago that it may be looked at."""
        account, mailing = self.accounts[life.mailing or 0], life.mailing or 0
        untried = [
            who
            for who in trial.sample
            if account[who] == "to_go" and (mailing, who) not in self.answers
        ]
        assert trial.tried_at is not None
        return not untried and self.desk.now >= trial.tried_at + WAIT

    def _is_too_late(self, life: Life) -> bool:
        return life.deadline is not None and life.deadline <= self.desk.now

    def _chosen(self, life: Life, campaign: Campaign) -> None:
        trial, choice = life.trial, campaign.choice
        assert trial is not None
        assert choice is not None
        assert (life.state, trial.is_chosen) == ("sending", False)
        is_late = self._is_too_late(life)
        assert is_late or self._may_be_chosen(life, trial)
        number = 1 if trial.otherwise == "first" and not is_late else None
        assert choice.variant == (NAMES[number - 1] if number else None)
        assert choice.how is (How.TOO_LATE if is_late else How.TOO_FEW)
        trial.choose(number)
        life.story.append(Line("chosen", CLOCK))
        self.met["chosen by the clock"] += 1

    def stop_and_finish(self) -> None:
        now = self.desk.now
        with self.database.transaction() as session:
            stopped = campaigns.brake_stopped(session, now=now)
            finished = campaigns.finish_done(session, now=now)
        fell = {each for each, life in self.lives.items() if life.look_at_brake()}
        assert set(stopped) == fell
        done = {each for each, life in self.lives.items() if self.is_done(life)}
        assert set(finished) == done
        for each in done:
            self.lives[each].finish()
        self.met["braked"] += len(fell)
        self.met["finished"] += len(done)
