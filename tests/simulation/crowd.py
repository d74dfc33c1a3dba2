"""People who want silence, at the moments that hurt most, and one or two who come back."""

from dataclasses import dataclass
from functools import partial

from mailer import permission
from mailer.delivery import Acknowledgement, Clocks, OptOuts
from mailer.delivery.window import BARRIER
from mailer.failpoints import Failpoint
from mailer.people import PersonGone
from mailer.permission import Change, NewSuppression
from mailer.vocabulary import Door, Scope, SuppressionReason, Topic
from tests.people_of_tests import TestPerson
from tests.simulation.scheduler import Scheduler
from tests.simulation.world import AWAY, OPENINGS, No, World, Yes

STOP = Change(door=Door.ONE_CLICK, policy_version="2026-11", stop_all=True)
OFF = Change(
    door=Door.PREFERENCE_PAGE,
    policy_version="2026-11",
    topics_off=frozenset({Topic.COMPANY_NEWS}),
)
KINDS = ("stop", "stop", "off", "off", "removal", "address", "move", "merge", "back again")
"""What somebody may want; `back again` says yes after a stop."""


def come_to_speak(world: World) -> None:
    """Let whoever has a wish be on their way."""
    for number, kind in enumerate(world.plan.wishes):
        person = world.scheduler.chance.choice(world.people)
        world.send_out(f"guest-{number}", partial(_speak, world, f"guest-{number}", person, kind))


def _speak(world: World, name: str, person: TestPerson, kind: str) -> None:
    scheduler = world.scheduler
    if scheduler.chance.random() < 0.3:
        scheduler.rest("before a wish", scheduler.chance.uniform(0, 40))
    else:
        scheduler.rest_until(scheduler.chance.choice(OPENINGS), 60.0)
    _say_no(world, name, person, "stop" if kind in {"merge", "back again"} else kind)
    if kind == "merge":
        other = next(each for each in world.people if each is not person)
        _say_no(world, name, person, "merge", other)
    elif kind == "back again":
        scheduler.rest("before a yes", scheduler.chance.uniform(0, 20))
        _say_yes(world, name, person)


def _say_no(
    world: World, name: str, person: TestPerson, kind: str, other: TestPerson | None = None
) -> None:
    """Ask for silence, again and again until answered."""
    scheduler = world.scheduler
    while True:
        asked, barrier = scheduler.steps, _Barrier(scheduler)
        try:
            answer = _ask(_opt_outs(world, name, barrier), person, kind, other)
        except AWAY as error:
            scheduler.note(f"a wish was not kept: {type(error).__name__}")
            scheduler.rest("before asking again", 1.0)
        except (PersonGone, permission.NotAdmitted):
            scheduler.note("somebody who is somebody else by now")
            return
        else:
            break
    barrier.tell(answer)
    _keep(world, person, kind, asked, answer)
    if other is not None:
        _keep(world, other, kind, asked, answer)


def _keep(world: World, person: TestPerson, kind: str, asked: int, answer: Acknowledgement) -> None:
    scheduler = world.scheduler
    left = frozenset(each.mailing_id for each in answer.left)
    unsure = frozenset(each.mailing_id for each in answer.unsure)
    named = [name for name, mails in (("what left", left), ("what may have", unsure)) if mails]
    scheduler.note(f"a no acknowledged{', naming ' if named else ''}{' and '.join(named)}")
    no = No(
        person,
        kind,
        asked=asked,
        looked=scheduler.actor.stood[Failpoint.WISH_LOOKED],
        step=scheduler.steps,
        seconds=scheduler.seconds,
        reference=answer.reference,
        left=left,
        unsure=unsure,
    )
    world.nos.append(no)


def _ask(
    opt_outs: OptOuts, person: TestPerson, kind: str, other: TestPerson | None
) -> Acknowledgement:
    if kind == "stop":
        return opt_outs.change(person.person_id, STOP, address_id=person.address_id)
    if kind == "off":
        return opt_outs.change(person.person_id, OFF, address_id=person.address_id)
    if kind == "move":
        return opt_outs.change_address(person.person_id, f"moved.{person.email}")
    if other is not None:
        return opt_outs.merge(survivor=other.person_id, merged=person.person_id)
    no = NewSuppression(
        scope=Scope.PROMOTIONAL,
        reason=SuppressionReason.OPT_OUT,
        door=Door.SUPPORT,
        address_id=person.address_id,
    )
    persons = [person.person_id] if kind == "removal" else []
    return opt_outs.suppress(no, persons=persons)[1]


def _say_yes(world: World, name: str, person: TestPerson) -> None:
    """Come back, by a page that may be out of date when it is sent; once, answered or not."""
    scheduler = world.scheduler
    try:
        with world.database.reading() as session:
            standing = permission.standing_of(session, person.person_id)
        scheduler.rest("a page that is being read", scheduler.chance.uniform(0, 5))
        yes = Yes(person, scheduler.steps)
        world.yeses.append(yes)
        change = Change(
            door=Door.PREFERENCE_PAGE,
            policy_version="2026-11",
            topics_on=frozenset({Topic.COMPANY_NEWS}),
            words="Send me these by e-mail.",
            seen_version=standing.version if standing else 0,
        )
        opt_outs = _opt_outs(world, name, _Barrier(scheduler))
        answer = opt_outs.change(person.person_id, change, address_id=person.address_id)
    except (*AWAY, permission.NotAdmitted):
        return
    yes.answered, yes.is_stale = scheduler.steps, bool(answer.stale)
    scheduler.note("a stale yes, asked again" if yes.is_stale else "a yes")


def _opt_outs(world: World, name: str, barrier: "_Barrier") -> OptOuts:
    clocks = Clocks(world.now, world.scheduler.monotonic, barrier.sleep)
    return world.cast.opt_outs(
        world.database, world.vault, world.journal(name), clocks, world.reference
    )


@dataclass
class _Barrier:
    """How somebody's wait for batches in hand went."""

    scheduler: Scheduler
    began: float | None = None

    def sleep(self, seconds: float) -> None:
        if self.began is None:
            self.began = self.scheduler.seconds
        self.scheduler.sleep(seconds)

    def tell(self, answer: Acknowledgement) -> None:
        """Count a wait by what ended it."""
        if self.began is not None:
            is_out_of_time = answer.unsure and self.scheduler.seconds - self.began >= BARRIER
            how = "by its time" if is_out_of_time else "by settling"
            self.scheduler.note(f"a barrier's wait ended {how}")
