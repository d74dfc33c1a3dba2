"""The ledger: nothing in it is ever altered, and it reads back newest first."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from mailer import ledger
from mailer.ledger import NewEntry, PersonalDetail
from mailer.vocabulary import BatchId, MailingId, PersonId

JO, ANNA = PersonId(1), PersonId(2)


def test_an_entry_is_read_back_as_it_was_written(session: Session, now: datetime) -> None:
    ledger.record(
        session,
        "consent.changed",
        at=now,
        actor="api_key:3",
        person_id=JO,
        mailing_id=MailingId(5),
        batch_id=BatchId(6),
        detail={"version": 4, "topics": ["company_news"]},
    )
    (entry,) = ledger.story_of(session, JO, limit=10)
    assert (entry.kind, entry.at, entry.actor, entry.person_id) == (
        "consent.changed",
        now,
        "api_key:3",
        JO,
    )
    assert entry.detail == {"version": 4, "topics": ["company_news"]}
    assert ledger.entries_of_mailing(session, MailingId(5), limit=10) == [entry]


@pytest.mark.clause("C26")
@pytest.mark.parametrize(
    "statement",
    ["UPDATE ledger_entry SET actor = 'somebody'", "DELETE FROM ledger_entry"],
)
def test_the_database_refuses_to_alter_the_ledger(
    session: Session, now: datetime, statement: str
) -> None:
    ledger.record(session, "batch.settled", at=now, actor="worker")
    with pytest.raises(DBAPIError, match="never altered"):
        session.execute(text(statement))


def test_a_story_pages_newest_first_without_gap_or_repeat(session: Session, now: datetime) -> None:
    moments = [now + timedelta(minutes=n // 3) for n in range(20)]
    ledger.record_many(session, [NewEntry("seen", at, "worker", JO) for at in reversed(moments)])
    ledger.record(session, "seen", at=now, actor="worker", person_id=ANNA)
    pages, before = [], None
    while page := ledger.story_of(session, JO, limit=7, before=before):
        pages.append(page)
        before = page[-1].id
    read = [entry for page in pages for entry in page]
    assert [len(page) for page in pages] == [7, 7, 6]
    assert len({entry.id for entry in read}) == 20
    assert read == sorted(read, key=lambda entry: (entry.at, entry.id), reverse=True)


def test_the_pages_of_a_mailing_do_not_show_another(session: Session, now: datetime) -> None:
    for mailing in (1, 2, 1):
        ledger.record(
            session, "mailing.paused", at=now, actor="worker", mailing_id=MailingId(mailing)
        )
    newest, oldest = ledger.entries_of_mailing(session, MailingId(1), limit=5)
    assert ledger.entries_of_mailing(session, MailingId(1), limit=5, before=newest.id) == [oldest]


@pytest.mark.parametrize(
    ("actor", "detail"),
    [("jo@example.com", {}), ("customer", {"why": {"said": "write to jo@example.com"}})],
)
def test_an_address_never_enters(actor: str, detail: dict[str, object], now: datetime) -> None:
    with pytest.raises(PersonalDetail) as refused:
        NewEntry("said", now, actor, JO, detail=detail)
    assert "example" not in str(refused.value)


def test_a_kind_is_a_plain_word(session: Session, now: datetime) -> None:
    with pytest.raises(Exception, match="ck_ledger_entry_kind"):
        ledger.record(session, "Jo Example called", at=now, actor="support")


def test_a_page_is_found_by_index_alone(session: Session, now: datetime) -> None:
    session.execute(text("SET LOCAL enable_seqscan = off"))
    plan = session.execute(
        text(
            "EXPLAIN SELECT * FROM ledger_entry WHERE person_id = 1 AND (at, id) < (now(), 5)"
            " ORDER BY at DESC, id DESC LIMIT 7"
        )
    ).scalars()
    assert "Index Scan Backward using ix_ledger_entry_person_id_at_id" in "\n".join(plan)
