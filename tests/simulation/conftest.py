"""The stage on which tests play seeds."""

from collections.abc import Iterator

import pytest

from mailer.database import Database
from mailer.vault import Vault
from tests.simulation.stage import Stage, without_logs


@pytest.fixture
def stage(database: Database, vault: Vault) -> Iterator[Stage]:
    stage = Stage(database.url, vault)
    with without_logs():
        yield stage
    stage.close()
