"""What a play of campaigns' lives chooses from: who, what, where a sender stands, how it begins."""

from hypothesis import strategies as st

from mailer.failpoints import Failpoint
from mailer.providers import Answer, Later, Rejected, Unknown
from tests.campaigns.life_trials import NAMES
from tests.campaigns.office import MANY, STAFF

which = st.integers(0, 9)
staff = st.sampled_from(STAFF)
somebody = st.integers(0, MANY - 1)
ACTS = [
    "edit",
    "approve",
    "schedule",
    "unschedule",
    "start",
    "start",
    "pause",
    "pause",
    "resume",
    "resume",
    "resume",
    "cancel",
]
ACTS += ["pace", "brake", "test", "choose"]
trials = st.sampled_from([None, None, "first", "all"])
variants = st.sampled_from([*NAMES, None, "Nobody's"])
reasons = st.sampled_from(["", "   ", "It was a mistake.", "asked by jo@example.com"])
NO_MAILBOX = Rejected(550, "5.1.1 no such user", about_person=True)
MOODS: list[Answer] = [
    NO_MAILBOX,
    Rejected(554, "5.7.1 not from you", about_person=False),
    Later(450, "4.2.1 later"),
    Unknown("no answer came"),
]
BEFORE_THE_GATE = [
    Failpoint.CLAIMED,
    Failpoint.PRINTED,
    Failpoint.READY,
    Failpoint.TURN_TAKEN,
    Failpoint.WINDOW_OPEN,
    Failpoint.IN_HAND,
    Failpoint.IN_HAND_JOURNALED,
]
"""What is wished while a batch stands here holds for everybody in it."""
BEHIND_THE_GATE = [
    Failpoint.GATE_DECIDED,
    Failpoint.GATE_REFUSED,
    Failpoint.GATE_ARMED,
    Failpoint.HANDED_OVER,
]
"""What is wished while a batch stands here holds for the next one."""
ANYWHERE = [*BEFORE_THE_GATE, Failpoint.GATE_REFUSED, Failpoint.HANDED_OVER, Failpoint.SETTLING]
STEERINGS = [("pause",), ("cancel",), ("pause", "resume"), ("pause", "cancel")]

LATE = ["soon too late", "too late"]
TIMES = {"repeated": 3, "stopped between two times": 3, "to its end": 2}
"""What the clock begins with a deadline, and what it begins so many times."""
FAR = ["a draft", "complained of", *LATE, "given up"]
FAR += ["paused in hand", "cancelled on its way", "cancelled at the relay"]
FAR += [*TIMES, "tried on a sample"]
"""How far the first campaign of a play is when it begins: so that all states are played."""
MET = "schedule approve CannotDo OwnApproval ReasonNeeded agreed accepted unknown refused cancelled"
MET += " braked died finished late on_its_way"
MET_OFTEN = ["a time of its own", "a second time", "the last time", "not started by the clock"]
MET_OFTEN += ["chosen by the clock", "held out"]
MET_UNDER_WAY = ["pause before the gate", "cancel behind the gate", "begun though cancelled"]
