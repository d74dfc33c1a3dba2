"""What the contracts of providers need."""

import pytest

from tests.providers.tls_server import TlsFiles, make_certificate


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """A certificate for localhost."""
    return make_certificate(tmp_path_factory.mktemp("tls"))
