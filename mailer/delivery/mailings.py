"""Mailings come into being here, and their batches in sets; pausing and cancelling too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy import (
    insert,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_or_keep
from sqlmodel import Session, SQLModel, col, select

from mailer.database import rows_changed
from mailer.delivery._tables import BatchRow, MailingRow, RosterRow
from mailer.delivery.brake import Brake
from mailer.delivery.limits import Limits
from mailer.delivery.states import MailingState
from mailer.delivery.variants import Variant, topics_of, unless_emptied
from mailer.letters import DIGEST
from mailer.permission import Cap, Curfew, Facts, decide, decide_for_all, decide_test
from mailer.vocabulary import (
    AddressId,
    BatchId,
    Lane,
    MailingId,
    PersonId,
    Stream,
    Topic,
    Verdict,
)
from mailer.zones import QuietHours

TEST = "test"
"""The letter of a mailing that shows a campaign to staff."""

_mailing = SQLModel.metadata.tables["delivery_mailing"]
_quiet_hours = TypeAdapter(QuietHours)
_variants = TypeAdapter(tuple[Variant, ...])


class MailingNotFound(Exception):
    """No mailing has this number."""


@dataclass(frozen=True, slots=True)
class NewMailing:
    """One letter to some people, before anybody is in it."""

    key: str
    """Says what caused it, once: a second mailing under the same key is not made."""
    letter: str
    stream: Stream
    topic: Topic | None = None
    content: Mapping[str, Any] | None = None
    sealed_fields: bytes | None = None
    targets: Sequence[str] = field(default_factory=tuple)
    use_by: datetime | None = None
    quiet_hours: QuietHours | None = None
    pace: Limits | None = None
    variants: Sequence[Variant] = ()
    brake: Brake | None = None


@dataclass(frozen=True, slots=True)
class Mailing:
    """A mailing as other rooms see it."""

    id: MailingId
    key: str
    letter: str
    stream: Stream
    topic: Topic | None
    content: Mapping[str, Any] | None
    sealed_fields: bytes | None
    targets: tuple[str, ...]
    state: MailingState
    audience: int
    use_by: datetime | None
    created_at: datetime
    quiet_hours: QuietHours | None = None
    pace: Limits | None = None
    variants: tuple[Variant, ...] = ()

    def variant(self, number: int | None) -> Variant | None:
        """Return one of its letters by its number from 1 on; None where it has but one."""
        return self.variants[number - 1] if self.variants and number else None

    def curfew(self, now: datetime) -> Curfew | None:
        """Return what the decision asks about quiet hours at a moment; None without any."""
        if self.quiet_hours is None:
            return None
        return Curfew(self.quiet_hours, use_by=self.use_by, now=now)

    @property
    def has_rhythm(self) -> bool:
        """Whether frequency and cap ask about it: order updates and tests do not count."""
        return self.stream is Stream.PROMOTIONAL and self.letter != TEST

    def verdict_on(
        self, facts: Facts, *, variant: int | None, curfew: Curfew | None, cap: Cap, now: datetime
    ) -> Verdict:
        """Decide about one of its people, who were drawn for a variant.

        A digest asks for every topic of their set beside its own, and for something in the set; a
        test asks for no permission.
        """
        if self.letter == TEST:
            return decide_test(self.topic, facts, now=now)
        if self.letter == DIGEST and self.topic is not None:
            topics = (self.topic, *topics_of(self.content, variant))
            verdict = decide_for_all(self.stream, topics, facts, curfew=curfew, cap=cap, now=now)
            return unless_emptied(verdict, variant)
        return decide(self.stream, self.topic, facts, curfew=curfew, cap=cap, now=now)


def fields_place(key: str) -> str:
    """Name the place of a mailing's sealed fields, for the vault's associated data."""
    return f"delivery_mailing.sealed_fields:{key}"


def create_mailing(session: Session, new: NewMailing, *, now: datetime) -> MailingId | None:
    """Make a mailing and return its number, or None where its key stands already.

    A second maker of the same key waits for the first one's commit: whoever comes second is told.
    """
    made = session.execute(
        insert_or_keep(_mailing)
        .values(
            key=new.key,
            letter=new.letter,
            stream=new.stream.value,
            topic=new.topic.value if new.topic else None,
            content=dict(new.content) if new.content is not None else None,
            sealed_fields=new.sealed_fields,
            targets=list(new.targets),
            state=MailingState.SENDING.value,
            audience=0,
            use_by=new.use_by,
            quiet_hours=_stored(new.quiet_hours),
            brake=new.brake.model_dump(mode="json") if new.brake is not None else None,
            pace=new.pace.stored() if new.pace is not None and new.pace.is_any else None,
            variants=_variants.dump_python(tuple(new.variants), mode="json") or None,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(_mailing.c.id)
    ).scalar_one_or_none()
    return None if made is None else MailingId(made)


def _stored(hours: QuietHours | None) -> dict[str, Any] | None:
    return None if hours is None else dict(_quiet_hours.dump_python(hours, mode="json"))


def send_to_one(
    session: Session,
    mailing_id: MailingId,
    *,
    person_id: PersonId,
    address_id: AddressId,
    now: datetime,
) -> BatchId:
    """Put one person in line for an order update, or a test, in the orders' lane; due at once."""
    batch_id: int = session.execute(
        text("SELECT nextval(pg_get_serial_sequence('delivery_batch', 'id'))")
    ).scalar_one()
    session.execute(
        insert(BatchRow).values(
            id=batch_id,
            mailing_id=mailing_id,
            root_id=batch_id,
            lane=Lane.ORDERS.value,
            not_before=now,
            size=1,
        )
    )
    session.execute(
        insert(RosterRow).values(batch_id=batch_id, persons=[person_id], addresses=[address_id])
    )
    session.execute(
        update(MailingRow)
        .where(col(MailingRow.id) == mailing_id)
        .values(audience=MailingRow.audience + 1)
    )
    return BatchId(batch_id)


def set_mailing_state(session: Session, mailing_id: MailingId, state: MailingState) -> None:
    """Pause, resume or cancel a mailing; its batches in hand are stopped at the gate.

    One that the brake has stopped stays so until it is released. Cancelling ends every batch that
    is not in hand, for good. Raises MailingNotFound.
    """
    changed = rows_changed(
        session,
        update(MailingRow)
        .where(
            col(MailingRow.id) == mailing_id,
            col(MailingRow.state) != "cancelled",
            sa.true() if state is not MailingState.SENDING else col(MailingRow.braked).is_(None),
        )
        .values(state=state.value),
    )
    if not changed and session.get(MailingRow, mailing_id) is None:
        raise MailingNotFound(f"mailing {mailing_id}")
    if state is MailingState.CANCELLED:
        cancel_waiting(session, mailing_id)


def cancel_waiting(session: Session, mailing_id: MailingId) -> None:
    """Cancel the batches of a mailing that are prepared or claimed."""
    session.execute(
        update(BatchRow)
        .where(
            col(BatchRow.mailing_id) == mailing_id,
            col(BatchRow.state).in_(("prepared", "claimed")),
        )
        .values(state="cancelled", token=None)
    )


def mailing_of(session: Session, mailing_id: MailingId) -> Mailing:
    """Return a mailing. Raises MailingNotFound."""
    row = session.get(MailingRow, mailing_id, populate_existing=True)
    if row is None:
        raise MailingNotFound(f"mailing {mailing_id}")
    return mailing_from(row)


def mailing_by_key(session: Session, key: str) -> Mailing | None:
    """Return the mailing that stands under a key, if any."""
    row = session.exec(select(MailingRow).where(MailingRow.key == key)).one_or_none()
    return mailing_from(row) if row else None


def mailing_from(row: MailingRow) -> Mailing:
    """Read a row as the value that other rooms see."""
    return Mailing(
        id=MailingId(row.id or 0),
        key=row.key,
        letter=row.letter,
        stream=Stream(row.stream),
        topic=Topic(row.topic) if row.topic else None,
        content=row.content,
        sealed_fields=row.sealed_fields,
        targets=tuple(row.targets),
        state=MailingState(row.state),
        audience=row.audience,
        use_by=row.use_by,
        created_at=row.created_at,
        quiet_hours=_quiet_hours.validate_python(row.quiet_hours) if row.quiet_hours else None,
        pace=Limits.model_validate(row.pace) if row.pace else None,
        variants=_variants.validate_python(row.variants or ()),
    )


def targets_of(session: Session, mailing_id: MailingId) -> tuple[str, ...] | None:
    """Return where the links of a mailing lead, in order, or None for no such mailing (C16)."""
    targets = session.exec(select(MailingRow.targets).where(MailingRow.id == mailing_id)).first()
    return None if targets is None else tuple(targets)
