"""a batch says whether an earlier try of it, of unknown fate, went elsewhere."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0024"
down_revision: str | Sequence[str] | None = "0023"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Change the tables forward."""
    op.add_column(
        "delivery_batch",
        sa.Column("tried_elsewhere", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    """Change the tables back."""
    op.drop_column("delivery_batch", "tried_elsewhere")
