"""What is asked of a world when it is over: the promises, by what the relay has seen."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta

from sqlmodel import Session

from mailer import delivery, people
from mailer.delivery import Books
from mailer.delivery.retry import UNKNOWN_ATTEMPTS
from mailer.journal import JournalLine
from mailer.providers import Later, Rejected, Unknown
from mailer.vocabulary import MailingId, Refused, Stream, Topic
from tests.simulation.relay import Begun
from tests.simulation.world import No, World

MINUTE = 60.0


def findings(world: World, journal: Sequence[JournalLine]) -> Iterator[str]:
    """Yield everything that is wrong with a world, in words; nothing when the promises held."""
    yield from _begun_after_a_no(world)
    yield from _not_named(world)
    yield from _taken_twice(world)
    yield from _too_fast(world)
    yield from _forgotten_nos(world, journal)
    yield from _books(world)
    yield from _orders(world)
    yield from _not_journaled(world, journal)


def _mailing_of(begun: Begun) -> MailingId:
    return MailingId(int(begun.message_id.partition(".")[0]))


def _promotional(world: World) -> list[Begun]:
    return [each for each in world.relay.record if _mailing_of(each) in world.mailings]


# Silence


def _begun_after_a_no(world: World) -> Iterator[str]:
    """Nothing begins after an acknowledgement: what was named had begun before it as well."""
    for no in world.nos:
        mailboxes = _mailboxes(no)
        for each in _promotional(world):
            if each.recipient not in mailboxes or each.step < no.step:
                continue
            if not _came_back(world, no, each):
                named = "named" if _mailing_of(each) in no.left | no.unsure else "not named"
                yield (
                    f"C1: {each.message_id} was begun at {each.seconds:.2f}, step {each.step}:"
                    f" a {no.kind} was acknowledged at {no.seconds:.2f}, step {no.step}, {named}"
                )


def _mailboxes(no: No) -> set[str]:
    """Where a no must be heard: an address alone, or wherever the customer went."""
    if no.kind in {"address", "move"}:
        return {no.person.email}
    return {no.person.email, f"moved.{no.person.email}"}


def _came_back(world: World, no: No, begun: Begun) -> bool:
    """Say whether a later yes of theirs may hold; whoever was merged speaks for the other too."""
    is_merged = any(each.kind == "merge" for each in world.nos)
    return any(
        (is_merged or yes.person is no.person)
        and not yes.is_stale
        and yes.asked <= begun.step
        and yes.answered >= no.asked
        for yes in world.yeses
    )


def _not_named(world: World) -> Iterator[str]:
    """What was taken while a no was waiting for it is named in the answer."""
    for no in world.nos:
        for each in _promotional(world):
            if each.recipient != no.person.email or not each.was_taken:
                continue
            is_named = _mailing_of(each) in no.left | no.unsure
            if no.looked <= each.step < no.step and not is_named:
                yield f"C1: {each.message_id} was taken at {each.seconds:.2f} and a {no.kind} does not name it"


# Once


def _taken_twice(world: World) -> Iterator[str]:
    taken = Counter(each.message_id for each in _promotional(world) if each.was_taken)
    yield from (f"C2: {each} was taken {count} times" for each, count in taken.items() if count > 1)


# Not too fast


def _too_fast(world: World) -> Iterator[str]:
    """In no minute more begin than the first campaign may; clocks that are apart count other minutes."""
    limits = world.plan.limits
    if limits is None or limits.per_minute is None or world.plan.clocks.ahead:
        return
    began = sorted(
        each.seconds for each in world.relay.record if _mailing_of(each) == world.mailings[0]
    )
    yield from crowded_minutes(began, limits.per_minute)


def crowded_minutes(began: Sequence[float], most: int) -> Iterator[str]:
    """Tell of each minute in which more than `most` of these moments, in order, lie."""
    for first, beyond in zip(began, began[most:], strict=False):
        if beyond - first < MINUTE:
            yield f"pace: more than {most} were begun from {first:.2f} to {beyond:.2f}"


# Kept


def _forgotten_nos(world: World, journal: Sequence[JournalLine]) -> Iterator[str]:
    written = {line.ids.get("reference") for line in journal if line.kind == "no"}
    with world.database.reading() as session:
        for no in world.nos:
            if no.reference not in written:
                yield f"C3: a {no.kind} acknowledged at {no.seconds:.2f} is not in the journal"
            if not world.yeses and no.kind != "move" and not _is_kept(session, world, no):
                yield f"C3: a {no.kind} acknowledged at {no.seconds:.2f} is gone"


def _is_kept(session: Session, world: World, no: No) -> bool:
    """Ask as a new campaign would: at the address of the no, and where they are now."""
    survivor = people.identity_of(session, no.person.person_id).survivor
    addresses = {no.person.address_id}
    if no.kind != "address":
        addresses.add(people.address_of(session, survivor))
    verdicts = [
        delivery.verdict_now(
            session,
            survivor,
            each,
            stream=Stream.PROMOTIONAL,
            topic=Topic.COMPANY_NEWS,
            now=world.now(),
        )
        for each in addresses
    ]
    return all(isinstance(each, Refused) for each in verdicts)


# The books


def _books(world: World) -> Iterator[str]:
    taken = defaultdict[MailingId, set[str]](set)
    for each in world.relay.record:
        if each.was_taken:
            taken[_mailing_of(each)].add(each.message_id)
    with world.database.reading() as session:
        books = {each: delivery.books(session, each) for each in world.all_mailings()}
    world.unknown = sum(each.unknown for each in books.values())
    for mailing, kept in books.items():
        size = 1 if mailing in world.orders else len(world.people)
        yield from _books_of(kept, size, len(taken[mailing]))
        is_once = mailing in world.mailings  # a copy of an order update may be refused
        if is_once and len(taken[mailing]) > kept.accepted + kept.unknown:
            yield f"C4: {len(taken[mailing])} were taken: {kept}"


def _books_of(books: Books, size: int, taken: int) -> Iterator[str]:
    if not books.balance or books.audience != size:
        yield f"C4: the books of {size} people do not balance: {books}"
    if books.to_go:
        yield f"C7: {books.to_go} are still to go"
    if books.accepted > taken:
        yield f"C4: only {taken} were taken: {books}"


# Order updates


def _orders(world: World) -> Iterator[str]:
    """At least once, each copy with a reason, and not for ever."""
    given_up = world.scheduler.met["batches given up"]
    for mailing in world.orders:
        offers = [each for each in world.relay.record if _mailing_of(each) == mailing]
        taken = sum(each.was_taken for each in offers)
        silences = sum(isinstance(each.answer, Unknown) for each in offers)
        denied = sum(isinstance(each.answer, Later | Rejected) for each in offers)
        if len({each.message_id for each in offers}) > 1:
            yield "C5: an order update changed its Message-ID"
        if taken > 1 + silences + given_up:
            yield f"C5: an order update was taken {taken} times without a reason"
        if len(offers) - denied > UNKNOWN_ATTEMPTS:
            yield f"C5: an order update was offered {len(offers)} times, {denied} denied"


# The journal knows each batch in hand before anybody of it is begun


def _not_journaled(world: World, journal: Sequence[JournalLine]) -> Iterator[str]:
    lines = [line for line in journal if line.kind == "handing"]
    for each in world.relay.record:
        # A clock that is ahead when the line is written may be set right before the message begins.
        ahead = max(0.0, world.plan.clocks.ahead)
        began = world.began + timedelta(seconds=each.seconds + ahead)
        mailing = _mailing_of(each)
        if not any(line.ids["mailing"] == mailing and line.at <= began for line in lines):
            yield f"{each.message_id} was begun and is not in the journal"
