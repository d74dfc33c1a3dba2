"""The processes of the service, as actors: senders, the sweep, staff, the shop."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from mailer import delivery
from mailer.delivery import (
    MailingState,
    NewMailing,
    Reaper,
    Sender,
    SenderClock,
    SenderSettings,
    create_mailing,
    prepare_audience,
)
from mailer.delivery.claimed import Claimed
from mailer.delivery.gate import Prepared
from mailer.failpoints import Failpoint
from mailer.people import AudienceFilter, Profile, audience_of, profiles_of
from mailer.providers import Outgoing
from mailer.vocabulary import AddressId, Lane, MailingId, PersonId, Reason, Stream, Topic
from tests.people_of_tests import TestPerson
from tests.simulation.scheduler import Scheduler
from tests.simulation.world import AWAY, OPENINGS, World

LEASE = timedelta(seconds=30)
REPLY_TIMEOUT = timedelta(seconds=20)
SWEEP = 10.0


@dataclass(frozen=True)
class SimulatedPress:
    """Prints what tells messages apart, the mailing's number and the person's; refuses as the real one.

    An order update has the number of its first reader, whoever they are by now: as its Message-ID.
    """

    world: World

    def print_messages(
        self, batch: Claimed, *, untracked: Collection[PersonId], now: datetime
    ) -> Mapping[PersonId, Prepared | Reason]:
        with self.world.database.reading() as session:
            profiles = profiles_of(session, self.world.vault, list(batch.people))
        first = self.world.first_readers.get(batch.mailing.key)
        return {
            who: _print_one(
                batch, profiles.get(who), address, first or who, tracking=who not in untracked
            )
            for who, address in batch.people.items()
        }


def _print_one(
    batch: Claimed, profile: Profile | None, address: AddressId, first: PersonId, *, tracking: bool
) -> Prepared | Reason:
    if profile is None:
        return Reason.NOT_GONE
    if profile.address_id != address:
        return Reason.NOT_MOVED
    number = b"%d.%d" % (batch.mailing.id, first)
    pieces = [number, profile.name.encode()]
    outgoing = Outgoing(profile.person_id, "news@example.org", profile.email, pieces)
    return Prepared(outgoing, version=profile.version, tracking=tracking)


def open_company(world: World) -> None:
    """Make the campaigns, and let everybody come to work."""
    for number in range(world.plan.mailings):
        world.mailings.append(_start_campaign(world, number))
    for name in ("sender-1", "sender-2"):
        world.employ(name, partial(_deliver, world, name))
    world.employ("sweep", partial(_sweep, world))
    if world.plan.staff is not None:
        # Who gives up between the two would leave a campaign paused for good, which is no fault of it.
        pauses = world.plan.staff is MailingState.PAUSED
        steer = partial(_steer, world, world.plan.staff)
        world.send_out("staff", steer, may_give_up=not pauses)
    if world.plan.orders:
        world.send_out("shop", partial(_order, world))


def _start_campaign(world: World, number: int) -> MailingId:
    new = NewMailing(
        f"simulation:{uuid.uuid4()}",
        "promotional",
        Stream.PROMOTIONAL,
        Topic.COMPANY_NEWS,
        content={},
        brake=world.plan.brake,
        pace=world.plan.limits if number == 0 else None,
    )
    who = AudienceFilter(person_ids=frozenset(each.person_id for each in world.people))
    with world.database.transaction() as session:
        made = create_mailing(session, new, now=world.now())
        if made is None:
            raise AssertionError("a key of its own makes a mailing")
        prepare_audience(session, made, audience_of(who), now=world.now())
    return made


# The senders


def _deliver(world: World, name: str) -> None:
    """A worker: one batch after the other in both lanes, until nothing is to do."""
    sender, least = _sender(world, name), world.plan.idle
    idle = least
    while not world.is_over:
        try:
            found = bool(world.plan.orders) and _deliver_one(world, sender, Lane.ORDERS)
            found = _deliver_one(world, sender, Lane.PROMOTIONAL) or found
            if not found and idle > least:
                _look_whether_all_is_done(world)
        except AWAY:
            found = False
        world.scheduler.rest("between two batches", 0.0 if found else idle)
        idle = least if found else min(idle * 6, 900.0)


def _deliver_one(world: World, sender: Sender, lane: Lane) -> bool:
    scheduler = world.scheduler
    scheduler.actor.last_point = None
    found = sender.deliver_one(lane)
    if scheduler.actor.last_point is Failpoint.WINDOW_OPEN:
        scheduler.note("a batch that was no longer ours")
    return found


def _sender(world: World, name: str) -> Sender:
    scheduler = world.scheduler
    return world.cast.sender(
        world.database,
        world.cast.gate(world.database, world.relay),
        SimulatedPress(world),
        world.journal(name),
        SenderClock(
            world.now,
            monotonic=scheduler.monotonic,
            sleep=partial(_sleep, scheduler),
            window=lambda: world.cast.window.opened(scheduler),
        ),
        SenderSettings(lease=LEASE, pace=world.plan.pace),
    )


def _sleep(scheduler: Scheduler, seconds: float) -> None:
    """Sleep, and count it where a batch waits for its turn."""
    if seconds and scheduler.actor.last_point is Failpoint.PRINTED:
        scheduler.note("a wait for a turn")
    scheduler.sleep(seconds)


def _look_whether_all_is_done(world: World) -> None:
    if world.are_errands_done():
        with world.database.reading() as session:
            world.is_over = not any(
                delivery.unfinished(session, each) for each in world.all_mailings()
            )


# The sweep


def _sweep(world: World) -> None:
    """The chores of every few seconds: give up who died in the act; release the brake."""
    scheduler, pause = world.scheduler, SWEEP
    reaper = Reaper(scheduler.monotonic)
    while not world.is_over:
        _rest_between_sweeps(world, pause)
        pause = min(pause * 1.5, 900.0)
        try:
            with world.database.transaction() as session:
                found = reaper.reap(session, reply_timeout=REPLY_TIMEOUT, now=world.now())
            if found:
                world.scheduler.note("batches given up")
            if world.plan.may_brake:
                _release_brakes(world)
        except AWAY:
            continue


def _rest_between_sweeps(world: World, seconds: float) -> None:
    """Rest; where clocks are apart, till a moment at which giving up would hurt most."""
    scheduler = world.scheduler
    if world.plan.clocks.ahead:
        scheduler.rest_until(scheduler.chance.choice(OPENINGS), seconds)
    else:
        scheduler.rest("between two sweeps", seconds)


def _release_brakes(world: World) -> None:
    """Somebody in charge has looked at what the brake stopped, and lets it go on."""
    with world.database.transaction() as session:
        for each in world.mailings:
            if delivery.braked_of(session, each) is not None:
                world.scheduler.note("a brake released")
                delivery.release_brake(session, each)
                delivery.set_mailing_state(session, each, MailingState.SENDING)


# Staff and the shop


def _steer(world: World, state: MailingState) -> None:
    """Pause for a while, or cancel."""
    scheduler = world.scheduler
    scheduler.rest_until(scheduler.chance.choice(OPENINGS), scheduler.chance.uniform(0, 40))
    _set_state(world, state)
    if state is MailingState.PAUSED:
        scheduler.rest("between pause and resumption", scheduler.chance.uniform(0, 40))
        _set_state(world, MailingState.SENDING)


def _set_state(world: World, state: MailingState) -> None:
    while True:
        try:
            with world.database.transaction() as session:
                delivery.set_mailing_state(session, world.mailings[0], state)
                world.scheduler.rest("staff's COMMIT")
        except AWAY:
            world.scheduler.rest("before staff try again", 1.0)
        else:
            return


def _order(world: World) -> None:
    """Somebody orders, and is told; the key makes each mail once, however often it is tried."""
    for _ in range(world.plan.orders):
        world.scheduler.rest("before an order", world.scheduler.chance.uniform(0, 20))
        person, key = world.scheduler.chance.choice(world.people), f"order:{uuid.uuid4()}"
        world.first_readers[key] = person.person_id
        while not _is_told_of_order(world, person, key):
            world.scheduler.rest("before the shop tries again", 1.0)


def _is_told_of_order(world: World, person: TestPerson, key: str) -> bool:
    try:
        with world.database.transaction() as session:
            new = NewMailing(key, "order_shipped", Stream.ORDER_UPDATE)
            made = create_mailing(session, new, now=world.now())
            if made is not None:
                delivery.send_to_one(
                    session,
                    made,
                    person_id=person.person_id,
                    address_id=person.address_id,
                    now=world.now(),
                )
        with world.database.reading() as session:
            mailing = delivery.mailing_by_key(session, key)
    except AWAY:
        return False
    if mailing is not None:
        world.orders[mailing.id] = person
    return mailing is not None
