"""A campaign of which more had left than a restored database knows waits for a person."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import text

from mailer import campaigns, delivery, recovery
from mailer.campaigns import CampaignId, Halted, State, status_of
from mailer.delivery import (
    Brake,
    InHand,
    Limits,
    MessageRecord,
    NewMailing,
    News,
    Tally,
    messages_of_mailing,
)
from mailer.recovery import Replayed
from mailer.vocabulary import BatchId, Heard, Lane, MailingId, PersonId, Reason, Stream
from mailer.wiring import build_sender
from tests.campaigns.conftest import Desk, desk
from tests.people_of_tests import TestPerson
from tests.recovery.backups import Backup, back_up
from workers.shift import Shift

__all__ = ["desk"]


@dataclass
class Staff:
    """A desk whose database can be put back."""

    desk: Desk
    backup: Backup | None = None

    def back_up(self) -> None:
        self.backup = back_up(self.desk.database)

    def restore(self) -> None:
        assert self.backup is not None
        self.backup.restore()

    def replay(self) -> Replayed:
        folder = self.desk.parts.journal.folder
        return recovery.replay(self.desk.database, folder, now=self.desk.now)

    def send_one(self) -> bool:
        sender = build_sender(self.desk.parts, provider=self.desk.provider)
        sent = sender.deliver_one(Lane.PROMOTIONAL)
        sender.close()
        return sent

    def order(self, who: TestPerson, number: int) -> MailingId:
        """Let the shop tell of an order, as it does whatever becomes of campaigns."""
        new = NewMailing(f"order:{number}:shipped:1", "order_shipped", Stream.ORDER_UPDATE)
        with self.desk.database.transaction() as session:
            mailing = delivery.create_mailing(session, new, now=self.desk.now)
            assert mailing is not None
            delivery.send_to_one(
                session,
                mailing,
                person_id=who.person_id,
                address_id=who.address_id,
                now=self.desk.now,
            )
        return mailing

    def is_halted(self) -> bool:
        folder = self.desk.parts.journal.folder
        return recovery.look_again(self.desk.database, folder, now=self.desk.now) is not None

    def told(self, campaign_id: CampaignId) -> list[MessageRecord]:
        """What became of each of a campaign's people."""
        with self.desk.database.reading() as session:
            return messages_of_mailing(
                session, self.mailing(campaign_id), after=PersonId(0), limit=50
            )

    def counted(self, campaign_id: CampaignId) -> Tally:
        """What the safety brake has counted."""
        with self.desk.database.reading() as session:
            stands = status_of(session, campaign_id, pace=self.desk.parts.pace, now=self.desk.now)
        assert stands.standing is not None
        return stands.standing.tally

    def mailing(self, campaign_id: CampaignId) -> MailingId:
        mailing = self.desk.look(campaign_id).mailing_id
        assert mailing is not None
        return mailing

    def got(self) -> Counter[str]:
        return Counter(each.recipient for each in self.desk.provider.accepted)

    def cut_up(self, campaign_id: CampaignId) -> None:
        """Let a campaign of six go one by one: what is claimed first is cut off the rest."""
        for who in ("Ann", "Ben", "Cem", "Dea", "Eva", "Fay"):
            self.desk.customer(who)
        with self.desk.database.transaction() as session:
            campaigns.set_pace(
                session,
                campaign_id,
                Limits(per_minute=3),
                reason="",
                by="test",
                now=self.desk.now,
            )


@pytest.fixture
def staff(desk: Desk) -> Iterator[Staff]:
    staff = Staff(desk)
    yield staff
    if staff.backup is not None:
        staff.backup.forget()


def begun_behind_a_backup(staff: Staff) -> CampaignId:
    """Start a campaign, make a backup, and let the first of its batches leave after that."""
    autumn = staff.desk.draft()
    staff.cut_up(autumn)
    staff.desk.do("start", autumn)
    staff.back_up()
    assert staff.send_one()
    return autumn


@pytest.mark.clause("C08")
def test_a_campaign_in_mid_flight_is_paused_with_the_reason_and_nobody_gets_it_twice(
    staff: Staff,
) -> None:
    desk, autumn = staff.desk, begun_behind_a_backup(staff)
    assert sum(staff.got().values()) == 1
    staff.restore()
    assert not staff.send_one()
    done = staff.replay()
    assert (done.campaigns_stopped, done.people_unknown) == ([autumn], 6)
    told = desk.look(autumn)
    assert told.state is State.PAUSED
    assert "restored" in (told.taken_back or "")
    books = desk.report(autumn).books
    assert (books.balance, books.unknown) == (True, 6)
    assert not staff.send_one()
    desk.do("resume", autumn, reason="Nobody was left out.")
    assert desk.look(autumn).taken_back is None
    desk.later(minutes=5)
    desk.send_all()
    assert max(staff.got().values()) == 1


def heard(staff: Staff, who: MessageRecord, what: Heard = Heard.DELIVERED) -> None:
    news = News(who.mailing_id, who.person_id, what, staff.desk.now, 550, "5.1.1 no such user")
    with staff.desk.database.transaction() as session:
        delivery.hear(session, news, now=staff.desk.now)


@pytest.mark.parametrize("what", list(Heard))
def test_whom_a_restore_left_in_doubt_the_brake_never_counts_and_each_is_told_why(
    staff: Staff, what: Heard
) -> None:
    desk = staff.desk
    autumn = desk.draft()
    with desk.database.transaction() as session:
        careful = Brake(complaints=1, hard_bounces=1, unknown=1, rejected=1, after=1)
        campaigns.set_brake(session, autumn, careful, installation=Brake(), by="test", now=desk.now)
    staff.cut_up(autumn)
    desk.do("start", autumn)
    staff.back_up()
    assert staff.send_one()
    staff.restore()
    assert staff.replay().people_unknown == 6
    first, *others = staff.told(autumn)
    assert {each.reason for each in (first, *others)} == {Reason.UNKNOWN_RESTORED}
    assert staff.counted(autumn) == Tally()
    heard(staff, first, what)
    assert staff.counted(autumn) == Tally()
    with desk.database.transaction() as session:
        delivery.settle_unknown(session, first.batch_id, was_accepted=False, now=desk.now)
    assert staff.counted(autumn) == Tally()
    desk.do("resume", autumn, reason="The relay's log has none of the others.")
    assert desk.look(autumn).braked is None


@pytest.mark.parametrize("ending", ["finish", "cancel"])
def test_a_campaign_that_ended_after_the_replay_is_not_told_to_be_resumed(
    staff: Staff, ending: str
) -> None:
    desk, autumn = staff.desk, begun_behind_a_backup(staff)
    staff.restore()
    staff.replay()
    assert "resume or cancel it" in (desk.look(autumn).taken_back or "")
    if ending == "cancel":
        desk.do("cancel", autumn)
    else:
        desk.tick()
    told = desk.look(autumn)
    assert told.state.is_final
    assert "unknown fate; it has ended and cannot be resumed" in (told.taken_back or "")


@pytest.mark.clause("C08")
def test_only_what_had_been_in_hand_is_given_up_where_the_database_knows_the_parts(
    staff: Staff,
) -> None:
    desk = staff.desk
    autumn = desk.draft()
    staff.cut_up(autumn)
    desk.do("start", autumn)
    assert staff.send_one()
    staff.back_up()
    desk.later(minutes=2)
    assert staff.send_one()
    staff.restore()
    done = staff.replay()
    assert done.people_unknown == 5
    desk.do("resume", autumn, reason="Nobody was left out.")
    desk.later(minutes=5)
    desk.send_all()
    assert max(staff.got().values()) == 1
    books = desk.report(autumn).books
    assert (books.accepted, books.unknown) == (1, 5)


def test_a_campaign_that_began_after_the_backup_does_not_begin_again_by_itself(
    staff: Staff,
) -> None:
    desk = staff.desk
    desk.customer("Ann")
    autumn, winter = desk.draft(), desk.draft()
    desk.do("schedule", autumn, at=desk.now + timedelta(minutes=5))
    desk.do("schedule", winter, at=desk.now + timedelta(days=5))
    staff.back_up()
    desk.later(minutes=6)
    assert desk.tick() == [autumn]
    desk.send_all()
    staff.restore()
    shift = Shift(desk.parts, build_sender(desk.parts, provider=desk.provider))
    shift.start_campaigns()
    assert desk.look(autumn).state is State.SCHEDULED  # and not sending
    assert staff.replay().campaigns_taken_back == [autumn]
    assert desk.look(autumn).state is State.DRAFT
    assert "may send it to the same people again" in (desk.look(autumn).taken_back or "")
    assert desk.look(winter).state is State.SCHEDULED
    assert desk.tick() == []


def test_nothing_starts_while_campaigns_are_refused_and_their_standing_says_why(
    staff: Staff,
) -> None:
    desk = staff.desk
    desk.customer("Ann")
    autumn, winter = desk.draft(), desk.draft()
    desk.do("start", autumn)
    desk.do("schedule", winter, at=desk.now + timedelta(minutes=5))
    desk.later(minutes=10)
    with desk.database.transaction() as session:
        delivery.halt(session, delivery.Halt("a1b2", "the journal knows more", desk.now))
    assert desk.tick() == []
    with pytest.raises(Halted, match="the journal knows more"):
        desk.do("start", winter)
    with desk.database.reading() as session:
        standing = status_of(session, autumn, pace=desk.parts.pace, now=desk.now).standing
        figures = delivery.gauges(session, now=desk.now)
    assert standing is not None
    assert standing.halted == "Promotional mail is refused: the journal knows more."
    assert (figures.refusing_journals, figures.stopped_lanes) == (1, ["promotional"])


def test_a_draft_that_was_started_after_the_backup_says_that_it_had_begun(
    staff: Staff,
) -> None:
    desk = staff.desk
    desk.customer("Ann")
    autumn = desk.draft()
    staff.back_up()
    desk.do("start", autumn)
    desk.send_all()
    staff.restore()
    assert desk.look(autumn).state is State.DRAFT
    assert staff.replay().campaigns_taken_back == [autumn]
    assert "restored" in (desk.look(autumn).taken_back or "")


def test_of_a_batch_that_came_after_the_backup_all_who_waited_with_it_are_given_up(
    staff: Staff,
) -> None:
    desk = staff.desk
    desk.customer("Ann")
    mailing = desk.do("start", desk.draft()).mailing_id
    assert mailing is not None
    with desk.database.transaction() as session:
        [root] = session.execute(text("SELECT id FROM delivery_batch")).scalars()
        child = InHand(BatchId(10_000), BatchId(root), mailing, desk.now)
        given_up = delivery.give_up_handed(session, mailing, [child], now=desk.now)
        again = delivery.give_up_handed(session, mailing, [child], now=desk.now)
    assert (given_up.batches, given_up.people, given_up.paused) == (1, 1, True)
    assert (again.batches, again.people, again.paused) == (0, 0, False)
    assert not staff.send_one()


@dataclass
class Lost:
    """A campaign that began after the backup, and whose mailing the database has forgotten."""

    campaign: CampaignId
    mailing: MailingId
    ann: TestPerson


@pytest.fixture
def lost(staff: Staff) -> Lost:
    desk = staff.desk
    ann = desk.customer("Ann")
    autumn = desk.draft()
    desk.do("schedule", autumn, at=desk.now + timedelta(minutes=5))
    staff.back_up()
    desk.later(minutes=6)
    assert desk.tick() == [autumn]
    mailing = desk.look(autumn).mailing_id
    assert mailing is not None
    desk.send_all()
    staff.restore()
    return Lost(autumn, mailing, ann)


@pytest.mark.clause("C08")
def test_an_order_update_in_hand_under_the_numbers_of_a_lost_campaign_hides_no_restore(
    staff: Staff, lost: Lost
) -> None:
    assert staff.order(lost.ann, 9) == lost.mailing
    with staff.desk.database.transaction() as session:
        for state in ("claimed", "handing"):
            session.execute(
                text("UPDATE delivery_batch SET state = :state, token = gen_random_uuid()"),
                {"state": state},
            )
    assert staff.is_halted()


@pytest.mark.clause("C08")
@pytest.mark.parametrize("has_begun_again", [False, True])
def test_a_campaign_whose_numbers_an_order_update_took_goes_to_nobody_twice(
    staff: Staff, lost: Lost, *, has_begun_again: bool
) -> None:
    desk = staff.desk
    assert staff.order(lost.ann, 9) == lost.mailing
    if has_begun_again:
        assert desk.tick() == [lost.campaign]
        assert desk.look(lost.campaign).mailing_id != lost.mailing
    assert staff.is_halted()
    assert staff.replay().campaigns_taken_back == [lost.campaign]
    assert staff.replay().campaigns_taken_back == []
    assert "may send it to the same people again" in (desk.look(lost.campaign).taken_back or "")
    assert desk.tick() == []
    desk.send_all()
    assert staff.got() == {lost.ann.email: 1}


def test_the_line_of_a_lost_order_update_gives_up_nobody_of_a_campaign_with_its_number(
    staff: Staff,
) -> None:
    desk = staff.desk
    ann = desk.customer("Ann")
    autumn = desk.draft()
    staff.back_up()
    number = staff.order(ann, 9)
    desk.parts.journal.write("handing", at=desk.now, mailing=number, batch=1, root=1, lane="orders")
    staff.restore()
    assert desk.do("start", autumn).mailing_id == number
    done = staff.replay()
    assert (done.people_unknown, done.campaigns_stopped) == (0, [])
    assert desk.look(autumn).state is State.SENDING
