"""The fake keeps the contract of the real ones."""

import time

import pytest

from mailer.providers import AboutUs, Accepted, Later, MemoryProvider, Outgoing, Rejected, Unknown
from tests.contracts.provider_contract import (
    Bell,
    ProviderContract,
    address,
    kinds,
    message,
    messages,
)


class MemoryStage:
    def __init__(self) -> None:
        self.provider = MemoryProvider()

    def reject(self, recipient: str) -> None:
        self.provider.answer_for(recipient, Rejected(550, "no such person", about_person=True))

    def put_off(self, recipient: str) -> None:
        self.provider.answer_for(recipient, Later(451, "try later"))

    def leave_in_doubt(self, recipient: str) -> None:
        self.provider.answer_for(recipient, Unknown("no reply to the final dot"))

    def refuse_us(self) -> None:
        for n in range(1, 21):
            self.provider.answer_for(address(n), AboutUs(530, "who are you?"))

    def serve_again(self) -> None:
        for n in range(1, 21):
            self.provider.forget_script(address(n))

    def accepted(self) -> list[tuple[str, bytes]]:
        return [(each.recipient, each.content) for each in self.provider.accepted]


class TestMemory(ProviderContract):
    @pytest.fixture
    def stage(self) -> MemoryStage:
        return MemoryStage()


def test_while_it_refuses_us_it_says_so_when_made_ready() -> None:
    provider = MemoryProvider()
    provider.refuse_us(AboutUs(421, "closed"))
    assert provider.make_ready(1) == AboutUs(421, "closed")
    result = provider.hand_over([message(1)], begin_before=time.monotonic() + 5, all_begun=Bell())
    assert kinds(result) == {1: "NotBegun"}
    provider.refuse_us(None)
    assert provider.make_ready(1) is None


def test_something_can_happen_between_two_people() -> None:
    met: list[str] = []

    def look(outgoing: Outgoing) -> None:
        met.append(outgoing.recipient)
        if len(met) == 2:
            time.sleep(0.06)

    provider = MemoryProvider(before_each=look)
    result = provider.hand_over(messages(4), begin_before=time.monotonic() + 0.05, all_begun=Bell())
    assert met == [address(1), address(2)]
    assert kinds(result) == {1: "Accepted", 2: "Accepted", 3: "NotBegun", 4: "NotBegun"}


def test_a_message_in_doubt_is_kept_apart() -> None:
    provider = MemoryProvider()
    provider.answer_for(address(1), Unknown("lost"), Accepted("later on"))
    for _ in range(2):
        provider.hand_over([message(1)], begin_before=time.monotonic() + 5, all_begun=Bell())
    assert [each.recipient for each in provider.doubtful] == [address(1)]
    assert [each.recipient for each in provider.accepted] == [address(1)]
