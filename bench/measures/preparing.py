"""An audience is cut into batches, beside a row for each person."""

import time

import psycopg

from bench import campaign
from bench.pairing import in_turns
from bench.stage import House, Stage
from bench.values import CheckFailed, Measure, Reading, Scale, Spec

PER_PERSON = """
    CREATE TABLE per_person (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        mailing_id bigint NOT NULL, person_id bigint NOT NULL, address_id bigint NOT NULL,
        state text NOT NULL DEFAULT 'prepared', UNIQUE (mailing_id, person_id))
"""
FILL = """
    INSERT INTO per_person (mailing_id, person_id, address_id)
    SELECT 1, id, address_id FROM people_customer
    WHERE country = ANY(%s) AND merged_into IS NULL AND erased_at IS NULL
"""


def run(stage: Stage, scale: Scale) -> list[Reading]:
    """Start a campaign to the whole crowd with no worker there; fill the other table alike."""
    size = scale.pick(100_000, 1_000_000)
    with stage.house(crowd=size) as house:
        house.rows(PER_PERSON)
        # The first campaign of a process compiles what a letter is made with; the first rows of a
        # table find no index to keep. Neither says what an audience costs.
        _ours(house, size)
        _per_person(house, size)
        pairs = in_turns(
            lambda: _ours(house, size), lambda: _per_person(house, size), pairs=scale.pairs
        )
    return [Reading(size, pairs, "rosters and rows counted", [])]


def _ours(house: House, size: int) -> float:
    campaign_id = campaign.create(house)
    began = time.perf_counter()
    campaign.start(house, campaign_id)
    seconds = time.perf_counter() - began
    mailing_id = campaign.report_of(house, campaign_id).campaign.mailing_id
    rows = house.rows(
        "SELECT sum(cardinality(r.persons)) FROM delivery_roster r"
        " JOIN delivery_batch b ON b.id = r.batch_id WHERE b.mailing_id = %s",
        mailing_id,
    )
    if rows[0][0] != size:
        raise CheckFailed(f"the rosters hold {rows[0][0]} people instead of {size}")
    return size / seconds


def _per_person(house: House, size: int) -> float:
    house.rows("TRUNCATE per_person")
    with psycopg.connect(house.url, autocommit=True) as connection:
        began = time.perf_counter()
        written = connection.execute(FILL, (list(campaign.HOME),)).rowcount
        seconds = time.perf_counter() - began
    if written != size:
        raise CheckFailed(f"{written} rows were written instead of {size}")
    return size / seconds


PREPARING = Measure(
    "preparing",
    (
        Spec(
            "prepare an audience",
            "people/s",
            "INSERT … SELECT of a row per person, primary key and unique (mailing, person)",
            5.0,
        ),
    ),
    run,
)
