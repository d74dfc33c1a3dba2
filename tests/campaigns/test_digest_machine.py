"""What the cap held back is told of once, to whom it is owed and to nobody else, in any order.

Hypothesis plays staff who send letters, send them again and steer them, digests that are cut and
leave or wait, customers who say no and yes, and a provider that says nothing or refuses. Beside them
goes a small model (`digest_model.py`). After each step the next digest would tell everybody of what
they are owed, and nobody of anything else; whatever came to the provider was judged as it came.
`tests/playing.py` says how to play longer.
"""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from mailer.failpoints import Failpoint
from mailer.providers import Answer, Rejected, Unknown
from mailer.vocabulary import Topic
from tests.campaigns.conftest import BOTH, DigestDesk
from tests.campaigns.digest_model import Mailing
from tests.campaigns.digest_office import DAYS, NAMES, NEWS, UPDATES, DigestOffice
from tests.campaigns.life_choices import BEFORE_THE_GATE
from tests.playing import play_from_each

which = st.integers(0, 9)
somebody = st.integers(0, len(NAMES) - 1)
topics = st.sampled_from(BOTH)
nos = st.sampled_from([frozenset({NEWS}), frozenset({UPDATES}), frozenset(BOTH)])
ENDS = {"pause": "paused", "resume": "sending", "cancel": "cancelled"}
MOODS: list[Answer] = [
    Unknown("no answer came"),
    Rejected(554, "5.7.1 not from you", about_person=False),
]
MOST = 10
"""Mailings of a play, so that it stays short."""
FAR = ["sent again", "refused by the cap", "all of it ended", "a part of it ended"]
"""How far a play is when it begins."""
MET = ["told", "told by a later digest", "fell out of a set", "digest not.cap", "digest not.late"]
MET += [
    "digest not.topic",
    "digest not.all",
    "digest not.same",
    "letter not.cap",
    "letter not.same",
    "yes again",
]


class DigestLife(DigestOffice):
    """Letters that are held back, and the digests that tell of them."""

    def __init__(self, desk: DigestDesk, met: Counter[str], far: str) -> None:
        super().__init__(desk, met)
        self.far = far

    @initialize(about=topics)
    def much_is_there(self, about: Topic) -> None:
        for each in (NEWS, about, UPDATES):
            self.a_letter_is_sent(each, leaves=True)
        self.days_pass(1 if self.far == "refused by the cap" else 8)
        if self.far == "sent again":
            self.a_letter_is_sent_again(1, leaves=True)
        else:
            self.a_digest_is_cut()
            self.goes_on()

    def goes_on(self) -> None:
        match self.far:
            case "refused by the cap":
                self.mail_leaves()
                self.days_pass(8)
                self.a_digest_is_cut()
                self.mail_leaves()
            case "all of it ended":
                for each in self.model.letters:
                    self.steer(each, "cancel")
                self.mail_leaves()
            case "a part of it ended":
                self.a_part_of_it_ends()

    def a_part_of_it_ends(self) -> None:
        """A letter is paused while two say no; later it goes on, and one of them comes back."""
        paused = self.model.letters[1]
        self.steer(paused, "pause")
        self.a_no_is_said(0, frozenset({UPDATES}))
        self.everything_is_stopped(1)
        self.mail_leaves()
        self.steer(paused, "resume")
        self.a_yes_is_said(0)

    @property
    def has_room(self) -> bool:
        return len(self.model.mailings) < MOST

    # Staff

    @precondition(lambda self: self.has_room)
    @rule(topic=topics, leaves=st.booleans())
    def a_letter_is_sent(self, topic: Topic, leaves: bool) -> None:
        self.start_letter(self.new_letter(), topic)
        if leaves:
            self.mail_leaves()

    @precondition(lambda self: self.model.letters and self.has_room)
    @rule(n=which, leaves=st.booleans())
    def a_letter_is_sent_again(self, n: int, leaves: bool) -> None:
        old = self.model.letters[n % len(self.model.letters)]
        self.start_letter(old.letter, old.topic)
        if leaves:
            self.mail_leaves()

    @precondition(lambda self: self.model.owed(DAYS, self.desk.now) and self.has_room)
    @rule()
    def a_digest_is_cut(self) -> None:
        digest = self.cut()
        self.met["told by a later digest"] += bool(digest.sets) and len(self.model.digests) > 1

    @precondition(lambda self: bool(self.steerable))
    @rule(n=which, act=st.sampled_from(["pause", "resume", "resume", "cancel"]))
    def staff_steer(self, n: int, act: str) -> None:
        self.steer(self.steerable[-1 - n % len(self.steerable)], act)

    @property
    def steerable(self) -> list[Mailing]:
        return [
            each
            for each in self.model.mailings.values()
            if not each.is_finished and each.state != "cancelled"
        ]

    def steer(self, mailing: Mailing, act: str) -> None:
        self.desk.do(act, self.campaigns[mailing.number])
        mailing.state = ENDS[act]

    # Customers

    @rule(who=somebody, what=nos)
    def a_no_is_said(self, who: int, what: frozenset[Topic]) -> None:
        person = self.people[who]
        self.desk.wish(person, topics_off=what)
        self.model.nos |= {(int(person.person_id), each) for each in what}

    @rule(who=somebody)
    def everything_is_stopped(self, who: int) -> None:
        person = self.people[who]
        self.desk.wish(person, stop_all=True)
        self.model.stops.add(int(person.person_id))

    @rule(who=somebody)
    def a_yes_is_said(self, who: int) -> None:
        """To both topics: it ends their own nos, and nobody else's."""
        person, number = self.people[who], int(self.people[who].person_id)
        self.desk.wish(person, topics_on=frozenset(BOTH), words="Send me these by e-mail.")
        own = {each for each in self.model.nos if each[0] == number}
        self.met["yes again"] += bool(own) or number in self.model.stops
        self.model.nos -= own
        self.model.stops.discard(number)

    # The provider, the sender and the clock

    @rule(who=somebody, mood=st.sampled_from(MOODS))
    def the_provider_will_say(self, who: int, mood: Answer) -> None:
        self.provider.answer_for(self.people[who].email, mood)

    @rule()
    def mail_leaves(self) -> None:
        self.leave(Failpoint.CLAIMED, lambda: None)
        waiting = [each for each in self.model.mailings.values() if each.stands and each.in_line]
        assert waiting == []

    @rule(
        point=st.sampled_from(BEFORE_THE_GATE),
        what=st.sampled_from(["no", "stop", "pause", "cancel"]),
        n=which,
        who=somebody,
    )
    def something_happens_while_mail_is_on_its_way(
        self, point: Failpoint, what: str, n: int, who: int
    ) -> None:
        acts: dict[str, Callable[[], object]] = {
            "no": lambda: self.a_no_is_said(who, frozenset({UPDATES})),
            "stop": lambda: self.everything_is_stopped(who),
            "pause": lambda: self.steerable and self.staff_steer(n, "pause"),
            "cancel": lambda: self.steerable and self.staff_steer(n, "cancel"),
        }
        self.leave(point, acts[what])

    @rule(days=st.sampled_from([1, 5, 8]))
    def days_pass(self, days: int) -> None:
        self.desk.later(days=days)

    @rule()
    def the_clock_ticks(self) -> None:
        """What nobody waits for is finished, and nobody steers it any more."""
        self.desk.tick()
        for each in self.steerable:
            each.is_finished = not each.in_line

    # What is always true

    @invariant()
    def the_next_digest_would_tell_everybody_of_what_they_are_owed(self) -> None:
        self.settle()
        owed = self.model.owed(DAYS, self.desk.now)
        ahead = self.desk.ahead(self.next_one)
        told = Counter(letter for letters in owed.values() for letter in letters)
        assert {each.subject: each.people for each in ahead.told_of} == dict(told)
        assert ahead.audience == len(owed)

    @invariant()
    def nothing_came_to_the_provider_that_should_not_have(self) -> None:
        assert self.wrongs == []

    @invariant()
    def no_mailbox_was_told_of_a_letter_twice(self) -> None:
        assert set(self.model.told.values()) <= {1}


@pytest.mark.clause("C07")
@pytest.mark.timeout(600)
def test_what_was_held_back_is_told_once_in_any_order(capped: DigestDesk) -> None:
    met: Counter[str] = Counter()
    play_from_each(FAR, lambda far: DigestLife(capped, met, far), examples=3, steps=10)
    for what in MET:
        assert met[what], f"{what} was never met: {met}"
