"""When a group of clicks begins: at once at an idle desk, when enough wait, or when it is time."""

import asyncio

import pytest

from mailer.measure import ClickDesk, Kind, Manners
from mailer.vocabulary import PersonId
from tests.measure.conftest import World
from tests.measure.test_desk import TO_SHOP, first_click

LONG = 30.0
"""No test waits so long for its group."""


def clicking(desk: ClickDesk, world: World, count: int) -> "asyncio.Future[list[object]]":
    people = [PersonId(number) for number in range(2, 2 + count)]
    clicks = [desk.click(world.token(person), 0, Kind.GET) for person in people]
    return asyncio.gather(*clicks)


def test_enough_that_wait_begin_a_group_at_once(world: World) -> None:
    async def play() -> None:
        desk = world.desk(manners=Manners(gather=LONG, enough=5, patience=LONG))
        await first_click(desk, world)
        assert await asyncio.wait_for(clicking(desk, world, 5), LONG / 2) == [TO_SHOP] * 5
        assert desk.figures.recorded == 6

    asyncio.run(play())
    assert len(world.clicks()) == 6


def test_fewer_than_enough_wait_until_it_is_time(world: World) -> None:
    async def play() -> None:
        desk = world.desk(manners=Manners(gather=0.5, enough=5, patience=LONG))
        await first_click(desk, world)
        answers = clicking(desk, world, 4)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(answers), 0.1)
        assert len(world.clicks()) == 1
        assert await answers == [TO_SHOP] * 4
        await desk.close()

    asyncio.run(play())
    assert len(world.clicks()) == 5


def test_what_is_more_than_enough_waits_anew(world: World) -> None:
    async def play() -> None:
        desk = world.desk(manners=Manners(gather=LONG, enough=3, patience=LONG))
        await first_click(desk, world)
        for _ in range(3):
            await asyncio.wait_for(clicking(desk, world, 3), LONG / 2)
        assert desk.figures.recorded == 10

    asyncio.run(play())
