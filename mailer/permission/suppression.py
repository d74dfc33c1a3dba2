"""Suppressions that no page made: bounces, complaints, lists, support; and permission from lists."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Integer, Text, bindparam, insert, or_, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, col, select

from mailer import packed, people
from mailer.database import rows_changed
from mailer.permission._tables import SuppressionRow
from mailer.permission.changes import NotAdmitted, outdate
from mailer.permission.standing import SuppressionRecord, suppression_record
from mailer.vocabulary import AddressId, Door, PersonId, Scope, SuppressionReason, Topic


class SuppressionNotFound(Exception):
    """No standing suppression has this number."""


class OptOutIsTheirs(Exception):
    """An opt-out or a complaint is lifted by the person's own yes and by nothing else (C08)."""


@dataclass(frozen=True, slots=True)
class NewSuppression:
    """A no for an address, with or without a customer behind it."""

    scope: Scope
    reason: SuppressionReason
    door: Door
    address_id: AddressId | None = None
    person_id: PersonId | None = None
    topic: Topic | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ImportedYes:
    """A row of a list that claims permission for some topics, with where it came from."""

    person_id: PersonId
    topics: frozenset[Topic]
    source: str
    proof: str | None = None

    @property
    def words(self) -> tuple[frozenset[Topic], str, str | None]:
        """What this row has in common with most others of its list."""
        return self.topics, self.source, self.proof


def suppress(session: Session, new: NewSuppression, *, now: datetime) -> int:
    """Write a suppression and return its number; an equal one that stands is kept instead.

    An opt-out by address makes the pages of who has this address stale: a yes from before it
    must not end it.
    """
    if new.reason is SuppressionReason.OPT_OUT and new.address_id is not None:
        for person_id in people.persons_at(session, new.address_id):
            outdate(session, person_id)
    held = session.exec(
        select(SuppressionRow.id).where(
            SuppressionRow.address_id == new.address_id,
            SuppressionRow.person_id == new.person_id,
            SuppressionRow.scope == new.scope.value,
            SuppressionRow.topic == (new.topic.value if new.topic else None),
            SuppressionRow.reason == new.reason.value,
            col(SuppressionRow.until) == new.until
            if new.until
            else col(SuppressionRow.until).is_(None),
            col(SuppressionRow.lifted_at).is_(None),
        )
    ).first()
    if held is not None:
        return held
    return int(
        session.execute(
            insert(SuppressionRow)
            .values(
                person_id=new.person_id,
                address_id=new.address_id,
                scope=new.scope.value,
                topic=new.topic.value if new.topic else None,
                reason=new.reason.value,
                door=new.door.value,
                since=now,
                until=new.until,
            )
            .returning(col(SuppressionRow.id))
        ).scalar_one()
    )


def suppress_person(
    session: Session,
    new: NewSuppression,
    *,
    person_id: PersonId,
    address_ids: Collection[AddressId],
    now: datetime,
) -> int:
    """Write a no that nobody spoke on a page for a person, at each of these addresses.

    Their pages become stale by it. Returns their new version, 0 for somebody without a standing,
    whose no is kept by address.
    """
    try:
        version = outdate(session, person_id)
    except NotAdmitted:
        version = 0
    holder = person_id if version else None
    for address_id in sorted(address_ids):
        suppress(session, replace(new, person_id=holder, address_id=address_id), now=now)
    return version


def suppression_of(session: Session, suppression_id: int) -> SuppressionRecord:
    """Return one suppression. Raises SuppressionNotFound."""
    row = session.get(SuppressionRow, suppression_id)
    if row is None:
        raise SuppressionNotFound(f"suppression {suppression_id}")
    return suppression_record(row)


def lift(session: Session, suppression_id: int, *, why: str, now: datetime) -> SuppressionRecord:
    """End a suppression that staff may end, saying why, and where it was carried along to.

    Raises SuppressionNotFound, and OptOutIsTheirs for what only the person's own yes ends.
    """
    row = session.get(SuppressionRow, suppression_id, with_for_update=True)
    if row is None or row.lifted_at is not None:
        raise SuppressionNotFound(f"suppression {suppression_id}")
    if SuppressionReason(row.reason) in _ONLY_THEIRS:
        raise OptOutIsTheirs(f"suppression {suppression_id}")
    for each in _with_copies(session, row):
        each.lifted_at = now
        each.lifted_why = why
        session.add(each)
    session.flush()
    return suppression_record(row)


def _with_copies(session: Session, row: SuppressionRow) -> list[SuppressionRow]:
    """Return a suppression and its equals of the same moment that merges and moves wrote."""
    at = AddressId(row.address_id) if row.address_id is not None else None
    holder = [PersonId(row.person_id)] if row.person_id is not None else []
    persons = holder or (people.persons_ever_at(session, at) if at is not None else [])
    addresses = {at, *(address_id for _, address_id in people.addresses_of(session, persons))}
    query = select(SuppressionRow).where(
        or_(
            col(SuppressionRow.person_id).in_(persons),
            col(SuppressionRow.address_id).in_(addresses - {None}),
        ),
        SuppressionRow.scope == row.scope,
        col(SuppressionRow.topic).is_not_distinct_from(row.topic),
        SuppressionRow.reason == row.reason,
        SuppressionRow.since == row.since,
        col(SuppressionRow.lifted_at).is_(None),
    )
    return list(session.exec(query.order_by(col(SuppressionRow.id)).with_for_update()).all())


_ONLY_THEIRS = frozenset(
    {
        SuppressionReason.OPT_OUT,
        SuppressionReason.COMPLAINT,
        SuppressionReason.ERASURE,
        SuppressionReason.MINOR,
    }
)

_LOCK = text(
    """
    SELECT count(*) FROM (
        SELECT FROM permission_standing WHERE person_id = ANY(CAST(:persons AS bigint[]))
        ORDER BY person_id FOR UPDATE
    ) locked
    """
)

_IMPORT = text(
    """
    WITH lines AS (
        SELECT l.person_id, w.topics, w.source, w.proof
        FROM unnest(CAST(:persons AS bigint[]), CAST(:words AS integer[])) AS l(person_id, words)
        JOIN unnest(:topics, :sources, :proofs) WITH ORDINALITY
            AS w(topics, source, proof, number) ON w.number = l.words
    ), home AS (
        SELECT * FROM unnest(CAST(:residents AS bigint[]), CAST(:addresses AS bigint[]))
            AS home(person_id, address_id)
    ), no AS (
        -- who cannot be told apart from their address: a no to either is one to the person
        SELECT n.person_id, n.scope, n.topic FROM permission_suppression n
        WHERE n.lifted_at IS NULL AND n.person_id = ANY(CAST(:persons AS bigint[]))
        UNION
        SELECT h.person_id, n.scope, n.topic
        FROM home h JOIN permission_suppression n ON n.address_id = h.address_id
        WHERE n.lifted_at IS NULL AND n.reason <> 'hard_bounce'  -- which is about the mailbox
    ), held AS (
        SELECT n.person_id, bit_or(t.bit) AS topics
        FROM no n JOIN unnest(:names, :bits) AS t(name, bit)
            ON n.scope <> 'topic' OR n.topic = t.name
        GROUP BY n.person_id
    ), given AS MATERIALIZED (
        -- what was answered before is read here, by its index, from the rows that are locked already
        SELECT l.person_id, l.source, l.proof, l.topics & ~coalesce(h.topics, 0) AS topics,
               o.topics_answered
        FROM lines l LEFT JOIN held h ON h.person_id = l.person_id
        CROSS JOIN LATERAL (SELECT s.topics_answered FROM permission_standing s
                            WHERE s.person_id = l.person_id OFFSET 0) o
    ), fresh AS (
        -- only what was never answered: a list may start a topic, it never answers a no
        UPDATE permission_standing s
        SET topics_on = s.topics_on | (g.topics & ~s.topics_answered),
            topics_answered = s.topics_answered | g.topics,
            version = s.version + 1
        FROM given g
        WHERE s.person_id = g.person_id AND g.topics & ~s.topics_answered <> 0
        RETURNING s.person_id, g.topics & ~g.topics_answered AS added, s.version, g.source, g.proof
    )
    INSERT INTO permission_consent
        (person_id, at, act, topic, door, words, policy_version, version, reference, source, proof)
    SELECT f.person_id, :now, 'yes', t.name, 'import', '', :policy, f.version, :reference,
           f.source, f.proof
    FROM fresh f JOIN unnest(:names, :bits) AS t(name, bit) ON f.added & t.bit <> 0
    """
).bindparams(
    bindparam("topics", type_=ARRAY(Integer)),
    bindparam("sources", type_=ARRAY(Text)),
    bindparam("proofs", type_=ARRAY(Text)),
    bindparam("names", type_=ARRAY(Text)),
    bindparam("bits", type_=ARRAY(Integer)),
)


def import_permissions(
    session: Session,
    rows: Sequence[ImportedYes],
    *,
    policy_version: str,
    reference: str,
    now: datetime,
) -> int:
    """Switch on what a list claims, where the person never answered; return how many topics.

    Never weakens an opt-out (C08): a topic that was ever answered or is suppressed, and everybody
    with a suppression of all or of all promotional mail, stays as they are, whether the no is
    held by the person or by an address that they ever had. Three statements a set; a person
    stands in a set once.
    """
    if not rows:
        return 0
    persons = packed.array(row.person_id for row in rows)
    # Locked by a statement of its own, so that the next one's snapshot holds every no so far.
    session.execute(_LOCK, {"persons": persons})
    residents, addresses = people.homes_of(session, persons)
    # What many say in the same words goes along once.
    words: dict[tuple[frozenset[Topic], str, str | None], int] = {}
    said = [words.setdefault(row.words, len(words) + 1) for row in rows]
    return rows_changed(
        session,
        _IMPORT,
        {
            "persons": persons,
            "words": packed.array(said),
            "residents": residents,
            "addresses": addresses,
            "topics": [sum(topic.bit for topic in topics) for topics, _, _ in words],
            "sources": [source for _, source, _ in words],
            "proofs": [proof for _, _, proof in words],
            "names": [topic.value for topic in Topic],
            "bits": [topic.bit for topic in Topic],
            "policy": policy_version,
            "reference": reference,
            "now": now,
        },
    )
