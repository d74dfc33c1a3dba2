"""An office that makes campaigns, with its clock, its sender and a provider of many moods."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from json import dumps
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine

from mailer import campaigns
from mailer.campaigns import Audience, Campaign, CampaignId, NewCampaign, Plan, Split
from mailer.campaigns.audience import lists
from mailer.campaigns.audience.rules import OnList
from mailer.delivery import Brake, Clocks, Limits, News, OptOuts, Reaper, Sender
from mailer.failpoints import Failpoint, acting
from mailer.letters import PromotionalContent
from mailer.providers import Answer, Outgoing
from mailer.vocabulary import Heard, Lane, MailingId, PersonId, Topic
from mailer.wiring import build_sender
from tests.campaigns import on_file
from tests.campaigns.conftest import Desk
from tests.campaigns.life import STEERED, Life, Line, Wish
from tests.campaigns.life_plans import When
from tests.campaigns.life_trials import Trial
from tests.campaigns.witness import Died, Offer, Witness, is_later, mailing_of, subject_of
from tests.people_of_tests import TestPerson

MARIA, ANNA, LI = STAFF = ("api_key:1", "api_key:7", "command_line:Li Wei")
CLOCK, TESTER = "clock", "tester@focalpointsystem.com"
FEW, MANY = 5, 8
"""People of a campaign that nobody needs to approve, and of one that somebody must."""
BRAKE = Brake(complaints=10, hard_bounces=10, rejected=10, unknown=10, after=3)
SLOW = Limits(per_hour=3)
examples = count()


class Office(RuleBasedStateMachine):
    """Three of staff, eight customers, a clock that ticks when it likes."""

    def __init__(self, desk: Desk, met: Counter[str]) -> None:
        super().__init__()
        self.desk, self.database, self.met = desk, desk.database, met
        self.example, self.letters = next(examples), count(1)
        self.lives: dict[CampaignId, Life] = {}
        self.offers: list[Offer] = []
        self.may_begin: set[int | None] | None = None
        """The mailings that were sending when the sender of now asked the gate; None before."""
        self.in_hand_at = desk.now
        """When a batch was last taken in hand."""
        self.looked_at = desk.now
        """When the clock last looked at samples."""
        self.silent: set[int] = set()
        """Who said no, complained, or has no mailbox."""
        self.lost: set[tuple[int, int]] = set()
        """Who was in hand when a sender died."""
        self.answers: dict[tuple[int, int], Answer] = {}
        """What a sender that lived heard last of each person of a mailing."""
        self.taken: set[tuple[int, int]] = set()
        """Whose mail of a mailing may be in their mailbox: something can be heard of it."""
        self.heard: set[tuple[int, int, str]] = set()
        self.accounts: dict[int, dict[int, str]] = {}
        self.provider = Witness(self.offered)
        self.waited = 0.0
        self.opt_outs = self._opt_outs()
        self.reaper = Reaper(self.seconds)
        self.sender = self._sender()
        self.asked = replace(desk.parts.rules, approval_above=FEW)
        self._open()

    def seconds(self) -> float:
        return self.desk.now.timestamp()

    def _opt_outs(self) -> OptOuts:
        """An opt-out that waits for a batch in hand by a clock of its own, in no time."""

        def sleep(seconds: float) -> None:
            self.waited += seconds

        parts, numbers = self.desk.parts, count()
        clocks = Clocks(lambda: self.desk.now, monotonic=lambda: self.waited, sleep=sleep)
        return OptOuts(
            parts.database, parts.vault, parts.journal, clocks, lambda: f"P-{next(numbers)}"
        )

    def _sender(self) -> Sender:
        return build_sender(self.desk.parts, provider=self.provider, sleep=lambda _: None)

    def _open(self) -> None:
        """Let eight customers come, on two lists."""
        self.desk.later(days=1)
        self.people: list[TestPerson] = self.desk.crowd(
            MANY, email=f"customer{{}}-{self.example}@example.com"
        )
        self.lists = {size: self._listed(size) for size in (FEW, MANY)}
        self.before = on_file.newest_mailing(self.database)

    def _listed(self, size: int) -> int:
        now = self.desk.now
        with self.database.transaction() as session:
            made = lists.create_list(session, name=f"{size}/{self.example}", by=MARIA, now=now)
            some = [each.person_id for each in self.people[:size]]
            lists.put_on_list(session, made.list_id, some, by=MARIA, now=now)
        return made.list_id

    def teardown(self) -> None:
        """Leave nothing that a later example's sender could find."""
        for each, life in self.lives.items():
            if not life.is_over:
                self.desk.do("cancel", each)
        self.sender.close()

    # Acts

    def written(
        self, letter: str, size: int, trial: Trial | None, *, is_slow: bool = False
    ) -> NewCampaign:
        content = PromotionalContent.sample().model_copy(update={"subject": letter})
        audience = Audience(rule=OnList(id=self.lists[size]))
        pace = SLOW if is_slow else None
        split = Split.model_validate_json(dumps(trial.stored(letter))) if trial else None
        topic = Topic.COMPANY_NEWS
        return NewCampaign("Autumn", topic, content, audience, pace, split, brake=BRAKE)

    def call(self, campaign: CampaignId, wish: Wish) -> None:
        """Ask the product for it, as a door does."""
        match wish.act:
            case "edit":
                self._edit(campaign, wish)
            case "test":
                self._test(campaign, wish)
            case _:
                name = {"pace": "set_pace", "brake": "set_brake"}.get(wish.act, wish.act)
                why = {"reason": wish.reason} if wish.act in STEERED else {}
                self.desk.do(name, campaign, by=wish.by, **why, **self._with(wish))

    def _with(self, wish: Wish) -> dict[str, Any]:
        seen = {"revision": "0" * 16} if wish.is_stale else {}
        more: dict[str, dict[str, Any]] = {
            "start": {"rules": self.asked},
            "approve": {"rules": self.asked, **seen},
            "schedule": {"rules": self.asked, "plan": _plan(wish.plan)},
            "pace": {"pace": None},
            "brake": {"own": BRAKE, "installation": self.asked.brake},
            "choose": {"variant": wish.variant},
        }
        return more.get(wish.act, {})

    def _edit(self, campaign: CampaignId, wish: Wish) -> None:
        life = self.lives[campaign]
        new = self.written(wish.letter, len(life.people), life.trial)
        brand, now = self.desk.parts.brand, self.desk.now
        with self.database.transaction() as session:
            campaigns.edit(session, campaign, new, brand=brand, by=wish.by, now=now)

    def _test(self, campaign: CampaignId, wish: Wish) -> None:
        parts = self.desk.parts
        with self.database.transaction() as session:
            campaigns.send_test(
                session,
                parts.vault,
                campaign,
                to=[TESTER],
                brand=parts.brand,
                rules=self.asked,
                by=wish.by,
                now=self.desk.now,
            )

    def begins(self, life: Life, campaign: Campaign) -> None:
        """Take note of a campaign's mailing, and of who was drawn for what."""
        life.mailing = campaign.mailing_id
        if life.trial is not None and life.mailing is not None:
            life.trial.tried_at = self.desk.now
            life.trial.drawn = on_file.drawn(self.database, life.mailing)
            assert set(life.trial.drawn) == life.people, "somebody was not drawn"

    def came(self, campaign: CampaignId, life: Life, by: str) -> None:
        life.story.append(Line("created", by))
        self.lives[campaign] = life

    def life_of(self, mailing: int) -> Life | None:
        return next((each for each in self.lives.values() if each.mailing == mailing), None)

    def campaign_of(self, mailing: int) -> CampaignId:
        return next(each for each, life in self.lives.items() if life.mailing == mailing)

    def chosen(self, n: int) -> CampaignId:
        """Choose a campaign, most often one that is not over."""
        living = [each for each, life in self.lives.items() if not life.is_over]
        some = living if living and n < 8 else list(self.lives)
        return some[n % len(some)]

    def hear(self, where: list[tuple[int, int]], heard: Heard) -> None:
        detail = "5.1.1 no such mailbox" if heard is Heard.BOUNCED else ""
        self.opt_outs.hear(
            *(
                News(MailingId(mailing), PersonId(person), heard, self.desk.now, 550, detail)
                for mailing, person in where
            )
        )
        for mailing, person in where:
            if (mailing, person, heard.value) in self.heard:
                continue
            self.heard.add((mailing, person, heard.value))
            life = self.life_of(mailing)
            assert life is not None
            life.heard[heard.value] += 1
            if heard is not Heard.DELIVERED:
                self.silent.add(person)
        self.account()

    # The sender

    def deliver(self, lane: Lane, point: Failpoint, act: Callable[[], object]) -> None:
        """Let a sender deliver one batch; something happens, once, when it comes to a point."""
        done: list[Failpoint] = []
        self.may_begin = None

        def at(reached: Failpoint) -> None:
            if reached is Failpoint.IN_HAND:
                self.in_hand_at = self.desk.now
            if reached is Failpoint.GATE_DECIDED:
                self.may_begin = {each.mailing for each in self.lives.values() if each.may_leave}
            if reached is point and not done:
                done.append(point)
                act()

        begun, is_alive = len(self.provider.told), True
        try:
            with acting(at):
                self.sender.deliver_one(lane)
        except Died:
            is_alive = False
            self.met["died"] += 1
        self.learn(begun, is_alive=is_alive)

    def offered(self, message: Outgoing) -> None:
        """Judge, at this very moment, whether a message may be here."""
        mailing, person = mailing_of(message), int(message.person_id)
        life = self.life_of(mailing)
        if life is None:
            assert message.recipient == TESTER, "nobody knows this mailing"
            self.met["tested"] += 1
            return
        before, subject = self.answers.get((mailing, person)), subject_of(message)
        wrongs = {
            f"it was not sending when the gate was asked; it is {life.state}": (
                self.may_begin is None or mailing not in self.may_begin
            ),
            "not in the audience": person not in life.people,
            f"another letter: {subject}": subject != life.subject_for(person),
            "they said no": person in self.silent,
            "it is too late": life.deadline is not None and self.desk.now > life.deadline,
            f"offered before: {before}": before is not None and not is_later(before),
            "the sender died with them in hand": (mailing, person) in self.lost,
        }
        wrong = "; ".join(each for each, is_so in wrongs.items() if is_so)
        self.offers.append(Offer(mailing, person, wrong))
        if life.trial is not None and person in life.trial.sample:
            life.trial.tried_at = self.desk.now
        self.met["begun though paused"] += life.state == "paused"
        self.met["begun though cancelled"] += life.state == "cancelled"

    def learn(self, begun: int, *, is_alive: bool) -> None:
        """Take over what the provider answered, and who is lost with a dead sender."""
        for message, answer in self.provider.told[begun:]:
            where = mailing_of(message), int(message.person_id)
            life = self.life_of(where[0])
            if life is None:
                continue
            self.met[type(answer).__name__] += 1
            if type(answer).__name__ in ("Accepted", "Unknown"):
                self.taken.add(where)
            if is_alive:
                self.answers[where] = answer
                if getattr(answer, "about_person", False):
                    life.heard["bounced"] += 1
                    self.silent.add(where[1])
        if not is_alive:
            self.lost |= {(row.mailing_id, row.person_id) for row in self.rows("handing")}

    def sweep(self) -> int:
        with self.database.transaction() as session:
            return self.reaper.reap(session, reply_timeout=timedelta(seconds=60), now=self.desk.now)

    # Looking

    def account(self) -> None:
        """Look everybody up, and let the brake fall where it must have fallen."""
        self.accounts = {life.mailing: {} for life in self.lives.values() if life.mailing}
        for row in self.rows():
            account = self.accounts[row.mailing_id]
            assert row.person_id not in account, "somebody is accounted for twice"
            account[row.person_id] = row.outcome
        for life in self.lives.values():
            if life.mailing is not None and life.state != "cancelled":
                life.judge(self.outcomes(life))

    def rows(self, batch: str | None = None) -> list[Any]:
        rows = on_file.accounts(self.database, self.mailings)
        return [
            row for row in rows if batch is None or (row.batch == batch and row.outcome == "to_go")
        ]

    @property
    def is_any_under_way(self) -> bool:
        """Say whether somebody waits whose campaign may leave."""
        return any(life.may_leave and self.outcomes(life)["to_go"] for life in self.lives.values())

    @property
    def waiting(self) -> list[CampaignId]:
        """Return the campaigns under way of which some wait for a choice."""
        return [
            each
            for each, life in self.lives.items()
            if life.trial and not life.trial.is_chosen and life.state == "sending"
        ]

    @property
    def mailings(self) -> list[int]:
        return [life.mailing for life in self.lives.values() if life.mailing is not None]

    def outcomes(self, life: Life) -> Counter[str]:
        return Counter(self.accounts.get(life.mailing or 0, {}).values())

    def is_done(self, life: Life) -> bool:
        return life.state in {"sending", "paused"} and not self.outcomes(life)["to_go"]

    def everything(self) -> list[str]:
        first = min(self.lives, default=CampaignId(0))
        return on_file.everything(self.database, first=first, before=self.before)


def _plan(when: When | None) -> Plan | None:
    return None if when is None else Plan.model_validate(when.stored())
