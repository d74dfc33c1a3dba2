"""What a tick of the clock locks: the campaigns that it ends or pauses, and no other."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text
from sqlmodel import Session

from mailer import campaigns
from mailer.campaigns import CampaignId, State
from mailer.database import Database
from tests.campaigns.conftest import Desk


def tick(desk: Desk, session: Session) -> list[CampaignId]:
    stopped = campaigns.brake_stopped(session, now=desk.now)
    return stopped + campaigns.finish_done(session, now=desk.now)


def under_way(desk: Desk) -> CampaignId:
    desk.crowd(2)
    campaign = desk.draft()
    desk.do("start", campaign)
    return campaign


def is_free(database: Database, campaign: CampaignId) -> bool:
    """Say whether somebody else may steer a campaign at this moment."""
    asked = text("SELECT id FROM campaigns_campaign WHERE id = :id FOR UPDATE SKIP LOCKED")
    with database.transaction() as session:
        return session.execute(asked, {"id": campaign}).one_or_none() is not None


@contextmanager
def just_before_it_locks(desk: Desk, what: str, **bound: object) -> Iterator[None]:
    """Let somebody else change a row between a tick's first look and its lock."""
    changed: list[str] = []

    def change(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "SKIP LOCKED" in statement and not changed:
            changed.append(what)
            with desk.database.transaction() as session:
                session.execute(text(what), bound)

    event.listen(desk.database.engine, "before_cursor_execute", change)
    try:
        yield
    finally:
        event.remove(desk.database.engine, "before_cursor_execute", change)
    assert changed, "the tick found a candidate and locked it"


def test_a_campaign_that_goes_on_is_not_locked(desk: Desk) -> None:
    going = under_way(desk)
    with desk.database.transaction() as session:
        assert tick(desk, session) == []
        assert is_free(desk.database, going)


def test_only_what_is_done_is_locked_and_ended(desk: Desk) -> None:
    done = under_way(desk)
    desk.send_all()
    going = under_way(desk)
    with desk.database.transaction() as session:
        assert tick(desk, session) == [done]
        assert is_free(desk.database, going)
        assert not is_free(desk.database, done)
    assert desk.look(done).state is State.FINISHED
    assert desk.look(going).state is State.SENDING


def test_a_campaign_that_somebody_holds_is_left_for_the_next_tick(desk: Desk) -> None:
    done = under_way(desk)
    desk.send_all()
    with desk.database.transaction() as holder:
        campaigns.pause(holder, done, by="anna", now=desk.now)
        with desk.database.transaction() as session:
            assert tick(desk, session) == []
    with desk.database.transaction() as session:
        assert tick(desk, session) == [done]


MORE_TO_GO = """
    INSERT INTO delivery_batch
        (mailing_id, root_id, attempt, lane, state, not_before, size, accepted, refused, rejected, unknown)
    SELECT mailing_id, root_id, 2, lane, 'prepared', not_before, size, 0, 0, 0, 0 FROM delivery_batch
"""
CANCELLED = "UPDATE campaigns_campaign SET state = 'cancelled', ended_at = now()"


@pytest.mark.parametrize(
    ("change", "state"), [(MORE_TO_GO, State.SENDING), (CANCELLED, State.CANCELLED)]
)
def test_what_changed_since_the_first_look_is_seen_under_the_lock(
    desk: Desk, change: str, state: State
) -> None:
    done = under_way(desk)
    desk.send_all()
    with just_before_it_locks(desk, change), desk.database.transaction() as session:
        assert tick(desk, session) == []
    assert desk.look(done).state is state
