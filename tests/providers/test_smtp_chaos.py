"""Whatever a server does, at random: no answer of ours contradicts what it wrote down."""

import random
import time
from pathlib import Path

import pytest

from mailer.providers import Accepted, Manners, Outgoing, SmtpProvider, Unknown
from mailer.vocabulary import PersonId
from tests.contracts.provider_contract import SENDER, Bell, address
from tests.promises.witness import Act, Habits, witness_thread

PEOPLE = 40
TROUBLES = [
    Act("rcpt", reply="550 5.1.1 no such user", chance=0.2),
    Act("rcpt", reply="450 4.2.0 greylisted", chance=0.2),
    Act("rcpt", reply="550 5.7.1 relaying denied", chance=0.1),
    Act("rcpt", cut="instead", chance=0.05),
    Act("mail", reply="421 4.7.0 enough", cut="after", chance=0.05),
    Act("mail", reply="451 4.3.0 busy", chance=0.02),
    Act("mail", cut="instead", chance=0.05),
    Act("data", reply="451 4.3.0 not now", chance=0.1),
    Act("data", cut="after", chance=0.05),
    Act("data", delay=0.5, chance=0.05),
    Act("content", cut="instead", chance=0.05),
    Act("content", pause=0.5, chance=0.05),
    Act("dot", reply="550 5.7.1 spam", chance=0.1),
    Act("dot", reply="421 4.3.2 closing", cut="after", chance=0.1),
    Act("dot", cut="instead", chance=0.1),
    Act("dot", cut="after", chance=0.1),
    Act("dot", delay=0.5, chance=0.05),
    Act("greeting", reply="421 4.7.0 too many", cut="after", chance=0.3),
    Act("greeting", cut="instead", chance=0.2),
]


def outgoing(n: int, chance: random.Random) -> Outgoing:
    size = chance.choice([10, 1000, 40_000, 400_000])
    return Outgoing(PersonId(n), SENDER, address(n), [b"Subject: x\r\n\r\n", b"y" * size + b"\r\n"])


@pytest.mark.parametrize("seed", range(24))
def test_no_answer_contradicts_the_witness(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    script = chance.sample(TROUBLES, chance.randint(1, 6))
    habits = Habits(pipelining=chance.random() < 0.7, receive_buffer=chance.choice([None, 8192]))
    manners = Manners(connections=chance.randint(1, 4), reply_timeout=0.3, start_grace=0.1)
    people = [outgoing(n, chance) for n in range(PEOPLE)]
    with witness_thread(tmp_path / "log", script=script, habits=habits) as witness:
        provider = SmtpProvider(witness.url, manners=manners)
        bell, deadline = Bell(), time.monotonic() + chance.choice([0.05, 0.3, 2])
        result = provider.hand_over(people, begin_before=deadline, all_begun=bell)
        ended = time.monotonic()
        provider.close()
        time.sleep(0.6)
    assert len(bell.rung) == 1
    assert bell.rung[0] < deadline + 0.3, "told within the grace"
    assert ended < deadline + 0.8, "and ended within grace and reply time-out"
    accepted = [handed.recipient for handed in witness.accepted()]
    for n, answer in ((n, result.answers[PersonId(n)]) for n in range(PEOPLE)):
        times = accepted.count(address(n))
        if isinstance(answer, Accepted):
            assert times == 1
        elif isinstance(answer, Unknown):
            assert times <= 1
        else:
            assert times == 0, f"{answer} and yet taken"
    assert all(handed.begun < bell.rung[0] + 0.01 for handed in witness.accepted())
