"""A backup of a test's database, and its restore, without another server: tables and numbers."""

from dataclasses import dataclass, field

from sqlalchemy import text
from sqlmodel import SQLModel

from mailer.database import Database

NUMBERS = text(
    "SELECT quote_ident(sequencename) AS name, last_value FROM pg_sequences"
    " WHERE schemaname = 'public'"
)


@dataclass
class Backup:
    """What the database held at one moment."""

    database: Database
    tables: list[str] = field(default_factory=list)
    numbers: dict[str, int | None] = field(default_factory=dict)

    def restore(self) -> None:
        """Put the database back to that moment; connections stay, as no real restore lets them."""
        with self.database.transaction() as session:
            session.execute(text(f"TRUNCATE {', '.join(self.tables)}"))
            for table in self.tables:
                columns = ", ".join(written_columns(table))
                copied = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM backup.{table}"
                session.execute(text(copied))
            for name, last in self.numbers.items():
                session.execute(
                    text("SELECT setval(CAST(:name AS regclass), :last, :used)"),
                    {"name": name, "last": last or 1, "used": last is not None},
                )

    def forget(self) -> None:
        """Drop what was kept."""
        with self.database.transaction() as session:
            session.execute(text("DROP SCHEMA IF EXISTS backup CASCADE"))


def written_columns(table: str) -> list[str]:
    """Return the columns of a table but those that PostgreSQL generates, which nobody writes."""
    columns = SQLModel.metadata.tables[table].columns
    return [column.name for column in columns if column.computed is None]


def back_up(database: Database) -> Backup:
    """Keep what the database holds now."""
    tables = [table.name for table in SQLModel.metadata.sorted_tables]
    with database.transaction() as session:
        session.execute(text("DROP SCHEMA IF EXISTS backup CASCADE"))
        session.execute(text("CREATE SCHEMA backup"))
        for table in tables:
            session.execute(text(f"CREATE TABLE backup.{table} AS TABLE {table}"))
        numbers = {row.name: row.last_value for row in session.execute(NUMBERS)}
    return Backup(database, tables, numbers)
