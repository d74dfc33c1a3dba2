"""digests: what a campaign collects."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0018"
down_revision: str | Sequence[str] | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Change the tables forward."""
    op.add_column("campaigns_campaign", sa.Column("digest", postgresql.JSONB()))


def downgrade() -> None:
    """Change the tables back."""
    op.drop_column("campaigns_campaign", "digest")
