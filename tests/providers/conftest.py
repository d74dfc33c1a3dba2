"""What the tests of providers share: a certificate, a witness with a script, and one hand-over."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mailer.providers import HandOver, Manners, Outgoing, SmtpProvider
from mailer.vocabulary import PersonId
from tests.contracts.provider_contract import SENDER, Bell, address
from tests.promises.witness import Act, Habits, RunningWitness, witness_thread
from tests.providers.tls_server import TlsFiles, make_certificate

QUICK = Manners(connections=1, connect_timeout=2, reply_timeout=0.4, start_grace=0.2)
PATIENT = Manners(connections=1, reply_timeout=10)
Start = Callable[..., tuple[SmtpProvider, RunningWitness]]


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """A certificate for localhost."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a witness with a script and a provider that knows it."""
    with contextlib.ExitStack() as stack:

        def run(
            *script: Act, manners: Manners = PATIENT, habits: Habits | None = None
        ) -> tuple[SmtpProvider, RunningWitness]:
            log = tmp_path / f"log-{time.monotonic_ns()}"
            witness = stack.enter_context(witness_thread(log, script=script, habits=habits))
            provider = SmtpProvider(witness.url, manners=manners)
            stack.callback(provider.close)
            return provider, witness

        yield run


def send(
    provider: SmtpProvider,
    people: Sequence[Outgoing],
    *,
    within: float = 20.0,
    bell: Bell | None = None,
) -> HandOver:
    bell = bell or Bell()
    result = provider.hand_over(people, begin_before=time.monotonic() + within, all_begun=bell)
    assert len(bell.rung) == 1
    assert len(result.answers) == len(people)
    return result


def large(n: int, size: int) -> Outgoing:
    return Outgoing(
        PersonId(n), SENDER, address(n), [b"Subject: large\r\n\r\n", b"x" * 70 * (size // 70)]
    )
