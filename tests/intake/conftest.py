"""A desk that takes files in and looks at what came of them."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailer import people, permission
from mailer.database import Database
from mailer.intake import ImportOptions, ImportReport, import_customers
from mailer.people import Profile
from mailer.permission import Change
from mailer.vault import Vault
from mailer.vocabulary import Door, PersonId, Topic
from tests.conftest import NOW

NEWS = "company_news"


class Desk:
    """Imports files into one database and looks at what came of it."""

    def __init__(self, database: Database, vault: Vault, folder: Path) -> None:
        self.database, self.vault, self.folder = database, vault, folder

    def write(self, rows: Sequence[Mapping[str, str]], name: str = "customers.csv") -> Path:
        file = self.folder / name
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
        return file

    def take(
        self,
        rows: Sequence[Mapping[str, str]],
        progress: Callable[[int, int], None] | None = None,
        **options: Any,
    ) -> ImportReport:
        return self.take_file(self.write(rows), progress, **options)

    def take_file(
        self, file: Path, progress: Callable[[int, int], None] | None = None, **options: Any
    ) -> ImportReport:
        given = replace(ImportOptions(source="shop", set_size=3), **options)
        return import_customers(
            self.database, self.vault, file, options=given, now=NOW, progress=progress
        )

    def customers(self) -> list[Profile]:
        with self.database.reading() as session:
            return people.customers_page(session, self.vault, after=PersonId(0), limit=1000)

    def topics_on(self, email: str) -> frozenset[Topic]:
        with self.database.reading() as session:
            (person,) = people.find_by_email(session, self.vault, email)
            standing = permission.standing_of(session, person)
        assert standing is not None
        return standing.topics_on

    def stop(self, email: str, **change: Any) -> None:
        with self.database.transaction() as session:
            (person,) = people.find_by_email(session, self.vault, email)
            identity = people.identity_of(session, person)
            permission.apply(
                session,
                person_id=person,
                address_ids=identity.addresses,
                change=Change(door=Door.PREFERENCE_PAGE, policy_version="2026-11", **change),
                reference="R-1",
                now=NOW,
            )


@pytest.fixture
def desk(database: Database, vault: Vault, tmp_path: Path) -> Desk:
    return Desk(database, vault, tmp_path)


def person(number: int, **more: str) -> dict[str, str]:
    return {
        "external_id": f"c-{number}",
        "email": f"jo{number}@example.com",
        "name": f"Jo Example {number}",
        **more,
    }
