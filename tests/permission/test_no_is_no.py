"""No is no until the person's own later yes, whatever else happens, in any order (C08).

Hypothesis plays people, the shop, support, mailboxes and staff over the real rooms. After each step
the one decision is asked for everybody and every topic, and held against the last words
(`last_words.py`) that the test has kept itself. `tests/playing.py` says how to play longer.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mailer import delivery, people, permission, support
from mailer.delivery import NewMailing, News, Sender
from mailer.delivery.books import NO_MAILING
from mailer.delivery.facts import Limits, facts_of
from mailer.letters import PromotionalContent
from mailer.people import AudienceFilter, audience_of
from mailer.permission import NO_CAP, NewSuppression, OptOutIsTheirs, decide
from mailer.vocabulary import (
    Allowed,
    Door,
    Heard,
    Lane,
    MailingId,
    PersonId,
    Scope,
    Stream,
    SuppressionReason,
    Topic,
)
from mailer.wiring import build_sender
from tests.campaigns.conftest import Desk
from tests.campaigns.conftest import desk as desk  # noqa: PLC0414 - a fixture
from tests.permission.comings import TOPICS, Comings, some, somebody, somewhere, topic
from tests.playing import plays

LONG = timedelta(days=3650)
"""A pause that no example outlives."""
WITHOUT_A_PAGE = -1


@dataclass(frozen=True)
class Page:
    """A preference page in somebody's browser."""

    person: PersonId
    at: str
    version: int
    opened: int


class NoIsNo(Comings):
    """People, a shop, support, mailboxes and staff."""

    def __init__(self, desk: Desk, sender: Sender, folder: Path, met: Counter[str]) -> None:
        super().__init__(desk, sender, folder, met)
        self.pages: list[Page] = []
        self.mails: list[tuple[MailingId, PersonId, str]] = []

    @initialize()
    def two_customers_come(self) -> None:
        with self.database.transaction() as session:
            for n in range(4):
                found = people.address_id_of(
                    session, self.desk.parts.vault, self.address(n), create=True
                )
                assert found is not None
                self.number_of[self.address(n)] = found
        for n in range(2):
            self.register(n)
            self.a_yes_is_said_on_the_page_of_now(n, set(TOPICS))

    # What they say

    @rule(who=somebody)
    def a_page_is_opened(self, who: int) -> None:
        person = self.tick(who)
        if person is None:
            return
        with self.database.reading() as session:
            standing = permission.standing_of(session, person)
        assert standing is not None
        home = self.words.people[person].home
        self.pages.append(Page(person, home, standing.version, self.step))

    @rule(who=somebody, on=some)
    def a_yes_is_said_on_the_page_of_now(self, who: int, on: set[Topic]) -> None:
        self.a_page_is_opened(who)
        if self.words.living():
            self.saved(self.pages[-1], on, set(), resume=False)

    @precondition(lambda self: bool(self.pages))
    @rule(which=st.integers(0, 20), on=some, off=st.sets(topic), resume=st.booleans())
    def a_page_is_saved(self, which: int, on: set[Topic], off: set[Topic], resume: bool) -> None:
        """In whichever browser tab: a yes of an old one is asked again, a no always holds."""
        self.tick()
        self.saved(self.pages[which % len(self.pages)], on - off, off, resume=resume)

    def saved(self, page: Page, on: set[Topic], off: set[Topic], *, resume: bool) -> None:
        human = self.words.people[self.words.whois(page.person)]
        if human.gone and not off:
            return
        change = self.said(
            Door.PREFERENCE_PAGE, on=on, off=off, resume=resume, seen_version=page.version
        )
        done = self.opt_outs.change(page.person, change, address_id=self.number_of[page.at])
        self.words.no(page.person, off, self.step, at=page.at)
        self.words.yes(page.person, on - done.stale, self.step, page=page.opened)
        if resume and page.opened > human.paused and "pause" not in done.stale_manners:
            human.paused = 0
        self.met["stale"] += bool(done.stale)

    @rule(who=somebody, topics=some)
    def a_yes_comes_without_a_page(self, who: int, topics: set[Topic]) -> None:
        """As the shop's own form passes it on, which may be anybody's: it loosens nothing."""
        person = self.tick(who)
        if person is None:
            return
        change = self.said(Door.API, on=topics, seen_version=WITHOUT_A_PAGE)
        assert self.opt_outs.change(person, change).stale == topics

    @rule(which=somebody, n=somewhere)
    def one_click(self, which: int, n: int) -> None:
        """By the link of a mail that anybody ever got, merged and erased since or not."""
        self.tick()
        person = list(self.words.people)[which % len(self.words.people)]
        homes = sorted(self.words.people[person].ever)
        self.stopped(person, homes[n % len(homes)], set())

    @rule(who=somebody, topics=some)
    def unsubscribe_from_topics(self, who: int, topics: set[Topic]) -> None:
        person = self.tick(who)
        if person is not None:
            self.stopped(person, self.words.people[person].home, topics)

    def stopped(self, person: PersonId, at: str, topics: set[Topic]) -> None:
        change = self.said(Door.ONE_CLICK, off=topics, stop_all=not topics)
        self.opt_outs.change(person, change, address_id=self.number_of[at])
        self.words.no(person, topics or set(Topic), self.step, at=at)
        self.met["no"] += 1

    @rule(who=somebody)
    def pause(self, who: int) -> None:
        person = self.tick(who)
        if person is None:
            return
        change = self.said(Door.PREFERENCE_PAGE, paused_until=self.desk.now + LONG)
        self.opt_outs.change(person, change)
        self.words.people[person].paused = self.step

    # What support, staff and mailboxes say

    @rule(n=somewhere, scope=st.sampled_from(Scope), which=topic)
    def support_removes(self, n: int, scope: Scope, which: Topic) -> None:
        self.tick()
        at, one = self.address(n), scope is Scope.TOPIC
        support.remove(
            self.database,
            self.desk.parts.vault,
            self.opt_outs,
            at,
            support.Removal(scope, which if one else None),
            by=support.Remover(Door.SUPPORT, "command_line:Li Wei", self.desk.now),
        )
        topics, found = {which} if one else set(Topic), self.words.ever_at(at)
        for person in found:
            self.words.no(person, topics, self.step)
        if not found and scope is not Scope.ALL:
            self.words.no_at(at, topics, self.step)
        if scope is Scope.ALL:
            self.blocked(found, {at}.union(*(self.words.people[each].ever for each in found)))
        self.met["removed"] += 1

    @rule(n=somewhere, reason=st.sampled_from(["imported", "manual"]))
    def a_list_of_nos_names_an_address(self, n: int, reason: str) -> None:
        self.tick()
        why, at = SuppressionReason(reason), self.address(n)
        self.opt_outs.suppress(
            NewSuppression(Scope.PROMOTIONAL, why, Door.API, address_id=self.number_of[at])
        )
        self.blocked([], {at})

    @rule(which=st.integers(0, 30))
    def staff_lift_what_they_may(self, which: int) -> None:
        self.tick()
        with self.database.transaction() as session:
            page = permission.suppressions_page(
                session, limit=1000, address_ids=list(self.number_of.values())
            )
            if not page:
                return
            record = page[which % len(page)]
            if record.reason in {SuppressionReason.OPT_OUT, SuppressionReason.COMPLAINT}:
                with pytest.raises(OptOutIsTheirs):
                    permission.lift(session, record.id, why="marketing asked", now=self.desk.now)
                return
            permission.lift(session, record.id, why="it was a mistake", now=self.desk.now)
        self.words.blocks.pop(self.since[record.since], None)
        self.met["lifted"] += 1

    @rule(which=topic)
    def a_campaign_leaves(self, which: Topic) -> None:
        """To everybody: the real gate has the last word, and hands over to the fake provider."""
        self.tick()
        mailing = self.prepared(which)
        self.desk.provider.accepted.clear()
        while self.sender.deliver_one(Lane.PROMOTIONAL):
            pass
        got = [each.person_id for each in self.desk.provider.accepted]
        assert [each for each in got if not self.words.mailable(each, which)] == []
        self.mails += [(mailing, each, self.words.people[each].home) for each in got]
        self.met["mailed"] += len(got)

    def prepared(self, which: Topic) -> MailingId:
        content = PromotionalContent.sample().model_dump(mode="json")
        key = f"campaign:{self.example}-{self.step}"
        new = NewMailing(key, "promotional", Stream.PROMOTIONAL, which, content=content)
        with self.database.transaction() as session:
            mailing = delivery.create_mailing(session, new, now=self.desk.now)
            assert mailing is not None
            everybody = audience_of(AudienceFilter(frozenset(self.words.living())))
            delivery.prepare_audience(session, mailing, everybody, now=self.desk.now)
        return mailing

    @precondition(lambda self: bool(self.mails))
    @rule(which=st.integers(0, 20), heard=st.sampled_from(Heard))
    def something_is_heard_of_a_mail(self, which: int, heard: Heard) -> None:
        """Late, twice, of somebody who was merged or erased meanwhile: a delivery lifts nothing."""
        self.tick()
        mailing, person, at = self.mails[which % len(self.mails)]
        detail = "5.1.1 no such mailbox" if heard is Heard.BOUNCED else ""
        before = len(self.nos())
        self.opt_outs.hear(News(mailing, person, heard, self.desk.now, 550, detail))
        self.met[heard] += 1
        if len(self.nos()) == before:
            return  # it was heard before, or is no reason for anything
        who = self.words.whois(person)
        if heard is Heard.BOUNCED:
            self.blocked([], {at}, travels=False)
        elif heard is Heard.COMPLAINED:
            self.blocked([who], self.words.people[who].ever)

    def blocked(
        self, who: Collection[PersonId], at: Collection[str], *, travels: bool = True
    ) -> None:
        self.words.block(self.step, who, at, travels=travels)

    def nos(self) -> list[permission.SuppressionRecord]:
        with self.database.reading() as session:
            return permission.suppressions_page(
                session, limit=10_000, address_ids=list(self.number_of.values())
            )

    # What is true after every step

    @invariant()
    def nobody_is_mailed_against_their_last_word(self) -> None:
        homes = self.homes()
        assert homes.keys() == set(self.words.living())
        with self.database.reading() as session:
            told = facts_of(
                session,
                homes,
                NO_MAILING,
                zoned=False,
                limits=Limits.OWN,
                cap=NO_CAP,
                now=self.desk.now,
            )
        for same in told:
            for which in TOPICS:
                verdict = decide(Stream.PROMOTIONAL, which, same.facts, now=self.desk.now)
                for person in same.versions:
                    self.compare(person, which, is_allowed=isinstance(verdict, Allowed))

    def compare(self, person: PersonId, which: Topic, *, is_allowed: bool) -> None:
        wanted = self.words.mailable(person, which)
        assert wanted or not is_allowed, f"{person} said no to {which}"
        if self.words.people[person].plain:
            assert is_allowed or not wanted, f"{person} said yes to {which} and nobody else spoke"
            self.met["plain"] += wanted


@pytest.mark.clause("C08")
@pytest.mark.timeout(600)
def test_no_is_no_until_the_persons_own_later_yes(desk: Desk, tmp_path: Path) -> None:
    met: Counter[str] = Counter()
    sender = build_sender(desk.parts, provider=desk.provider)
    run_state_machine_as_test(
        lambda: NoIsNo(desk, sender, tmp_path, met),  # type: ignore[arg-type]
        settings=plays(examples=30, steps=20),
    )
    sender.close()
    for what in ("no", "stale", "listed", "moved", "merged", "erased", "mailed", "plain"):
        assert met[what], f"{what} was never met: {met}"
