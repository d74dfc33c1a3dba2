"""what a yes after a stop did not name is a no of the address, too."""

from collections.abc import Sequence

from alembic import op

revision: str = "0020"
down_revision: str | Sequence[str] | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

STAYS = """
    INSERT INTO permission_suppression
        (person_id, address_id, scope, topic, reason, door, since, until)
    SELECT DISTINCT ON (n.person_id, n.address_id, t.topic)
           n.person_id, n.address_id, 'topic', t.topic, 'opt_out', n.door, n.since, n.until
    FROM permission_suppression n
    JOIN permission_standing s ON s.person_id = n.person_id
    JOIN (VALUES ('company_news', 1), ('software_updates', 2), ('product_information', 4),
                 ('service_and_events', 8), ('partner_offers', 16)) AS t(topic, bit)
      ON s.topics_answered & t.bit <> 0 AND s.topics_on & t.bit = 0
    WHERE n.scope = 'promotional' AND n.reason = 'opt_out' AND n.address_id IS NOT NULL
      AND n.lifted_why LIKE 'their own yes%'
      AND NOT EXISTS (
          SELECT FROM permission_suppression o
          WHERE o.person_id = n.person_id AND o.address_id = n.address_id AND o.scope = 'topic'
            AND o.topic = t.topic AND o.reason = 'opt_out' AND o.lifted_at IS NULL)
    ORDER BY n.person_id, n.address_id, t.topic, n.since
"""


def upgrade() -> None:
    """Write the nos that an earlier version kept with the person's record alone."""
    op.execute(STAYS)


def downgrade() -> None:
    """They are true for an earlier version, too."""
