"""split tests: a mailing keeps its letters, a batch its variant, a campaign its split and choice."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0011"
down_revision: str | Sequence[str] | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COLUMNS = (
    ("delivery_mailing", "variants", postgresql.JSONB()),
    ("delivery_batch", "variant", sa.SmallInteger()),
    ("delivery_batch", "planned", sa.DateTime(timezone=True)),
    ("campaigns_campaign", "split", postgresql.JSONB()),
    ("campaigns_campaign", "choose_at", sa.DateTime(timezone=True)),
    ("campaigns_campaign", "looks", sa.SmallInteger()),
    ("campaigns_campaign", "choice", postgresql.JSONB()),
)


def upgrade() -> None:
    """Change the tables forward: columns that may be empty, no table is rewritten."""
    for table, column, kind in COLUMNS:
        op.add_column(table, sa.Column(column, kind))


def downgrade() -> None:
    """Change the tables back."""
    for table, column, _ in reversed(COLUMNS):
        op.drop_column(table, column)
