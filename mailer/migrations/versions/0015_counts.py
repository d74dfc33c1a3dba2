"""campaigns keep what was counted before they left; a count in parts knows who is asleep."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0015"
down_revision: str | Sequence[str] | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Counts that were under way begin anew: none lasts longer than minutes."""
    op.execute("DELETE FROM campaigns_count")
    op.add_column("campaigns_count", sa.Column("held", sa.BigInteger(), nullable=False))
    op.add_column("campaigns_campaign", sa.Column("counted", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    """Forget what was counted."""
    op.drop_column("campaigns_campaign", "counted")
    op.drop_column("campaigns_count", "held")
