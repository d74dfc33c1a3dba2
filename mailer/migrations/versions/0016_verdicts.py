"""clicks and opens keep the verdict on who asked; crowds of a domain are kept up as they come."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | Sequence[str] | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("measure_click", "measure_open")
ORIGINS = "origin IN ('person', 'unknown', 'machine')"


def upgrade() -> None:
    """Change the tables forward, without holding up those who click; workers judge what is there."""
    for table in TABLES:
        op.add_column(table, sa.Column("origin", sa.Text(), nullable=True), if_not_exists=True)
        name = f"ck_{table}_origin"
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({ORIGINS}) NOT VALID")
    _table("measure_domain")
    _table("measure_crowd", sa.Column("second", sa.BigInteger(), nullable=False))
    with op.get_context().autocommit_block():
        for table in TABLES:
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT ck_{table}_origin")
            _index(table)


def _table(name: str, *more: sa.Column[int]) -> None:
    key = (
        sa.Column("mailing_id", sa.BigInteger(), nullable=False),
        sa.Column("domain_tag", sa.BigInteger(), nullable=False),
        sa.Column("is_click", sa.Boolean(), nullable=False),
        *more,
    )
    op.create_table(
        name,
        *key,
        sa.Column("people", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(*(column.name for column in key), name=f"pk_{name}"),
        if_not_exists=True,
    )


def _index(table: str) -> None:
    wanted = {
        f"ix_{table}_mailing_at": (["mailing_id", "at"], None),
        f"ix_{table}_mail": (["person_id", "mailing_id", "at"], None),
        f"ix_{table}_fresh": (["mailing_id", "at"], "origin IS NULL"),
        f"ix_{table}_people": (["person_id", "at"], "origin = 'person'"),
    }
    for name, (columns, where) in wanted.items():
        # What an interrupted run left behind would be an invalid index.
        op.drop_index(name, table_name=table, if_exists=True)
        op.create_index(
            name,
            table,
            columns,
            postgresql_where=sa.text(where) if where else None,
            postgresql_concurrently=True,
        )
    for column in ("mailing_id", "person_id"):
        op.drop_index(f"ix_{table}_{column}", table_name=table, if_exists=True)


def downgrade() -> None:
    """Change the tables back; verdicts can be made again."""
    for table in TABLES:
        for column in ("mailing_id", "person_id"):
            op.create_index(f"ix_{table}_{column}", table, [column])
        for name in ("mailing_at", "mail", "fresh", "people"):
            op.drop_index(f"ix_{table}_{name}", table_name=table)
        op.drop_column(table, "origin")
    op.drop_table("measure_crowd")
    op.drop_table("measure_domain")
