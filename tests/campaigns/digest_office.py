"""An office under a cap that cuts digests, with a provider that judges each message as it comes."""

import re
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes
from itertools import count

from hypothesis.stateful import RuleBasedStateMachine
from sqlalchemy import text

from mailer import campaigns
from mailer.campaigns import Audience, CampaignId, Digest, NewCampaign
from mailer.campaigns.audience import lists
from mailer.campaigns.audience.rules import OnList
from mailer.failpoints import Failpoint, acting
from mailer.letters import PromotionalContent
from mailer.providers import Outgoing
from mailer.vocabulary import Lane, Topic
from mailer.wiring import build_sender
from tests.campaigns.conftest import BOTH, BY, DigestDesk
from tests.campaigns.digest_model import Mailing, Outcome, Person, Told
from tests.campaigns.witness import Witness, mailing_of
from tests.people_of_tests import TestPerson

NEWS, UPDATES = BOTH
DIGEST = "All in one mail"
DAYS = 20
"""How far back the digests of a play look."""
NAMES = ("Anna", "Kenji", "Jo", "Mia", "Max")
"""The last two have one mailbox."""
LETTER = re.compile(r"Letter \d{6}")
letters, examples = count(1), count(1)
_OUTCOMES = text(
    """
    SELECT b.mailing_id, u.person_id, e.reason, e.at, coalesce(e.outcome, CASE b.state
        WHEN 'settled' THEN 'accepted' WHEN 'unknown' THEN 'unknown'
        WHEN 'cancelled' THEN 'cancelled' ELSE 'to_go' END) AS outcome
    FROM delivery_batch b JOIN delivery_roster r ON r.batch_id = b.id
    CROSS JOIN LATERAL unnest(r.persons) AS u(person_id)
    LEFT JOIN delivery_exception e ON e.batch_id = b.id AND e.person_id = u.person_id
    WHERE b.mailing_id = ANY(:mailings)
    """
)
_SETS = text(
    """
    SELECT u.person_id, item.told ->> 'heading' AS letter
    FROM delivery_mailing m JOIN delivery_batch b ON b.mailing_id = m.id
    JOIN delivery_roster r ON r.batch_id = b.id
    CROSS JOIN LATERAL unnest(r.persons) AS u(person_id)
    CROSS JOIN LATERAL jsonb_array_elements(m.content -> 'held_back')
        WITH ORDINALITY AS item(told, number)
    WHERE m.id = :mailing AND (b.variant >> (item.number - 1)::integer) & 1 = 1
    """
)


class DigestOffice(RuleBasedStateMachine):
    """Five customers at four mailboxes, who get one promotional mail a week."""

    def __init__(self, desk: DigestDesk, met: Counter[str]) -> None:
        super().__init__()
        self.desk, self.database, self.met = desk, desk.database, met
        self.model = Told()
        self.campaigns: dict[int, CampaignId] = {}
        """The campaign of each mailing."""
        self.answers: dict[tuple[int, int], str] = {}
        """What the provider said of each person of a mailing."""
        self.wrongs: list[str] = []
        desk.later(days=100)  # so that no digest looks back at an earlier play
        self.people = self._people(next(examples))
        self.audience = Audience(rule=OnList(id=self._listed()))
        self.provider = Witness(self._offered)
        self.sender = build_sender(desk.parts, provider=self.provider, sleep=lambda _: None)
        self.next_one = self._draft(DIGEST, NEWS, Digest(within_days=DAYS))

    def _people(self, example: int) -> list[TestPerson]:
        boxes = (*NAMES[:4], NAMES[3])
        some = [
            self.desk.shop_customer(f"{name} {example}", f"{box}-{example}@example.com".lower())
            for name, box in zip(NAMES, boxes, strict=True)
        ]
        for each in some:
            person = Person(int(each.person_id), int(each.address_id), each.email)
            self.model.people[person.number] = person
        return some

    def _listed(self) -> int:
        now = self.desk.now
        with self.database.transaction() as session:
            made = lists.create_list(session, name=f"All {self.people[0]}", by=BY, now=now)
            some = [each.person_id for each in self.people]
            lists.put_on_list(session, made.list_id, some, by=BY, now=now)
        return made.list_id

    def teardown(self) -> None:
        """Leave nothing that a later play's sender could find."""
        for each in self.model.mailings.values():
            if each.state != "cancelled" and not each.is_finished:
                self.desk.do("cancel", self.campaigns[each.number])
        self.sender.close()

    # Letters and digests

    def _draft(self, subject: str, topic: Topic, digest: Digest | None = None) -> CampaignId:
        content = PromotionalContent(
            subject=subject, heading=subject, body_markdown="There is something to say about it."
        )
        new = NewCampaign(subject, topic, content, self.audience, digest=digest)
        brand, now = self.desk.parts.brand, self.desk.now
        with self.database.transaction() as session:
            made = campaigns.create(session, new, brand=brand, by=BY, now=now)
        return made.campaign_id

    def start_letter(self, letter: str, topic: Topic) -> None:
        self._begun(self._draft(letter, topic), letter, topic)

    def new_letter(self) -> str:
        return f"Letter {next(letters):06}"

    def cut(self) -> Mailing:
        """Cut a digest: it tells everybody of what they are owed, no more and no less."""
        owed = self.model.owed(DAYS, self.desk.now)
        campaign = self._draft(DIGEST, NEWS, Digest(within_days=DAYS))
        digest = self._begun(campaign, DIGEST, NEWS, is_digest=True)
        assert digest.sets == owed
        return digest

    def _begun(
        self, campaign: CampaignId, letter: str, topic: Topic, *, is_digest: bool = False
    ) -> Mailing:
        self.desk.do("start", campaign)
        number = int(self.desk.look(campaign).mailing_id or 0)
        mailing = Mailing(number, topic, letter, self._sets(number) if is_digest else None)
        self.model.mailings[number], self.campaigns[number] = mailing, campaign
        self.settle()
        audience = self.model.people if mailing.sets is None else mailing.sets
        assert mailing.outcomes.keys() == audience.keys()
        return mailing

    def _sets(self, digest: int) -> dict[int, frozenset[str]]:
        """Read of which letters a digest tells whom."""
        with self.database.reading() as session:
            rows = session.execute(_SETS, {"mailing": digest}).all()
        found: dict[int, frozenset[str]] = {}
        for person, letter in rows:
            assert letter not in found.get(person, ()), "told of the same letter twice in one mail"
            found[person] = found.get(person, frozenset()) | {letter}
        return found

    # The sender

    def leave(self, point: Failpoint, act: Callable[[], object]) -> None:
        """Let all leave that is due; something happens, once, when the sender comes to a point."""
        done: list[Failpoint] = []

        def at(reached: Failpoint) -> None:
            if reached is point and not done:
                done.append(point)
                act()

        self.desk.later(seconds=2)
        with acting(at):
            while self.sender.deliver_one(Lane.PROMOTIONAL):
                self._learn()
        self._read_sets_again()
        self.settle()

    def _learn(self) -> None:
        """Take over what the provider answered about the last batch."""
        for message, answer in self.provider.told:
            mailing, who = self.model.mailings[mailing_of(message)], int(message.person_id)
            said = type(answer).__name__.lower()
            self.answers[mailing.number, who] = said
            if said in {"accepted", "unknown"}:
                mailbox = self.model.at(who)
                self.model.handed.append((mailing.number, mailbox, self.desk.now))
                self.model.told.update((mailbox, each) for each in told_of(message))
                self.met["told"] += mailing.sets is not None
        self.provider.told.clear()

    def _read_sets_again(self) -> None:
        """What has ended falls out of a set, and nothing comes into one."""
        for digest in self.model.digests:
            was, digest.sets = digest.sets or {}, self._sets(digest.number)
            assert all(letters <= was[who] for who, letters in digest.sets.items())
            self.met["fell out of a set"] += was != digest.sets

    def settle(self) -> None:
        """Look everybody up: who is no longer in line had it, or there is a true reason."""
        with self.database.reading() as session:
            rows = session.execute(_OUTCOMES, {"mailings": list(self.model.mailings)}).all()
        seen: set[tuple[int, int]] = set()
        for row in rows:
            mailing, who = self.model.mailings[row.mailing_id], row.person_id
            assert (mailing.number, who) not in seen, "somebody is accounted for twice"
            seen.add((mailing.number, who))
            was, outcome = mailing.outcomes.get(who), Outcome(row.outcome, row.reason, row.at)
            assert was in {None, outcome} or was.what == "to_go", f"{was} became {outcome}"
            if was != outcome:
                self._it_came_about(mailing, who, outcome)
            mailing.outcomes[who] = outcome
        assert len(seen) == sum(len(each.outcomes) for each in self.model.mailings.values())

    def _it_came_about(self, mailing: Mailing, who: int, outcome: Outcome) -> None:
        """Hold what the books say of somebody against what the provider and they themselves know."""
        told = self.model.standing((mailing.sets or {}).get(who, frozenset()))
        topics = self._topics(mailing, told)
        is_true = {
            "to_go": True,
            "cancelled": mailing.state == "cancelled",
            "not.cap": self.model.is_at_cap(who, self.desk.now),
            "not.all": self.model.is_stopped(who),
            "not.topic": self.model.is_closed(who, topics),
            "not.same": not self.model.here(who).isdisjoint(mailing.outcomes.keys() - {who}),
            "not.late": mailing.sets is not None and not told,
        }
        named = outcome.reason if outcome.what == "refused" else outcome.what
        answer = self.answers.get((mailing.number, who))
        assert answer == outcome.what or (answer is None and is_true.get(named or "")), (
            f"{mailing.letter}, {who}: {outcome}; the provider said {answer}"
        )
        self.met[f"{'digest' if mailing.sets is not None else 'letter'} {named}"] += 1

    def _offered(self, message: Outgoing) -> None:
        """Judge, at this very moment, whether a message may be here, and what it tells of."""
        mailing, who = self.model.mailings[mailing_of(message)], int(message.person_id)
        told = told_of(message)
        mailbox, now = self.model.at(who), self.desk.now
        wrongs = {
            f"it is {mailing.state}": not mailing.stands,
            "their mailbox has it": self.model.has(who, mailing),
            "above the cap": self.model.is_at_cap(who, now),
            "they said no": self.model.is_closed(who, self._topics(mailing, told)),
            "they said no to everything": self.model.is_stopped(who),
        }
        if mailing.sets is not None:
            due = self.model.standing(mailing.sets[who])
            wrongs |= {
                f"tells of {sorted(told)} instead of {sorted(due)}": told != due,
                "told twice": any(self.model.told[mailbox, each] for each in told),
                "tells of nothing": not told,
            }
        self.wrongs += [f"{mailing.letter}, {who}: {each}" for each in wrongs if wrongs[each]]

    def _topics(self, mailing: Mailing, told: frozenset[str]) -> set[Topic]:
        return {mailing.topic, *self.model.topics_of(told)}


def told_of(message: Outgoing) -> frozenset[str]:
    """Return the letters that a digest tells of; none where it is a letter itself."""
    read = message_from_bytes(message.content)
    if str(read["Subject"]) != DIGEST:
        return frozenset()
    part = next(one for one in read.walk() if one.get_content_type() == "text/plain")
    words = part.get_payload(decode=True)
    assert isinstance(words, bytes)
    return frozenset(LETTER.findall(words.decode()))
