"""how many of its tries are in doubt stands with a batch, apart from those that were put off."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | Sequence[str] | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

AS_BEFORE = """
    UPDATE delivery_batch SET doubts = least(attempt - 1, 2)
    WHERE lane = 'orders' AND state IN ('prepared', 'claimed', 'handing') AND attempt > 1
"""
"""Which tries of those on their way were in doubt nobody has kept: each counts, as it did before."""


def upgrade() -> None:
    """Change the tables forward."""
    op.add_column(
        "delivery_batch", sa.Column("doubts", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.execute(AS_BEFORE)


def downgrade() -> None:
    """Change the tables back."""
    op.drop_column("delivery_batch", "doubts")
