"""a batch says whether it is of unknown fate since a restore, and not by the provider's silence."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0022"
down_revision: str | Sequence[str] | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Change the tables forward."""
    op.add_column(
        "delivery_batch",
        sa.Column("behind_backup", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    """Change the tables back."""
    op.drop_column("delivery_batch", "behind_backup")
