"""Handing a wish over, and saying truthfully whether it is kept and what had left before it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlmodel import Session

from mailer import policy
from mailer.database import CommitInDoubt, DatabaseAway
from mailer.delivery import Acknowledgement, Left, MailingNotFound, mailing_of
from mailer.journal import JournalUnwritable
from mailer.permission import Change
from mailer.vocabulary import AddressId, Door, PersonId, Topic
from preference_center.customers.views import LeftView, Place
from preference_center.customers.visitor import Bearer
from preference_center.door import WebDoor


class NotSurelySaved(Exception):
    """A wish was begun and it is not certain that it is kept: nothing may be said to be saved."""


def stop_mail(
    door: WebDoor, bearer: Bearer, topic: Topic | None, *, through: Door, words: str
) -> Acknowledgement:
    """Stop one topic, or all promotional mail where none is named; return when it is in force.

    Raises NotSurelySaved.
    """
    change = Change(
        door=through,
        policy_version=policy.CURRENT.version,
        stop_all=topic is None,
        topics_off=frozenset({topic} if topic else ()),
        words=words,
        mailing_id=bearer.mailing_id,
    )
    return hand_over(door, bearer.person_id, bearer.address_id, change)


def hand_over(
    door: WebDoor, person_id: PersonId, address_id: AddressId, change: Change
) -> Acknowledgement:
    """Hand a wish over, timed; return the acknowledgement. Raises NotSurelySaved."""
    with door.meters.acknowledging(change.door.value), not_surely():
        return door.parts.opt_outs.change(person_id, change, address_id=address_id)


@contextmanager
def not_surely() -> Iterator[None]:
    """Turn every failure to keep a wish into NotSurelySaved."""
    try:
        yield
    except (DatabaseAway, CommitInDoubt, JournalUnwritable) as error:
        raise NotSurelySaved(type(error).__name__) from error


def underway(
    session: Session, place: Place, said: Acknowledgement
) -> tuple[tuple[LeftView, ...], tuple[str, ...]]:
    """Return what had left before the wish was heard, and the subjects of what may have."""
    left = tuple(LeftView(subject_of(session, each), place.moment(each.at)) for each in said.left)
    return left, tuple(subject_of(session, each) for each in said.unsure)


def subject_of(session: Session, left: Left) -> str:
    """Return a message's subject as its writer wrote it; its topic where that holds slots."""
    try:
        mailing = mailing_of(session, left.mailing_id)
    except MailingNotFound:
        return ""
    subject = str((mailing.content or {}).get("subject", ""))
    if subject and "{" not in subject:
        return subject
    return mailing.topic.label if mailing.topic else ""
