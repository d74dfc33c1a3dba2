"""a count in parts remembers how many customers it decides on at once."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0027"
down_revision: str | Sequence[str] | None = "0026"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Change the tables forward; a count that is under way finds its own size."""
    op.add_column("campaigns_count", sa.Column("portion", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Change the tables back."""
    op.drop_column("campaigns_count", "portion")
