"""What a doorbell does: stints, ticks that one campaign cannot stop, sweeps."""

import dataclasses
import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from mailer import campaigns, permission
from mailer.campaigns import Audience, NewCampaign, Plan, State
from mailer.database import Database
from mailer.journal import JournalLine, read_journal
from mailer.letters import PromotionalContent
from mailer.measure import Kind
from mailer.measure.verdicts import A_STEP
from mailer.providers import MemoryProvider
from mailer.vocabulary import AddressId, Lane, Topic
from mailer.wiring import Parts, build, build_sender
from tests.measure.mails import hand_over
from tests.open_window import open_window
from tests.people_of_tests import a_customer
from tests.web.house import settings_for
from workers.seats import Seats
from workers.shift import Shift

CONTENT = PromotionalContent(
    subject="The autumn release",
    preheader="What is new this autumn.",
    heading="The autumn release",
    body_markdown="Much is new.",
    button_label="See the release",
    button_url="https://shop.focalpointsystem.com/release",
)


class Hall:
    """A shift with the fake provider, a clock that the test moves, and the rings it makes."""

    def __init__(self, database_url: str, folder: Path, now: datetime) -> None:
        self.now = now
        self.rung: list[Lane] = []
        self.provider = MemoryProvider()
        self.parts: Parts = build(
            settings_for(database_url, folder),
            process="test",
            window=open_window,
            ring=self.rung.append,
            clock=lambda: self.now,
        )
        self.shift = Shift(self.parts, build_sender(self.parts, provider=self.provider))

    def scheduled(self, name: str) -> campaigns.CampaignId:
        with self.parts.database.transaction() as session:
            made = campaigns.create(
                session,
                NewCampaign(name, Topic.COMPANY_NEWS, CONTENT, Audience()),
                brand=self.parts.brand,
                by="test",
                now=self.now,
            )
            campaigns.schedule(
                session,
                made.campaign_id,
                plan=Plan(at=self.now + timedelta(minutes=1)),
                brand=self.parts.brand,
                by="test",
                now=self.now,
            )
        return made.campaign_id

    def state_of(self, campaign_id: campaigns.CampaignId) -> State:
        with self.parts.database.reading() as session:
            row = session.execute(
                text("SELECT state FROM campaigns_campaign WHERE id = :id"), {"id": campaign_id}
            )
            return State(row.scalar_one())


TAKE_A_SEAT = (
    "import fcntl, sys; fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)"
)


def test_who_hears_that_more_is_due_finds_the_seat_free(hall: Hall) -> None:
    seats, hours = Seats(1), itertools.count()
    found: list[int] = []

    def hear(_: Lane) -> None:
        words = [sys.executable, "-c", TAKE_A_SEAT, str(seats._file)]
        found.append(subprocess.run(words, pass_fds=[seats._file], check=False).returncode)

    with hall.parts.database.transaction() as session:
        a_customer(session, hall.parts.vault, now=hall.now)
    hall.scheduled("Autumn release")
    hall.now += timedelta(minutes=2)
    parts = dataclasses.replace(hall.parts, ring=hear)
    sender = build_sender(parts, provider=hall.provider)
    Shift(parts, sender, monotonic=lambda: next(hours) * 3600.0).deliver_campaigns(seats)
    assert len(hall.provider.accepted) == 1
    assert found == [0]


@pytest.mark.parametrize(("seats", "calls"), [(1, []), (2, [Lane.PROMOTIONAL])])
def test_who_finds_a_batch_calls_for_help_where_a_seat_may_be_free(
    hall: Hall, seats: int, calls: list[Lane]
) -> None:
    with hall.parts.database.transaction() as session:
        a_customer(session, hall.parts.vault, now=hall.now)
    hall.scheduled("Autumn release")
    hall.now += timedelta(minutes=2)
    hall.shift.deliver_campaigns(Seats(seats))
    assert len(hall.provider.accepted) == 1
    assert hall.rung == calls
    hall.shift.deliver_campaigns(Seats(seats))
    assert hall.rung == calls, "nobody is called where nothing is due"


def test_who_is_called_for_help_is_called_before_anything_is_printed(hall: Hall) -> None:
    """A second process begins while the first prints, not a batch later."""
    with hall.parts.database.transaction() as session:
        a_customer(session, hall.parts.vault, now=hall.now)
    hall.scheduled("Autumn release")
    hall.now += timedelta(minutes=2)
    had_left: list[int] = []
    parts = dataclasses.replace(
        hall.parts, ring=lambda _: had_left.append(len(hall.provider.accepted))
    )
    Shift(parts, build_sender(parts, provider=hall.provider)).deliver_campaigns(Seats(2))
    assert had_left == [0]
    assert len(hall.provider.accepted) == 1


OF_EACH_BATCH = (
    "SET state = 'handing'", "SET state = 'settled'", "WITH given AS", "WITH held AS",
    "people_customer.email", "FROM vault_person_key",
)  # fmt: skip


def test_what_is_asked_for_each_batch_is_prepared_by_then(hall: Hall) -> None:
    """psycopg forgets what it has prepared at each ROLLBACK: none may stand on a batch's way."""
    with hall.parts.database.transaction() as session:
        a_customer(session, hall.parts.vault, now=hall.now)
    for number in range(8):
        hall.scheduled(f"Release {number}")
    hall.now += timedelta(minutes=2)
    hall.shift.deliver_campaigns(Seats(1))
    assert len(hall.provider.accepted) == 8
    with hall.parts.database.glance() as session:
        asked = session.execute(text("SELECT statement FROM pg_prepared_statements")).scalars()
        prepared = "\n".join(asked)
    assert [each for each in OF_EACH_BATCH if each not in prepared] == []


@pytest.fixture
def hall(database: Database, database_url: str, tmp_path: Path, now: datetime) -> Iterator[Hall]:
    del database  # its tables are emptied afterwards
    hall = Hall(database_url, tmp_path, now)
    yield hall
    hall.parts.close()


@contextmanager
def refusing(hall: Hall, campaign: campaigns.CampaignId, *, errcode: str) -> Iterator[None]:
    """Let the database refuse the mailing of a campaign for a while."""
    refuse = f"""
        CREATE FUNCTION refuse_mailing() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.key = 'campaign:{campaign}' THEN
                RAISE EXCEPTION 'refused' USING ERRCODE = '{errcode}';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse_mailing BEFORE INSERT ON delivery_mailing
        FOR EACH ROW EXECUTE FUNCTION refuse_mailing();
    """
    with hall.parts.database.transaction() as session:
        session.execute(text(refuse))
    try:
        yield
    finally:
        with hall.parts.database.transaction() as session:
            session.execute(text("DROP FUNCTION refuse_mailing() CASCADE"))


def test_a_scheduled_campaign_starts_is_delivered_and_finished(hall: Hall) -> None:
    with hall.parts.database.transaction() as session:
        a_customer(session, hall.parts.vault, now=hall.now)
    campaign = hall.scheduled("Autumn")
    hall.shift.tick()
    assert hall.rung == []
    hall.now += timedelta(minutes=2)
    for _ in range(2):  # two clocks at once do no harm
        hall.shift.tick()
    assert hall.rung == [Lane.PROMOTIONAL, Lane.PROMOTIONAL]
    hall.shift.start_campaigns()
    hall.shift.deliver(Lane.PROMOTIONAL)
    hall.shift.tick()
    assert hall.state_of(campaign) is State.FINISHED
    assert len(hall.provider.accepted) == 1
    hall.shift.close()


def test_a_campaign_that_an_older_version_made_stops_neither_clock_nor_others(hall: Hall) -> None:
    unfit, fit = hall.scheduled("Unfit"), hall.scheduled("Fit")
    with hall.parts.database.transaction() as session:
        session.execute(
            text(
                "UPDATE campaigns_campaign SET content = content || '{\"old_field\": 1}'"
                " WHERE id = :id"
            ),
            {"id": unfit},
        )
    hall.now += timedelta(minutes=2)
    for _ in range(3):
        hall.shift.tick()
        hall.shift.start_campaigns()
    assert hall.state_of(unfit) is State.DRAFT
    assert hall.state_of(fit) in {State.SENDING, State.FINISHED}
    hall.shift.close()


def test_one_look_starts_what_is_due_behind_a_campaign_that_goes_back_to_the_drafts(
    hall: Hall,
) -> None:
    unfit, fit = hall.scheduled("Unfit"), hall.scheduled("Fit")
    with hall.parts.database.transaction() as session:
        spoil = "UPDATE campaigns_campaign SET content = '{\"old\": 1}' WHERE id = :id"
        session.execute(text(spoil), {"id": unfit})
    hall.now += timedelta(minutes=2)
    hall.shift.start_campaigns()
    assert hall.state_of(unfit) is State.DRAFT
    assert hall.state_of(fit) is State.SENDING
    hall.shift.close()


def test_a_campaign_whose_start_fails_of_no_fault_of_its_own_holds_up_no_other(
    hall: Hall,
) -> None:
    failing, fit = hall.scheduled("Failing"), hall.scheduled("Fit")
    hall.now += timedelta(minutes=2)
    with refusing(hall, failing, errcode="raise_exception"):
        hall.shift.start_campaigns()
    assert hall.state_of(failing) is State.SCHEDULED, "tried again at the next look"
    assert hall.state_of(fit) is State.SENDING
    hall.shift.start_campaigns()
    assert hall.state_of(failing) is State.SENDING
    hall.shift.close()


def test_a_campaign_with_a_value_that_the_database_refuses_goes_back_to_the_drafts(
    hall: Hall,
) -> None:
    unfit = hall.scheduled("Unfit")
    hall.now += timedelta(minutes=2)
    with refusing(hall, unfit, errcode="numeric_value_out_of_range"):
        hall.shift.start_campaigns()
    assert hall.state_of(unfit) is State.DRAFT
    hall.shift.close()


def test_the_clock_starts_nothing_large_that_nobody_else_approved(
    database: Database, database_url: str, tmp_path: Path, now: datetime
) -> None:
    del database
    hall = Hall(database_url, tmp_path, now)
    lonely, approved = hall.scheduled("Lonely"), hall.scheduled("Approved")
    with hall.parts.database.transaction() as session:
        campaigns.approve(session, approved, brand=hall.parts.brand, by="second", now=now)
    strict = hall.parts.settings.model_copy(update={"approval_above": 0})
    object.__setattr__(hall.parts, "settings", strict)
    hall.now += timedelta(minutes=2)
    for _ in range(2):
        hall.shift.start_campaigns()
    assert hall.state_of(lonely) is State.DRAFT
    assert hall.state_of(approved) is State.SENDING
    hall.shift.close()


def test_whoever_ticked_has_seen_what_it_sweeps_later(hall: Hall) -> None:
    with hall.parts.database.transaction() as session:
        a_customer(session, hall.parts.vault, now=hall.now)
    hall.scheduled("Autumn")
    hall.now += timedelta(minutes=2)
    hall.shift.start_campaigns()
    with hall.parts.database.transaction() as session:  # as a sender leaves it that dies
        for state in ("claimed", "handing"):
            left = "UPDATE delivery_batch SET state = :state, token = gen_random_uuid()"
            session.execute(text(left), {"state": state})
    hours = itertools.count()
    sender = build_sender(hall.parts, provider=hall.provider)
    shift = Shift(hall.parts, sender, monotonic=lambda: next(hours) * 3600.0)
    shift.tick()
    shift.sweep()
    with hall.parts.database.reading() as session:
        states = session.execute(text("SELECT state FROM delivery_batch")).scalars().all()
    assert states == ["unknown"]
    hall.shift.close()


def test_the_sweep_forgets_the_addresses_of_yesterdays_tests(hall: Hall) -> None:
    campaign = hall.scheduled("Autumn")
    with hall.parts.database.transaction() as session:
        campaigns.send_test(
            session,
            hall.parts.vault,
            campaign,
            to=["anna@focalpointsystem.com"],
            brand=hall.parts.brand,
            rules=hall.parts.rules,
            by="test",
            now=hall.now,
        )
    keys = text("SELECT count(*) FROM vault_person_key")
    for days, left in ((0, 1), (2, 0)):
        hall.now += timedelta(days=days)
        hall.shift.sweep()
        with hall.parts.database.reading() as session:
            assert session.execute(keys).scalar_one() == left
    hall.shift.close()


def moved_and_left(hall: Hall, *names: str) -> None:
    """Somebody's process commits moves and dies."""
    with hall.parts.database.transaction() as session:
        for name in names:
            who = a_customer(session, hall.parts.vault, name, now=hall.now)
            permission.move(
                session, person_id=who.person_id, address_id=AddressId(70), now=hall.now
            )


def moves_told(hall: Hall) -> int:
    lines = read_journal(hall.parts.journal.folder)
    return sum(isinstance(line, JournalLine) and line.ids["acts"] == "move" for line in lines)


def test_the_sweep_settles_a_move_that_its_door_left(hall: Hall) -> None:
    moved_and_left(hall, "Jo Example", "Anna Becker")
    hall.shift.sweep()
    assert moves_told(hall) == 0, "its door may be at it"
    hall.now += timedelta(minutes=2)
    for _ in range(2):
        hall.shift.sweep()
        assert moves_told(hall) == 2
        hall.now += timedelta(minutes=2)
    hall.shift.close()


def test_a_sweep_without_a_journal_leaves_the_move_for_another(hall: Hall) -> None:
    moved_and_left(hall, "Jo Example")
    hall.now += timedelta(minutes=2)
    hall.parts.journal.folder.write_text("no folder")  # as a disk that fails
    hall.shift.sweep()
    hall.parts.journal.folder.unlink()
    hall.now += timedelta(minutes=2)
    hall.shift.sweep()
    assert moves_told(hall) == 1
    hall.shift.close()


def test_a_sweep_begins_no_move_after_its_time_is_up(hall: Hall) -> None:
    moved_and_left(hall, "Jo Example")
    hall.now += timedelta(minutes=2)
    assert hall.parts.opt_outs.settle_left_moves(seconds=0) == 0
    assert hall.parts.opt_outs.settle_left_moves(seconds=10) == 1
    hall.shift.close()


def test_who_clicked_is_judged_in_rounds_that_end(hall: Hall) -> None:
    with hall.parts.database.transaction() as session:
        news = hand_over(session, hall.now, {7: range(1, 41)})
        news.write(session, [(n, 0, Kind.GET, 3600 + 9 * n) for n in range(1, 41)])
    count = text("SELECT count(*) FROM measure_click WHERE origin = 'person'")
    hall.shift.judge()
    with hall.parts.database.reading() as session:
        assert session.execute(count).scalar_one() == 40
    with hall.parts.database.transaction() as session:
        news.write(session, [(1, 0, Kind.GET, 7200 + n) for n in range(3 * A_STEP)])
    hours = itertools.count()
    sender = build_sender(hall.parts, provider=hall.provider)
    Shift(hall.parts, sender, monotonic=lambda: next(hours) * 3600.0).judge()
    with hall.parts.database.reading() as session:
        assert session.execute(count).scalar_one() == 40 + A_STEP
    hall.shift.close()
