"""Made-up customers in number, sealed and indexed as every customer is.

They come in by the rooms' own doors (`people.upsert_many`, an imported yes), in two processes, so
that what is stored is what a real import would have stored; only the CSV file is left out.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime

from bench.stage import Keys
from mailer import people, permission
from mailer.database import Database
from mailer.people import NewProfile
from mailer.vocabulary import Topic

TOPIC = Topic.SOFTWARE_UPDATES
SET = 2000
PLACES = (
    ("DE", "München", "de", "Europe/Berlin"),
    ("US", "Piscataway", "en-US", "America/New_York"),
    ("FR", "Lyon", "fr", "Europe/Paris"),
    ("BR", "São Paulo", "pt-BR", "America/Sao_Paulo"),
)
APART = ("CH", "Zürich", "de-CH", "Europe/Zurich")
"""Where those live who are in no campaign of the measurements."""
NAMES = ("Anna Becker", "Jürgen Groß", "Zoë Lefèvre", "Omar Smith", "Łukasz Źdźbło")


def make_crowd(url: str, keys: Keys, count: int, *, apart: int = 0, now: datetime) -> None:
    """Make `count` customers who agreed to the topic, and `apart` more who live elsewhere."""
    starts = range(0, count + apart, SET)
    slices = [(url, keys, start, min(start + SET, count + apart), count, now) for start in starts]
    if len(slices) == 1:
        _make(*slices[0])
        return
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawning) as pool:
        for _ in pool.map(_make, *zip(*slices, strict=True)):
            pass


def _make(url: str, keys: Keys, first: int, end: int, count: int, now: datetime) -> None:
    vault = keys.vault()
    database = Database(url, pool_size=1)
    try:
        with database.transaction() as session:
            profiles = [_profile(n, is_apart=n >= count) for n in range(first, end)]
            made = people.upsert_many(session, vault, profiles, now=now)
            numbers = [each.person_id for each in made]
            permission.admit(session, numbers, now=now)
            permission.import_permissions(
                session,
                [permission.ImportedYes(each, frozenset([TOPIC]), "shop") for each in numbers],
                policy_version="2026-11",
                reference="P-BENCH-0001",
                now=now,
            )
    finally:
        database.close()


def _profile(n: int, *, is_apart: bool) -> NewProfile:
    country, city, language, timezone = APART if is_apart else PLACES[n % len(PLACES)]
    return NewProfile(
        email=f"customer{n}@d{n % 200}.example.com",
        external_id=f"c-{n}",
        name=f"{NAMES[n % len(NAMES)]} {n}",
        street=f"{n % 300} Main Street",
        city=city,
        postal_code=f"{n % 100_000:05}",
        country=country,
        language=language,
        timezone=timezone,
        source="shop",
    )
