"""pace: a mailing and a campaign keep one, and budgets what has begun by minute, hour and day."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0010"
down_revision: str | Sequence[str] | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NEXT_TURN = "ix_delivery_pace_next_at"


def upgrade() -> None:
    """Change the tables forward: columns that may be empty, no table is rewritten."""
    op.add_column("delivery_mailing", sa.Column("pace", postgresql.JSONB()))
    op.add_column("campaigns_campaign", sa.Column("pace", postgresql.JSONB()))
    op.add_column("delivery_pace", sa.Column("mailing_id", sa.BigInteger()))
    op.add_column("delivery_pace", sa.Column("next_at", sa.DateTime(timezone=True)))
    op.add_column("delivery_pace", sa.Column("spent", postgresql.JSONB()))
    op.create_index(NEXT_TURN, "delivery_pace", ["next_at"])  # a row for each budget: small


def downgrade() -> None:
    """Change the tables back."""
    op.drop_index(NEXT_TURN, table_name="delivery_pace")
    for column in ("spent", "next_at", "mailing_id"):
        op.drop_column("delivery_pace", column)
    op.drop_column("campaigns_campaign", "pace")
    op.drop_column("delivery_mailing", "pace")
