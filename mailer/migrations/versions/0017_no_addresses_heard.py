"""what was heard keeps no addresses; a count lives from its last step on."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | Sequence[str] | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

WITHOUT = r"""
    UPDATE {table} SET {column} =
        regexp_replace({column}, '<?[^\s<>"'',;]*@[^\s<>"'',;]+>?', '<address>', 'g')
    WHERE {column} LIKE '%@%'
"""
KEPT = (("delivery_heard", "detail"), ("delivery_exception", "detail"), ("delivery_lane", "why"))


def upgrade() -> None:
    """Take addresses out of what providers wrote; counts that were under way begin anew."""
    for table, column in KEPT:
        op.execute(WITHOUT.format(table=table, column=column))
    op.execute("DELETE FROM campaigns_count")
    op.add_column(
        "campaigns_count", sa.Column("stepped_at", sa.DateTime(timezone=True), nullable=False)
    )


def downgrade() -> None:
    """The addresses are gone for good."""
    op.drop_column("campaigns_count", "stepped_at")
