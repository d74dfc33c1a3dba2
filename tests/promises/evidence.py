"""Everything that the checkers of a promise run may see: three logs, and the database by plain SQL."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.promises.clients_log import Said, read_clients
from tests.promises.witness import Handed, read_log


@dataclass(frozen=True)
class Batch:
    """One batch as the database has it at the end; moments are UTC seconds."""

    id: int
    mailing: int
    lane: str
    state: str
    doubts: int
    size: int
    accepted: int
    refused: int
    rejected: int
    unknown: int
    handing_at: float | None
    settled_at: float | None


@dataclass(frozen=True)
class Mailing:
    """One mailing as the database has it at the end."""

    id: int
    stream: str
    topic: str | None
    state: str
    audience: int
    campaign: str | None = None
    """How staff named the campaign that it is of."""


@dataclass
class Evidence:
    """What a run has left behind."""

    handed: list[Handed]
    said: list[Said]
    hits: Counter[tuple[str, str]]
    """How often each failpoint was acted on, by point and act."""
    mailings: dict[int, Mailing] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)
    outcomes: dict[tuple[int, int], str] = field(default_factory=dict)
    """What became of each person of each mailing."""
    rosters: Counter[int] = field(default_factory=Counter)
    """How many people stand in the batches of each mailing, one who stands twice counted twice."""
    people_of: Counter[int] = field(default_factory=Counter)
    """How many different people stand in the batches of each mailing."""
    gate_drops: set[tuple[int, int]] = field(default_factory=set)
    """Batch and person, whose no fell between claim and gate."""
    silent_persons: set[tuple[int, str | None]] = field(default_factory=set)
    silent_addresses: set[tuple[int, str | None]] = field(default_factory=set)
    """Who is suppressed by a wish of theirs: the number and the topic, None for all promotional mail.

    A mailbox that does not exist silences as well, and would hide that a wish is missing.
    """
    survivors: dict[int, int] = field(default_factory=dict)
    """Whose record ended in whose."""
    ended_after: float = 0.0
    """Seconds from the last fault until nothing was due any more."""


def read_hits(folder: Path) -> Counter[tuple[str, str]]:
    """Count what the processes wrote down before they acted on a failpoint."""
    hits: Counter[tuple[str, str]] = Counter()
    for path in (folder / "hits").glob("*.log"):
        for line in path.read_text().splitlines():
            _, point, act = line.split()
            hits[point, act] += 1
    return hits


def gather(
    url: str, *, witness: Path, clients: Path, failpoints: Path, ended_after: float
) -> Evidence:
    """Read everything once the run is over."""
    evidence = Evidence(
        read_log(witness), read_clients(clients), read_hits(failpoints), ended_after=ended_after
    )
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for row in connection.execute(MAILINGS):
            evidence.mailings[row[0]] = Mailing(*row)
        evidence.batches = [Batch(*row) for row in connection.execute(BATCHES)]
        for mailing, person, outcome in connection.execute(OUTCOMES):
            evidence.outcomes[mailing, person] = outcome
            evidence.rosters[mailing] += 1
        evidence.people_of.update(mailing for mailing, _ in evidence.outcomes)
        evidence.gate_drops = {(batch, who) for batch, who in connection.execute(GATE_DROPS)}
        for person, address, topic in connection.execute(SILENT):
            if person is not None:
                evidence.silent_persons.add((person, topic))
            if address is not None:
                evidence.silent_addresses.add((address, topic))
        for who, into in connection.execute(SURVIVORS):
            evidence.survivors[who] = into
    return evidence


MAILINGS = """
    SELECT m.id, m.stream, m.topic, m.state, m.audience, c.name
    FROM delivery_mailing m LEFT JOIN campaigns_campaign c ON c.mailing_id = m.id
"""
BATCHES = """
    SELECT id, mailing_id, lane, state, doubts, size, accepted, refused, rejected, unknown,
           extract(epoch FROM handing_at)::float8, extract(epoch FROM settled_at)::float8
    FROM delivery_batch ORDER BY id
"""
OUTCOMES = """
    SELECT b.mailing_id, p.person,
           CASE WHEN e.outcome IS NOT NULL THEN e.outcome
                WHEN b.state = 'settled' THEN 'accepted'
                WHEN b.state IN ('unknown', 'cancelled') THEN b.state
                ELSE 'to go' END
    FROM delivery_batch b
    JOIN delivery_roster r ON r.batch_id = b.id
    CROSS JOIN unnest(r.persons) AS p(person)
    LEFT JOIN delivery_exception e ON e.batch_id = b.id AND e.person_id = p.person
"""
GATE_DROPS = """
    SELECT e.batch_id, e.person_id FROM delivery_exception e
    JOIN delivery_batch b ON b.id = e.batch_id
    WHERE e.outcome = 'refused' AND e.at >= b.handing_at
      AND e.reason IN ('not.all', 'not.topic', 'not.complaint', 'not.suppressed')
"""
SILENT = """
    SELECT person_id, address_id, topic FROM permission_suppression
    WHERE lifted_at IS NULL AND until IS NULL AND scope IN ('all', 'promotional', 'topic')
      AND reason IN ('opt_out', 'complaint')
"""
SURVIVORS = "SELECT id, merged_into FROM people_customer WHERE merged_into IS NOT NULL"
