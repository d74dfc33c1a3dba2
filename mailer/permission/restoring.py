"""Nos that a database has lost, brought back: under the person's lock, as they were spoken."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, DateTime, Text, bindparam, or_, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, col, select

from mailer.permission._tables import ConsentRow, SuppressionRow
from mailer.permission.changes import Change, apply, lock
from mailer.permission.joining import carry
from mailer.permission.retelling import LESS, MORE, Act, Said, what_holds
from mailer.permission.suppression import NewSuppression, suppress, suppress_person
from mailer.vocabulary import (
    AddressId,
    Door,
    Frequency,
    PersonId,
    SuppressionReason,
    Topic,
)

ToldNo = tuple[NewSuppression, datetime]
"""A no by address as a line tells it, and the line's moment."""
LIFTED_MEANWHILE = timedelta(seconds=10)
"""By how much a lift may be dated before a no that it ended: each has the moment it was asked for."""


def versions_of(session: Session, person_ids: Collection[PersonId]) -> dict[PersonId, int]:
    """Return the version of each person's wishes; who was never admitted is absent."""
    rows = session.execute(_VERSIONS, {"persons": list(person_ids)})
    return {PersonId(row.person_id): row.version for row in rows}


def references_known(session: Session, references: Collection[str]) -> set[str]:
    """Return by which of these references words stand in the consent record."""
    return set(session.execute(_REFERENCES, {"references": list(references)}).scalars())


def nos_lacking(
    session: Session, told: Collection[ToldNo], *, lifted_meanwhile: timedelta = timedelta(0)
) -> frozenset[ToldNo]:
    """Return which of these nos by address the database has never heard of.

    It has where one stands that reaches as far; or where one has ended that began at that very
    moment, or was lifted after it: a suppression is lifted and never deleted. One that was lifted
    before says nothing of a no that was spoken again. With `lifted_meanwhile` a lift so little
    before counts as one after.
    """
    distinct = list(dict.fromkeys(told))
    given = {
        "numbers": list(range(len(distinct))),
        "addresses": [no.address_id for no, _ in distinct],
        "scopes": [no.scope.value for no, _ in distinct],
        "topics": [no.topic.value if no.topic else None for no, _ in distinct],
        "reasons": [no.reason.value for no, _ in distinct],
        "ends": [no.until for no, _ in distinct],
        "moments": [at for _, at in distinct],
    }
    # Those that stand are found by index; only for the others all that ended are looked through.
    lacking = session.execute(_NOT_STANDING, given).scalars().all()
    if lacking:
        left = {"lacking": list(lacking), "lifted": [at - lifted_meanwhile for _, at in distinct]}
        lacking = session.execute(_NOT_ENDED, given | left).scalars().all()
    return frozenset(distinct[number] for number in lacking)


def bring_back_wishes(
    session: Session,
    person_id: PersonId,
    said: Sequence[Said],
    *,
    addresses: Collection[AddressId],
) -> int:
    """Write what of these wishes the database lacks and what still holds; return how many acts.

    Each is written as it was spoken, with its moment, door and reference. Nos reach the person and
    every address given. A yes is written only where it is surely later than every no, of the
    journal and of the database. The version does not fall behind the journal's. To be done again
    changes nothing but the version. Raises NotAdmitted.
    """
    lock(session, person_id)
    known = _known_to(session, person_id, addresses)
    there = {(each.reference, each.at) for each in known}
    missing = [each for each in said if (each.reference, each.at) not in there]
    written = 0
    for each in what_holds([*known, *missing]):
        written += _apply(session, person_id, each, addresses)
    _keep_up(session, person_id, max((each.version for each in said), default=0))
    return written


def bring_back_no(session: Session, no: NewSuppression, *, at: datetime) -> bool:
    """Write a no by address that the database lacks; say whether it did.

    One that it knows is left as it is, ended or not.
    """
    if not nos_lacking(session, [(no, at)]):
        return False
    suppress(session, no, now=at)
    return True


def bring_back_silence(
    session: Session,
    no: NewSuppression,
    *,
    person_id: PersonId,
    addresses: Collection[AddressId],
    at: datetime,
) -> int:
    """Write a no that nobody spoke on a page where it is unknown; return at how many addresses."""
    asked = {(replace(no, person_id=None, address_id=each), at): each for each in addresses}
    lacking = [asked[each] for each in nos_lacking(session, asked)]
    if lacking:
        suppress_person(session, no, person_id=person_id, address_ids=lacking, now=at)
    return len(lacking)


def bring_along(
    session: Session,
    person_id: PersonId,
    *,
    persons: Collection[PersonId],
    addresses: Collection[AddressId],
    joined: bool,
) -> int:
    """Let every no of a person hold at all of these addresses; return how many were missing.

    After a merge or a move (`joined`) the nos of the addresses themselves go along, as then.
    """
    return carry(
        session,
        person_id,
        persons=persons,
        of_addresses=addresses if joined else (),
        at=addresses,
        door=Door.MERGE,
    )


def keep_up(session: Session, person_id: PersonId, version: int) -> None:
    """Let a person's version be no lower than this: older pages are stale. Raises NotAdmitted."""
    lock(session, person_id)
    _keep_up(session, person_id, version)


def _keep_up(session: Session, person_id: PersonId, version: int) -> None:
    session.execute(_KEEP_UP, {"person": person_id, "version": version})


def _apply(
    session: Session, person_id: PersonId, said: Said, addresses: Collection[AddressId]
) -> int:
    applied = apply(
        session,
        person_id=person_id,
        address_ids=addresses,
        change=_change(said),
        reference=said.reference,
        now=said.at,
    )
    return len(applied.acts)


def _change(said: Said) -> Change:
    acts = dict.fromkeys(said.acts)
    pause, frequency = said.values.get("pause"), _frequency(said)
    return Change(
        door=said.door,
        policy_version=said.policy_version,
        stop_all=("stop", None) in acts,
        topics_off=_topics(acts, "no"),
        topics_on=_topics(acts, "yes"),
        paused_until=datetime.fromisoformat(pause) if pause and ("pause", None) in acts else None,
        resume=("resume", None) in acts,
        frequency=frequency,
        tracking=_tracking(acts),
        gpc=True if any(name == "gpc" for name, _ in acts) else None,
    )


def _topics(acts: Iterable[Act], name: str) -> frozenset[Topic]:
    return frozenset(topic for act, topic in acts if act == name and topic)


def _frequency(said: Said) -> Frequency | None:
    names = [name for name, _ in said.acts if name in ("less_often", "more_often")]
    return Frequency(said.values[names[0]]) if names and names[0] in said.values else None


def _tracking(acts: Iterable[Act]) -> bool | None:
    said = {name == "tracking_on" for name, _ in acts if name.startswith("tracking_")}
    return said.pop() if said else None


def _known_to(
    session: Session, person_id: PersonId, addresses: Collection[AddressId]
) -> list[Said]:
    """Return what the database knows: the person's words, and nos written by address."""
    words = session.exec(
        select(ConsentRow).where(
            ConsentRow.person_id == person_id, col(ConsentRow.act).in_(LESS | MORE)
        )
    ).all()
    nos = session.exec(
        select(SuppressionRow).where(
            or_(
                col(SuppressionRow.person_id) == person_id,
                col(SuppressionRow.address_id).in_(addresses),
            ),
            SuppressionRow.reason == SuppressionReason.OPT_OUT.value,
            col(SuppressionRow.lifted_at).is_(None),
        )
    ).all()
    return [_said(row) for row in words if row.door != Door.IMPORT.value] + [
        _said_by_no(row) for row in nos
    ]


def _said(row: ConsentRow) -> Said:
    act = (row.act, Topic(row.topic) if row.topic else None)
    return Said(PersonId(row.person_id), row.at, row.version, row.reference, (act,), known=True)


def _said_by_no(row: SuppressionRow) -> Said:
    """Read a suppression as the word that it stands for; nobody knows which version it made."""
    act = ("no", Topic(row.topic)) if row.topic else ("stop", None)
    return Said(PersonId(0), row.since, 0, "", (act,), known=True)


_VERSIONS = text(
    "SELECT person_id, version FROM permission_standing WHERE person_id = ANY(:persons)"
).bindparams(bindparam("persons", type_=ARRAY(BigInteger)))
_REFERENCES = text(
    "SELECT DISTINCT reference FROM permission_consent WHERE reference = ANY(:references)"
).bindparams(bindparam("references", type_=ARRAY(Text)))
_WANTED = """
    SELECT w.number
    FROM unnest(:numbers, :addresses, CAST(:scopes AS text[]), CAST(:topics AS text[]),
                CAST(:reasons AS text[]), :ends, :moments, {lifted})
        AS w(number, address_id, scope, topic, reason, until, at, lifted)
    WHERE NOT EXISTS (
        SELECT FROM permission_suppression n
        WHERE n.address_id = w.address_id AND n.scope = w.scope AND n.reason = w.reason
          AND n.topic IS NOT DISTINCT FROM w.topic AND (n.until IS NULL OR n.until >= w.until)
          AND {known})
"""
_MOMENTS = ARRAY(DateTime(timezone=True))
_ARRAYS = (
    bindparam("numbers", type_=ARRAY(BigInteger)),
    bindparam("addresses", type_=ARRAY(BigInteger)),
    bindparam("ends", type_=_MOMENTS),
    bindparam("moments", type_=_MOMENTS),
)
_NOT_STANDING = text(_WANTED.format(lifted=":moments", known="n.lifted_at IS NULL")).bindparams(
    *_ARRAYS
)
_NOT_ENDED = text(
    _WANTED.format(
        lifted=":lifted",
        known="n.lifted_at IS NOT NULL AND (n.since = w.at OR n.lifted_at > w.lifted)",
    )
    + " AND w.number = ANY(:lacking)"
).bindparams(
    *_ARRAYS,
    bindparam("lifted", type_=_MOMENTS),
    bindparam("lacking", type_=ARRAY(BigInteger)),
)
_KEEP_UP = text(
    "UPDATE permission_standing SET version = :version"
    " WHERE person_id = :person AND version < :version"
)
