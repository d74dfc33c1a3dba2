"""What is told of a digest: its preview, its report, its test, and the reason of a refusal."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from mailer import campaigns, support
from mailer.campaigns import (
    ContentRefused,
    Digest,
    DigestAhead,
    NewCampaign,
    NoDigest,
    ToldOf,
    published_ahead,
)
from mailer.campaigns.audience import Audience
from mailer.campaigns.splits import Split
from mailer.letters import PromotionalContent
from mailer.vocabulary import Lane, Reason, Topic
from mailer.wiring import build_sender
from tests.campaigns.conftest import BOTH, BY, SITE, DigestDesk

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize("people", [("Anna Becker",), ("Anna Becker", "Jo Example")])
def test_the_preview_of_a_digest_agrees_with_its_books(
    capped: DigestDesk, people: tuple[str, ...]
) -> None:
    for name in people:
        capped.customer(name, topics=BOTH)
    capped.send("Autumn release")
    capped.send("Stock counts", Topic.SOFTWARE_UPDATES)
    digest = capped.digest()
    with capped.database.transaction() as session:
        counted = campaigns.preview_step(session, digest, cap=capped.parts.cap, now=capped.now)
    capped.do("start", digest)
    capped.send_all()
    assert counted.refused == capped.refused(digest) == {Reason.NOT_CAP: len(people)}
    drift = capped.report(digest).drift
    assert drift is not None
    assert (drift.audience, drift.accepted, drift.refused) == (0, 0, {Reason.NOT_CAP: 0})


def test_a_digest_reaches_a_shared_mailbox_once_and_its_preview_says_so(capped: DigestDesk) -> None:
    capped.two_at_one_mailbox()
    capped.customer("Jo Else", topics=BOTH)
    capped.held_back()
    digest = capped.digest(within_days=60)
    with capped.database.transaction() as session:
        terms: dict[str, Any] = {
            "cap": capped.parts.cap,
            "brand": capped.parts.brand,
            "now": capped.now,
        }
        in_steps = campaigns.preview_step(session, digest, **terms)
        at_once = campaigns.preview(session, digest, **terms)
    capped.do("start", digest)
    capped.send_all()
    report = capped.report(digest)
    assert in_steps == at_once
    assert (at_once.audience, at_once.allowed) == (3, report.books.accepted) == (3, 2)
    assert at_once.refused == report.books.refused == {Reason.NOT_SAME: 1}
    assert report.drift is not None
    assert (report.drift.accepted, report.drift.refused) == (0, {Reason.NOT_SAME: 0})


def test_the_preview_of_a_digest_is_counted_in_parts_that_say_how_far_they_are(
    capped: DigestDesk,
) -> None:
    anna, _ = (capped.customer(each, topics=BOTH) for each in ("Anna Becker", "Jo Example"))
    capped.send("Autumn release")
    capped.send("Open house")
    with capped.database.transaction() as session:
        session.execute(text("SELECT setval('people_customer_id_seq', 60000)"))
    kenji = capped.customer("Kenji Sato", topics=BOTH)
    capped.parts.opt_outs.merge(survivor=kenji.person_id, merged=anna.person_id)
    capped.later(days=8)
    digest = capped.digest()
    told: list[campaigns.Count] = []
    while not told or not told[-1].is_whole:
        with capped.database.transaction() as session:
            told.append(
                campaigns.preview_step(session, digest, cap=capped.parts.cap, now=capped.now)
            )
        capped.later(seconds=1)
    assert [(each.audience, each.is_whole) for each in told] == [(1, False), (1, False), (2, True)]
    assert 0.3 < told[0].progress < 0.5
    with capped.database.reading() as session:
        whole = campaigns.preview(session, digest, cap=capped.parts.cap, now=told[0].as_at)
    assert replace(told[-1], progress=whole.progress) == whole


def test_a_digest_is_no_split_test_and_only_a_digest_can_be_looked_ahead_at(
    capped: DigestDesk,
) -> None:
    new = NewCampaign(
        "Both", Topic.COMPANY_NEWS, PromotionalContent.sample(), Audience(),
        split=Split(holdout_percent=5), digest=Digest(),
    )  # fmt: skip
    with (
        pytest.raises(ContentRefused, match="cannot try others"),
        capped.database.transaction() as session,
    ):
        campaigns.create(session, new, brand=capped.parts.brand, by=BY, now=capped.now)
    with pytest.raises(NoDigest):
        capped.ahead(capped.draft())


def test_support_is_told_which_topic_was_off_that_a_digest_was_about(capped: DigestDesk) -> None:
    anna = capped.customer("Anna Becker", topics=BOTH)
    capped.send("Autumn release")
    capped.send("Stock counts", Topic.SOFTWARE_UPDATES)
    capped.later(days=8)
    capped.do("start", capped.digest())
    capped.wish(anna, topics_off=frozenset({Topic.SOFTWARE_UPDATES}))
    capped.send_all()
    with capped.database.transaction() as session:
        [story] = support.explain(
            session, capped.parts.vault, anna.email, actor="staff:7", cap=capped.parts.cap,
            now=capped.now,
        ).customers  # fmt: skip
    refused = story.messages[0]
    assert (refused.reason, refused.letter) == (Reason.NOT_TOPIC, "digest")
    assert refused.sentence.startswith("“Software updates” has been off since ")


@pytest.mark.clause("C15")
def test_what_concerns_fewer_than_ten_people_is_withheld_and_what_would_tell_it() -> None:
    def ahead(audience: int, *people: int) -> tuple[object, ...]:
        told = tuple(ToldOf(None, "Open house", Topic.COMPANY_NEWS, each) for each in people)
        shown = published_ahead(DigestAhead(NOW, audience, 1, told))
        return (shown.audience, *(people for _, people in shown.told_of))

    assert ahead(40, 30, 20) == (40, 30, 20)
    assert ahead(40, 30, 4) == (40, 30, "fewer than 10")
    assert ahead(40, 35, 20) == (40, "all but fewer than 10", 20)
    assert ahead(4, 4) == ("fewer than 10",)


def test_its_report_counts_as_that_of_any_campaign_and_tells_every_link(capped: DigestDesk) -> None:
    for name in ("Anna Becker", "Jo Example"):
        capped.customer(name, topics=BOTH)
    capped.held_back()
    digest = capped.digest()
    capped.do("start", digest)
    capped.send_all()
    with capped.database.reading() as session:
        told = campaigns.full_report_of(session, capped.parts.vault, digest, now=capped.now)
    assert told.books is not None
    assert told.books.accepted == 2
    assert told.figures is not None
    assert told.figures.trial is None
    assert {each.url for each in told.figures.links} == {
        f"{SITE}/{page}" for page in ("all-in-one-mail", "open-house", "stock-counts")
    }


def test_a_test_of_a_digest_shows_staff_everything_and_tells_no_customer(
    capped: DigestDesk,
) -> None:
    capped.customer("Anna Becker", topics=BOTH)
    capped.send("Autumn release")
    capped.send("Stock counts", Topic.SOFTWARE_UPDATES)
    capped.send("Open house")
    digest, parts = capped.digest(), capped.parts
    with capped.database.transaction() as session:
        campaigns.send_test(
            session, parts.vault, digest, to=["mia@focalpointsystem.com"], brand=parts.brand,
            rules=parts.rules, by=BY, now=capped.now,
        )  # fmt: skip
    sender = build_sender(parts, provider=capped.provider)
    assert sender.deliver_one(Lane.ORDERS)
    sender.close()
    _, subject, letter = capped.texts()[-1]
    assert subject == "[Test] All in one mail"
    assert ("Open house" in letter, "Stock counts" in letter) == (True, True)
    assert capped.ahead(digest).audience == 1
