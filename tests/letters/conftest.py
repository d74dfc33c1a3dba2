"""What tests of letters share: a brand, invented links, and the public test data where it is."""

import csv
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings

from mailer.development.screens import SAMPLE_BRAND, SampleLinks
from mailer.letters import (
    KNOWN,
    Brand,
    Compiled,
    Envelope,
    PromotionalContent,
    compile_promotional,
    list_id_of,
)
from mailer.vocabulary import Stream, Topic

# A busy machine is slow, not wrong.
settings.register_profile("letters", deadline=None)
settings.load_profile("letters")

CORPORA = Path(__file__).resolve().parents[3] / "shared" / "corpora"


def corpus(name: str) -> Path:
    """Give a file of the public test data, or skip the test where it is missing."""
    path = CORPORA / name
    if not path.exists():
        pytest.skip(f"public test data not found at {CORPORA}: skipped")
    return path


def naughty_strings() -> list[str]:
    """Give the strings that break careless software."""
    return list(json.loads(corpus("naughty-strings/blns.json").read_text("utf-8")))


def awkward_names() -> list[str]:
    """Give the names of the public test data, attacks among them."""
    with corpus("names/customers.tsv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [json.loads('"{}"'.format(row["name"].replace('"', '\\"'))) for row in rows]


@pytest.fixture
def brand() -> Brand:
    return SAMPLE_BRAND


@pytest.fixture
def person() -> Mapping[str, str]:
    return KNOWN


@pytest.fixture
def links() -> SampleLinks:
    return SampleLinks()


@pytest.fixture
def content() -> PromotionalContent:
    return PromotionalContent.sample()


@pytest.fixture
def promotional(content: PromotionalContent, brand: Brand) -> Compiled:
    return compile_promotional(content, topic=Topic.SOFTWARE_UPDATES, brand=brand)


MakeEnvelope = Callable[..., Envelope]


@pytest.fixture
def envelope() -> MakeEnvelope:
    """Make envelopes for Jo, of either stream."""

    def make(stream: Stream = Stream.PROMOTIONAL, to_name: str = "Jo Example") -> Envelope:
        is_promotional = stream is Stream.PROMOTIONAL
        topic = Topic.SOFTWARE_UPDATES
        return Envelope(
            from_="FocalPoint <news@focalpointsystem.com>",
            to_address="jo@example.com",
            to_name=to_name,
            message_id="<7.42@mail.focalpointsystem.com>",
            date=datetime(2026, 11, 22, 10, 41, 7, tzinfo=UTC),
            list_unsubscribe=SampleLinks.unsubscribe if is_promotional else None,
            list_id=list_id_of(topic, "focalpointsystem.com") if is_promotional else None,
            mailing="m7",
        )

    return make
