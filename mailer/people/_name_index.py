"""The words of names, as keyed hashes of 8 bytes: written, forgotten, looked up."""

from collections.abc import Iterable, Sequence

from sqlalchemy import text
from sqlmodel import Session

from mailer.database import copy_rows
from mailer.people._sealing import short, word_tag
from mailer.people.names import name_words
from mailer.vault import Vault


def write_name_words(session: Session, vault: Vault, names: Iterable[tuple[int, str]]) -> None:
    """Note the words of these people's names under the newest index key."""
    rows = ((person, word_tag(vault, word)) for person, name in names for word in name_words(name))
    copy_rows(session, "people_name_word", ("person_id", "blind"), rows)


def forget_name_words(session: Session, person_ids: Sequence[int]) -> None:
    """Drop all words of these people's names."""
    session.execute(FORGET, {"ids": list(person_ids)})


def people_with_words(
    session: Session, vault: Vault, words: Iterable[str], limit: int
) -> list[int]:
    """Return up to `limit` people whose names have every one of these folded words."""
    blinds = [[short(blind) for blind in vault.indexes("name", word)] for word in words]
    if not blinds:
        return []
    flat = [tag for tags in blinds for tag in tags]
    places = [place for place, tags in enumerate(blinds) for _ in tags]
    given = {"blinds": flat, "places": places, "count": len(blinds), "limit": limit}
    return list(session.execute(WITH_ALL, given).scalars())


FORGET = text("DELETE FROM people_name_word WHERE person_id = ANY(CAST(:ids AS bigint[]))")
WITH_ALL = text(
    "SELECT w.person_id FROM people_name_word w"
    " JOIN unnest(CAST(:blinds AS bigint[]), CAST(:places AS integer[])) AS wanted(blind, place)"
    " ON w.blind = wanted.blind"
    " GROUP BY w.person_id HAVING count(DISTINCT wanted.place) = :count"
    " ORDER BY w.person_id LIMIT :limit"
)
