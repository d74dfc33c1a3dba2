"""One set of rows goes in: profiles, standings, what they claim; then, last of all, their yeses."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import compress

from sqlalchemy import text
from sqlmodel import Session

from mailer import people, permission, policy
from mailer.database import copy_packed
from mailer.intake._drafts import CLAIM, Draft
from mailer.intake._runs import Run
from mailer.intake.rows import Arrival, Rejected
from mailer.people import Upserted
from mailer.permission import ImportedYes
from mailer.vault import Vault
from mailer.vocabulary import PersonId, Topic

GRANTS_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class _Claim:
    """What the rows of one set say together about one person."""

    person_id: int
    times: int
    topics: int
    source: str
    proof: str


def take_rows(
    session: Session,
    vault: Vault,
    rows: Sequence[Arrival | Rejected],
    *,
    run_id: int,
    now: datetime,
) -> Counter[str]:
    """Make and change the customers of these rows and note their claims; return the counts."""
    arrivals = [row for row in rows if isinstance(row, Arrival)]
    answers = people.upsert_checked(session, vault, [row.profile for row in arrivals], now=now)
    permission.admit(session, [one.person_id for one in answers if one.created], now=now)
    _carry_nos(session, answers, now)
    known = _note_claims(session, run_id, arrivals, answers)
    counts = _counts(answers, known)
    counts["rejected"] = len(rows) - len(arrivals)
    return counts


def take_draft(session: Session, vault: Vault, draft: Draft) -> list[int]:
    """Make the customers of a draft who are new, and note their claims.

    Returns the places of the records that are left to `take_rows`: about somebody who is known, or
    of whom two of them speak.
    """
    if not draft.newcomers.people:
        return draft.places
    is_new = people.welcome(session, vault, draft.newcomers)
    permission.admit_new(session, compress(draft.newcomers.people, is_new))
    copy_packed(session, "intake_arrival", CLAIM, compress(draft.claims, is_new))
    return [place for place, it_is in zip(draft.places, is_new, strict=True) if not it_is]


def reasons_of(rows: Iterable[Arrival | Rejected]) -> Counter[str]:
    """Count the refusals by field and reason."""
    return Counter(f"{row.field} {row.reason}".strip() for row in rows if isinstance(row, Rejected))


def grant_next(session: Session, run: Run, *, now: datetime) -> tuple[PersonId, int] | None:
    """Hand on the yeses of the next people of a run.

    Returns the last of them and how many topics were switched on; None when all are done.
    """
    given = {"run": run.id, "after": run.granted_to, "limit": GRANTS_AT_ONCE}
    rows = session.execute(CLAIMS, given).all()
    if not rows:
        return None
    yeses = [
        ImportedYes(PersonId(person), _topics(topics), source, proof or None)
        for person, topics, source, proof in rows
    ]
    switched = permission.import_permissions(
        session,
        yeses,
        policy_version=policy.CURRENT.version,
        reference=f"import:{run.id}",
        now=now,
    )
    return yeses[-1].person_id, switched


def _carry_nos(session: Session, answers: Sequence[Upserted], now: datetime) -> None:
    """Make the nos of who moved hold at the new address too, in the one order of locks."""
    moved = {one.person_id: one.address_id for one in answers if one.moved_from is not None}
    for person_id, address_id in sorted(moved.items()):
        permission.follow(session, person_id=person_id, address_id=address_id, now=now)


def _note_claims(
    session: Session, run_id: int, arrivals: Sequence[Arrival], answers: Sequence[Upserted]
) -> frozenset[int]:
    """Add this set's claims to the run's; return who was spoken of in an earlier set."""
    claims: dict[int, _Claim] = {}
    for row, answer in zip(arrivals, answers, strict=True):
        claims[answer.person_id] = _together(claims.get(answer.person_id), row, answer.person_id)
    if not claims:
        return frozenset()
    ordered = [claims[person] for person in sorted(claims)]
    given = {
        "run": run_id,
        "people": [claim.person_id for claim in ordered],
        "times": [claim.times for claim in ordered],
        "topics": [claim.topics for claim in ordered],
        "sources": [claim.source for claim in ordered],
        "proofs": [claim.proof for claim in ordered],
    }
    rows = session.execute(NOTE, given)
    return frozenset(row.person_id for row in rows if row.times > claims[row.person_id].times)


def _together(before: _Claim | None, row: Arrival, person_id: int) -> _Claim:
    """Of two rows the more restrictive holds: only what both say yes to."""
    topics = sum(topic.bit for topic in row.topics)
    if before is None:
        return _Claim(person_id, 1, topics, row.source, row.proof)
    proof = row.proof or before.proof
    return _Claim(person_id, before.times + 1, before.topics & topics, row.source, proof)


def _counts(answers: Sequence[Upserted], known: frozenset[int]) -> Counter[str]:
    counts: Counter[str] = Counter()
    spoken_of = set(known)
    for answer in answers:
        counts[_kind(answer, spoken_of)] += 1
        spoken_of.add(answer.person_id)
    return counts


def _kind(answer: Upserted, spoken_of: set[int]) -> str:
    if answer.person_id in spoken_of:
        return "duplicates"
    if answer.created:
        return "created"
    return "changed" if answer.changed else "unchanged"


@cache
def _topics(bits: int) -> frozenset[Topic]:
    return frozenset(topic for topic in Topic if topic.bit & bits)


NOTE = text(
    """
    INSERT INTO intake_arrival AS a (run_id, person_id, times, topics, source, proof)
    SELECT :run, person, times, topics, source, proof
    FROM unnest(CAST(:people AS bigint[]), CAST(:times AS integer[]), CAST(:topics AS integer[]),
                CAST(:sources AS text[]), CAST(:proofs AS text[]))
        AS new(person, times, topics, source, proof)
    ON CONFLICT (run_id, person_id) DO UPDATE SET
        times = a.times + excluded.times, topics = a.topics & excluded.topics,
        source = excluded.source,
        proof = CASE WHEN excluded.proof = '' THEN a.proof ELSE excluded.proof END
    RETURNING person_id, times
    """
)
CLAIMS = text(
    "SELECT person_id, topics, source, proof FROM intake_arrival"
    " WHERE run_id = :run AND person_id > :after AND topics <> 0"
    " ORDER BY person_id LIMIT :limit"
)
