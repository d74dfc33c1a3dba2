"""The SMTP client keeps the contract, whatever the server can do, in clear and over TLS."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailer.providers import Manners, SmtpProvider
from tests.contracts.provider_contract import ProviderContract
from tests.promises.witness import Act, Habits, RunningWitness, witness_thread
from tests.providers.tls_server import TlsFiles, tunnel

HABITS = {
    "pipelining": Habits(),
    "one command at a time": Habits(pipelining=False),
    "asks for content though it took no recipient": Habits(asks_anyway=True),
    "with a size limit": Habits(size=10_000_000),
}


class SmtpStage:
    def __init__(
        self,
        witness: RunningWitness,
        kept: list[tuple[str, bytes]],
        url: str,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.witness = witness
        self.provider = SmtpProvider(url, manners=Manners(reply_timeout=5), tls=tls)
        self._kept = kept
        self._script: list[Act] = []

    def _play(self, act: Act) -> None:
        self._script.append(act)
        self.witness.play(self._script)

    def reject(self, recipient: str) -> None:
        self._play(
            Act("rcpt", recipient, reply=f"550 5.1.1 <{recipient}>: person.1 is no user here")
        )

    def put_off(self, recipient: str) -> None:
        self._play(Act("rcpt", recipient, reply="450 4.2.0 greylisted, come back", times=1))

    def leave_in_doubt(self, recipient: str) -> None:
        self._play(Act("dot", recipient, cut="instead"))

    def refuse_us(self) -> None:
        self._play(Act("mail", reply="530 5.7.0 who are you?"))

    def serve_again(self) -> None:
        self.witness.play([])

    def accepted(self) -> list[tuple[str, bytes]]:
        assert sorted(handed.recipient for handed in self.witness.accepted()) == sorted(
            recipient for recipient, _ in self._kept
        )
        return self._kept


class TestSmtp(ProviderContract):
    @pytest.fixture(params=list(HABITS))
    def stage(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmtpStage]:
        kept: list[tuple[str, bytes]] = []
        habits = HABITS[request.param]
        with witness_thread(tmp_path / "log", habits=habits, kept=kept) as witness:
            stage = SmtpStage(witness, kept, witness.url, None)
            yield stage
            stage.provider.close()


class TestSmtpOverTls(ProviderContract):
    @pytest.fixture
    def stage(self, tls_files: TlsFiles, tmp_path: Path) -> Iterator[SmtpStage]:
        kept: list[tuple[str, bytes]] = []
        with (
            witness_thread(tmp_path / "log", kept=kept) as witness,
            tunnel(tls_files, to_port=witness.port) as port,
        ):
            stage = SmtpStage(witness, kept, f"smtps://localhost:{port}", tls_files.client())
            yield stage
            stage.provider.close()
