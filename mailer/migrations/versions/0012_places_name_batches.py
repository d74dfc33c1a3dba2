"""a place names the batch that holds its person; what was handed over lately is found by mailing."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | Sequence[str] | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

LATELY = "ix_delivery_batch_mailing"
PROMOTIONAL = "ix_delivery_mailing_promotional"


def upgrade() -> None:
    """Change the tables forward; workers must not run meanwhile."""
    op.add_column("delivery_place", sa.Column("batch_id", sa.BigInteger(), nullable=True))
    op.execute(
        """
        UPDATE delivery_place p SET batch_id = b.id
        FROM delivery_batch b JOIN delivery_roster r ON r.batch_id = b.id,
             unnest(r.persons, r.addresses) AS u(person_id, address_id)
        WHERE p.root_id = b.root_id AND p.mailing_id = b.mailing_id
          AND p.person_id = u.person_id AND p.address_id = u.address_id
        """
    )
    op.execute("UPDATE delivery_place SET batch_id = root_id WHERE batch_id IS NULL")
    op.alter_column("delivery_place", "batch_id", nullable=False)
    op.drop_column("delivery_place", "root_id")
    op.drop_index(LATELY, table_name="delivery_batch")
    op.create_index(LATELY, "delivery_batch", ["mailing_id", "handing_at"])
    op.create_index(
        PROMOTIONAL,
        "delivery_mailing",
        ["id"],
        postgresql_where=sa.text("stream = 'promotional' AND letter <> 'test'"),
    )


def downgrade() -> None:
    """Change the tables back; workers must not run meanwhile."""
    op.drop_index(PROMOTIONAL, table_name="delivery_mailing")
    op.drop_index(LATELY, table_name="delivery_batch")
    op.create_index(LATELY, "delivery_batch", ["mailing_id"])
    op.add_column("delivery_place", sa.Column("root_id", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE delivery_place p SET root_id = b.root_id"
        " FROM delivery_batch b WHERE b.id = p.batch_id"
    )
    op.alter_column("delivery_place", "root_id", nullable=False)
    op.drop_column("delivery_place", "batch_id")
