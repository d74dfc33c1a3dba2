"""The desk: a click is kept before it is answered, also when the database is not there."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from mailer.database import Database
from mailer.links import Purpose
from mailer.measure import (
    ClickDesk,
    Kind,
    MailingGone,
    Manners,
    NoSuchLink,
    Redirect,
    TryLater,
)
from mailer.vocabulary import MailingId, PersonId
from tests.measure.cable import Cable
from tests.measure.conftest import ANNA, JO, NEWS, QUICK, SHOP, TEAM, World

TO_SHOP, TO_TEAM = Redirect(SHOP.encode()), Redirect(TEAM.encode())


@pytest.fixture
def cable(database_url: str) -> Iterator[Cable]:
    with Cable(database_url) as cable:
        yield cable


@pytest.fixture
def far(cable: Cable) -> Iterator[Database]:
    """The database at the other end of the cable."""
    database = Database(cable.url)
    yield database
    database.close()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass")


async def first_click(desk: ClickDesk, world: World) -> None:
    """Click until it is answered: on a busy machine the first look-up may outlast the patience."""
    for _ in range(50):
        if await desk.click(world.token(PersonId(1)), 0, Kind.GET) == TO_SHOP:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the desk never reached its database")


@pytest.mark.clause("C16")
def test_a_click_is_committed_before_it_is_answered(world: World) -> None:
    async def play() -> None:
        desk = world.desk()
        assert await desk.click(world.token(), 1, Kind.GET) == TO_TEAM
        assert world.clicks() == [(JO, 1, "get")]
        assert desk.figures.recorded == 1
        await desk.close()

    asyncio.run(play())


def test_many_clicks_share_a_transaction_and_none_is_lost(world: World) -> None:
    people = [PersonId(number) for number in range(1, 301)]

    async def play() -> None:
        desk = world.desk()
        answers = await asyncio.gather(
            *(desk.click(world.token(person), 0, Kind.GET) for person in people)
        )
        assert set(answers) == {TO_SHOP}
        await desk.close()

    asyncio.run(play())
    assert [click[0] for click in world.clicks()] == people
    with world.database.reading() as session:
        transactions = session.scalar(text("SELECT count(DISTINCT xmin::text) FROM measure_click"))
    assert transactions is not None
    assert transactions < 30


@pytest.mark.clause("C16")
@pytest.mark.parametrize("n", [-1, 2, 999])
def test_a_mailing_leads_only_to_its_own_targets(world: World, n: int) -> None:
    async def play() -> None:
        assert await world.desk().click(world.token(), n, Kind.GET) == NoSuchLink()

    asyncio.run(play())
    assert world.clicks() == []


@pytest.mark.clause("C16")
def test_a_token_of_another_purpose_opens_nothing(world: World) -> None:
    async def play() -> None:
        desk = world.desk()
        for purpose in set(Purpose) - {Purpose.CLICK}:
            token = world.links.sign(purpose, NEWS, JO)
            assert await desk.click(token, 0, Kind.GET) == NoSuchLink()
        await desk.see(world.token(), Kind.GET)

    asyncio.run(play())
    assert (world.clicks(), world.opens()) == ([], [])


def test_a_mailing_that_is_no_longer_known_is_gone(world: World) -> None:
    async def play() -> None:
        token = world.token(mailing=MailingId(404))
        assert await world.desk().click(token, 0, Kind.GET) == MailingGone()

    asyncio.run(play())


@pytest.mark.clause("C17")
def test_whoever_switched_tracking_off_is_sent_on_and_leaves_no_trace(world: World) -> None:
    world.untrack(JO)

    async def play() -> None:
        desk = world.desk()
        assert await desk.click(world.token(JO), 0, Kind.GET) == TO_SHOP
        assert await desk.click(world.token(ANNA), 0, Kind.GET) == TO_SHOP
        await desk.see(world.links.sign(Purpose.OPEN, NEWS, JO), Kind.GET)

    asyncio.run(play())
    assert (world.clicks(), world.opens()) == ([(ANNA, 0, "get")], [])


@pytest.mark.clause("C18")
def test_kinds_and_opens_are_kept_apart(world: World) -> None:
    async def play() -> None:
        desk = world.desk()
        for n, kind in enumerate([Kind.HEAD, Kind.PREFETCH]):
            await desk.click(world.token(), n, kind)
        await desk.see(world.links.sign(Purpose.OPEN, NEWS, ANNA), Kind.PROXY)

    asyncio.run(play())
    assert world.clicks() == [(JO, 0, "head"), (JO, 1, "prefetch")]
    assert world.opens() == [(ANNA, "proxy")]


def test_targets_are_asked_for_once_however_many_click_at_once(world: World) -> None:
    async def play() -> None:
        desk = world.desk()
        await asyncio.gather(*(desk.click(world.token(), 0, Kind.GET) for _ in range(50)))

    asyncio.run(play())
    assert world.asked_for == [NEWS]


@pytest.mark.clause("C16")
def test_the_database_goes_and_comes_back_and_every_click_is_recorded_once(
    world: World, cable: Cable, far: Database
) -> None:
    async def play() -> None:
        desk = world.desk(far)
        await first_click(desk, world)
        cable.pull_out()
        for number in range(2, 8):
            assert await desk.click(world.token(PersonId(number)), 0, Kind.GET) == TO_SHOP
        assert desk.away
        assert (desk.figures.spooled, desk.figures.lost) == (6, 0)
        assert await desk.click(world.token(mailing=MailingId(9)), 0, Kind.GET) == TryLater(30)
        cable.plug_in()
        await until(lambda: not desk.away and world.spooled() == [])
        await desk.click(world.token(PersonId(8)), 0, Kind.GET)
        assert desk.figures.replayed == 6
        await desk.close()

    asyncio.run(play())
    assert [click[0] for click in world.clicks()] == [*range(1, 9)]


def test_a_frozen_database_delays_one_click_by_the_patience_and_no_further_one(
    world: World, cable: Cable, far: Database
) -> None:
    async def play() -> None:
        desk = world.desk(far)
        await first_click(desk, world)
        cable.freeze()
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await desk.click(world.token(PersonId(2)), 0, Kind.GET) == TO_SHOP
        waited = loop.time() - began
        assert 0.25 < waited < 1
        began = loop.time()
        assert await desk.click(world.token(PersonId(3)), 0, Kind.GET) == TO_SHOP
        assert loop.time() - began < 0.2
        cable.thaw()
        await until(lambda: not desk.away and world.spooled() == [])
        await desk.close()

    asyncio.run(play())
    assert [click[0] for click in world.clicks()] == [1, 2, 3]


def test_a_commit_whose_answer_was_lost_is_not_recorded_twice(
    world: World, cable: Cable, far: Database
) -> None:
    async def play() -> None:
        desk = world.desk(far)
        await first_click(desk, world)
        cable.cut_after_the_next_commit()
        assert await desk.click(world.token(PersonId(2)), 0, Kind.GET) == TO_SHOP
        assert [click[0] for click in world.clicks()] == [1, 2]
        assert desk.figures.spooled == 1
        cable.plug_in()
        await until(lambda: world.spooled() == [])
        assert desk.figures.replayed == 1
        await desk.close()

    asyncio.run(play())
    assert [click[0] for click in world.clicks()] == [1, 2]


def away_desk(world: World, manners: Manners = QUICK) -> ClickDesk:
    """A desk whose database was never there, and that knows where the news lead from disk."""
    desk = world.desk(Database("postgresql://nobody@127.0.0.1:1/none"), manners)
    desk._shelf.write(NEWS, world.targets[NEWS])
    return desk


def test_a_process_that_ends_while_the_database_is_away_leaves_its_clicks_to_the_next(
    world: World,
) -> None:
    async def first() -> None:
        desk = away_desk(world)
        assert await desk.click(world.token(), 0, Kind.GET) == TO_SHOP
        await desk.see(world.links.sign(Purpose.OPEN, NEWS, ANNA), Kind.GET)
        await desk.close()

    async def second() -> None:
        desk = world.desk()
        await desk.open()
        await until(lambda: world.spooled() == [])
        await desk.close()

    asyncio.run(first())
    assert (len(world.spooled()), world.clicks()) == (1, [])
    asyncio.run(second())
    assert (world.clicks(), world.opens()) == ([(JO, 0, "get")], [(ANNA, "get")])


@pytest.mark.clause("C17")
def test_tracking_that_was_switched_off_meanwhile_holds_for_spooled_clicks(world: World) -> None:
    async def play() -> None:
        gone = away_desk(world)
        await gone.click(world.token(), 0, Kind.GET)
        await gone.close()
        world.untrack(JO)
        desk = world.desk()
        await desk.open()
        await until(lambda: world.spooled() == [])
        await desk.close()

    asyncio.run(play())
    assert world.clicks() == []


def test_another_process_does_not_take_a_file_that_is_being_written_to(world: World) -> None:
    async def play() -> None:
        writing, other = away_desk(world), world.desk()
        await writing.click(world.token(), 0, Kind.GET)
        await other.open()
        await asyncio.sleep(0.3)
        assert (len(world.spooled()), world.clicks()) == (1, [])
        await writing.close()
        await until(lambda: world.spooled() == [])
        await other.close()

    asyncio.run(play())
    assert world.clicks() == [(JO, 0, "get")]


def test_a_torn_line_does_not_keep_the_others_from_being_recorded(world: World) -> None:
    async def play() -> None:
        gone = away_desk(world)
        await gone.click(world.token(), 0, Kind.GET)
        await gone.close()
        (path,) = world.spooled()
        with path.open("ab") as file:
            file.write(b'["0190')
        desk = world.desk()
        await desk.open()
        await until(lambda: world.spooled() == [])
        await desk.close()

    asyncio.run(play())
    assert world.clicks() == [(JO, 0, "get")]


def test_with_neither_database_nor_disk_the_browser_is_still_sent_on(world: World) -> None:
    (world.folder / "spool").touch()

    async def play() -> None:
        desk = away_desk(world)
        assert await desk.click(world.token(), 0, Kind.GET) == TO_SHOP
        assert (desk.figures.spooled, desk.figures.lost) == (0, 1)

    asyncio.run(play())


def test_the_buffer_is_bounded_and_what_is_over_is_sent_on_unrecorded(world: World) -> None:
    async def play() -> None:
        desk = world.desk(manners=Manners(waiting=10))
        await desk.click(world.token(PersonId(99)), 1, Kind.GET)
        answers = await asyncio.gather(
            *(desk.click(world.token(PersonId(number)), 0, Kind.GET) for number in range(1, 31))
        )
        assert set(answers) == {TO_SHOP}
        assert desk.figures.lost == 20
        await desk.close()
        assert desk.figures.recorded == 11

    asyncio.run(play())


def test_a_browser_that_hangs_up_does_not_take_the_others_along(world: World) -> None:
    async def play() -> None:
        desk = world.desk()
        clicks = [
            asyncio.create_task(desk.click(world.token(PersonId(number)), 0, Kind.GET))
            for number in range(1, 6)
        ]
        await asyncio.sleep(0)
        clicks[0].cancel()
        answers = await asyncio.gather(*clicks, return_exceptions=True)
        assert answers[1:] == [TO_SHOP] * 4
        await desk.close()

    asyncio.run(play())
    assert len(world.clicks()) >= 4


def test_closing_writes_what_waits(world: World) -> None:
    async def play() -> None:
        desk = world.desk(manners=Manners(gather=0.2))
        await first_click(desk, world)
        clicks = [
            asyncio.create_task(desk.click(world.token(PersonId(number)), 0, Kind.GET))
            for number in range(1, 6)
        ]
        await asyncio.sleep(0)
        assert len(world.clicks()) == 1
        await desk.close()
        assert len(world.clicks()) == 6
        assert await asyncio.gather(*clicks) == [TO_SHOP] * 5

    asyncio.run(play())


def test_a_missing_table_sends_clicks_to_disk_rather_than_nowhere(world: World) -> None:
    async def play() -> None:
        world.run("ALTER TABLE measure_click RENAME TO lost")
        desk = world.desk()
        assert await desk.click(world.token(), 0, Kind.GET) == TO_SHOP
        await asyncio.sleep(0.2)
        assert len(world.spooled()) == 1
        world.run("ALTER TABLE lost RENAME TO measure_click")
        await until(lambda: world.spooled() == [])
        await desk.close()

    asyncio.run(play())
    assert world.clicks() == [(JO, 0, "get")]


def test_a_click_carries_the_moment_of_the_clock(world: World) -> None:
    world.now += timedelta(hours=5)

    async def play() -> None:
        await world.desk().click(world.token(), 0, Kind.GET)

    asyncio.run(play())
    with world.database.reading() as session:
        assert session.scalar(text("SELECT at FROM measure_click")) == world.now
