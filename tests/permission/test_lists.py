"""Whole lists at once: yeses in the words of each, and standings for who is new."""

from datetime import datetime

import pytest
import sqlalchemy.exc
from sqlalchemy import text
from sqlmodel import Session

from mailer import permission
from mailer.permission import ImportedYes
from mailer.vault import Vault
from mailer.vocabulary import PersonId, Topic
from tests.conftest import NOW
from tests.people_of_tests import a_customer

NEWS, UPDATES = Topic.COMPANY_NEWS, Topic.SOFTWARE_UPDATES


@pytest.mark.clause("C24")
def test_each_yes_of_a_list_keeps_its_own_words(
    session: Session, vault: Vault, now: datetime
) -> None:
    """Also where people of different words stand between each other."""
    names = ["Anna Becker", "Omar Example", "Lena Smith", "Marie Brown"]
    crowd = [a_customer(session, vault, name, topics=(), now=now) for name in names]
    said = [
        ({NEWS}, "shop", None),
        ({NEWS, UPDATES}, "trade_fair", "badge 1"),
        ({NEWS}, "shop", None),
        ({UPDATES}, "trade_fair", "badge 2"),
    ]
    rows = [
        ImportedYes(each.person_id, frozenset(topics), source, proof)
        for each, (topics, source, proof) in zip(crowd, said, strict=True)
    ]
    added = permission.import_permissions(
        session, rows, policy_version="2026-11", reference="P-LIST-0001", now=now
    )
    assert added == 5
    for each, (topics, source, proof) in zip(crowd, said, strict=True):
        statement = text(
            "SELECT topic, source, proof FROM permission_consent"
            " WHERE person_id = :person AND reference = 'P-LIST-0001'"
        )
        kept = session.execute(statement, {"person": each.person_id})
        assert {tuple(row) for row in kept} == {(topic.value, source, proof) for topic in topics}


def test_who_is_new_is_admitted_as_anybody_is(session: Session) -> None:
    permission.admit(session, [PersonId(1)], now=NOW)
    permission.admit_new(session, [2, 3])
    rows = session.execute(text("SELECT * FROM permission_standing")).mappings().all()
    one, *others = [{**row, "person_id": None} for row in rows]
    assert others == [one, one]
    with pytest.raises(sqlalchemy.exc.IntegrityError):
        permission.admit_new(session, [1])
