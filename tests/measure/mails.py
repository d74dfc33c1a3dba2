"""Mails that were handed over, put into the tables as the road would, and requests for them."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from mailer.database import copy_rows
from mailer.measure import Kind
from tests.measure.recording import event_id

LINKS = 5
Asked = tuple[int, int | None, Kind, float]
"""Person, link or None for the pixel, kind, seconds after the hand-over."""


@dataclass(frozen=True)
class Handed:
    """A mailing of which some people got their mail at one moment."""

    mailing_id: int
    at: datetime

    def write(self, session: Session, asked: Iterable[Asked]) -> None:
        """Record requests of this mailing."""
        rows: dict[bool, list[tuple[Any, ...]]] = {True: [], False: []}
        for person, n, kind, after in asked:
            at = self.at + timedelta(seconds=after)
            known_as = event_id(at, secrets.token_bytes(10))
            rows[n is not None].append((known_as, self.mailing_id, person, n, kind.value, at))
        names = ("id", "mailing_id", "person_id", "n", "kind", "at")
        copy_rows(session, "measure_click", names, rows[True])
        opens = [(*row[:3], *row[4:]) for row in rows[False]]
        copy_rows(session, "measure_open", tuple(name for name in names if name != "n"), opens)


def hand_over(
    session: Session, at: datetime, domains: Mapping[int, Sequence[int]], mailing_id: int = 1
) -> Handed:
    """Let these people, by the tag of their domain, have had a mailing with LINKS links.

    Their addresses are numbered below zero, so that none is a customer's of the same test.
    """
    targets = "[" + ", ".join(f'"https://example.com/{n}"' for n in range(LINKS)) + "]"
    given = {"id": mailing_id, "key": f"campaign:{mailing_id}", "targets": targets, "at": at}
    for statement in (_MAILING, _BATCH):
        session.execute(text(statement), given)
    for tag, persons in domains.items():
        for statement in (_ADDRESSES, _USES, _PLACES):
            session.execute(text(statement), {**given, "tag": tag, "persons": list(persons)})
    return Handed(mailing_id, at)


_MAILING = """
    INSERT INTO delivery_mailing (id, key, letter, stream, topic, targets, state, audience, created_at)
    VALUES (:id, :key, 'promotional', 'promotional', 'company_news', CAST(:targets AS jsonb),
            'sending', 1, :at)
"""
_BATCH = """
    INSERT INTO delivery_batch (id, mailing_id, root_id, attempt, lane, state, not_before, size,
                                accepted, refused, rejected, unknown, handing_at)
    VALUES (:id, :id, :id, 1, 'promotional', 'handing', :at, 500, 0, 0, 0, 0, :at)
"""
_ADDRESSES = """
    INSERT INTO people_address (id, blind, index_key, domain_tag)
    SELECT -p, int8send(p), 'k', :tag FROM unnest(CAST(:persons AS bigint[])) AS given(p)
    ON CONFLICT DO NOTHING
"""
_USES = """
    INSERT INTO people_address_use (person_id, address_id, since)
    SELECT p, -p, :at FROM unnest(CAST(:persons AS bigint[])) AS given(p) ON CONFLICT DO NOTHING
"""
_PLACES = """
    INSERT INTO delivery_place (address_id, mailing_id, person_id, batch_id, taken_at)
    SELECT -p, :id, p, :id, :at FROM unnest(CAST(:persons AS bigint[])) AS given(p)
"""
