"""Every room's tables, imported for their registration alone: for migrations and tests."""

import importlib

ROOMS_WITH_TABLES = (
    "mailer.vault",
    "mailer.ledger",
    "mailer.access",
    "mailer.people",
    "mailer.permission",
    "mailer.delivery",
    "mailer.measure",
    "mailer.intake",
    "mailer.orders",
    "mailer.campaigns",
    "mailer.recovery",
)

for room in ROOMS_WITH_TABLES:
    try:
        importlib.import_module(room)
    except ModuleNotFoundError as error:
        if error.name != room:
            raise
