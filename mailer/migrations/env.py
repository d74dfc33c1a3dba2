"""What Alembic runs for each command; the connection comes from `mailer.migrations`."""

from alembic import context
from sqlmodel import SQLModel

import mailer.tables  # noqa: F401 - registers the tables of every room

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    compare_type=True,
    compare_server_default=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
