"""Rosters are stored as they are: compressing them cost more than the rest of cutting them."""

from collections.abc import Sequence

from alembic import op

revision: str = "0009"
down_revision: str | Sequence[str] | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """What is written from now on is not compressed; what stands is read as before."""
    _store("EXTERNAL")


def downgrade() -> None:
    """Compress again what is written from now on."""
    _store("EXTENDED")


def _store(how: str) -> None:
    op.execute(
        f"ALTER TABLE delivery_roster ALTER persons SET STORAGE {how},"
        f" ALTER addresses SET STORAGE {how}"
    )
