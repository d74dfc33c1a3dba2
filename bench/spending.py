"""Where the time of one person goes: a sender in this process, looked at two hundred times a second.

A sampling thread notes which room each thread is in. That costs the sender little, and counts
waiting as well as work, which a profile of calls does not.
"""

import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

from bench import campaign, smtp
from bench.stage import House, Stage
from bench.values import Scale
from mailer.campaigns import CampaignId
from mailer.vocabulary import Lane
from mailer.wiring import build_sender

EVERY = 0.005
ROOMS = (
    ("psycopg", "the database: statements and their answers"),
    ("mailer/providers", "hand over by SMTP, and wait for the relay"),
    ("mailer/links.py", "sign links"),
    ("mailer/vault.py", "open what is sealed"),
    ("mailer/people", "open what is sealed"),
    ("mailer/letters", "render and write the mail"),
    ("mailer/permission", "decide"),
    ("sqlalchemy", "build statements, read rows"),
    ("mailer/journal.py", "the journal, onto the disk"),
    ("mailer/delivery", "the road itself"),
)
ELSEWHERE = "elsewhere"


def spending(stage: Stage, scale: Scale) -> dict[str, float]:
    """Return microseconds for each person by where they went. Raises Missing, CheckFailed."""
    size = scale.pick(3_000, 20_000)
    with smtp.sink() as taking, stage.house(crowd=size, smtp_port=taking.port) as house:
        _deliver(house, Counter())
        before, places = taking.counted, Counter[str]()
        seconds, report_id = _deliver(house, places)
        report = campaign.report_of(house, report_id)
        campaign.check_report(report, people=size, taken=taking.counted - before)
    samples = sum(places.values()) or 1
    return {
        place: round(count / samples * seconds / size * 1e6, 1)
        for place, count in places.most_common()
    }


def _deliver(house: House, places: Counter[str]) -> tuple[float, CampaignId]:
    sender = build_sender(house.parts)
    campaign_id = campaign.create(house)
    campaign.start(house, campaign_id)
    over = threading.Event()
    # The main thread only: the start window's signal belongs to it, and it carries a batch along.
    watch = threading.Thread(target=_watch, args=(threading.get_ident(), places, over))
    began = time.perf_counter()
    watch.start()
    while sender.deliver_one(Lane.PROMOTIONAL):
        pass
    seconds = time.perf_counter() - began
    over.set()
    watch.join()
    sender.close()
    return seconds, campaign_id


def _watch(thread: int, places: Counter[str], over: threading.Event) -> None:
    while not over.wait(EVERY):
        frame = sys._current_frames().get(thread)
        if frame is not None:
            places[place_of(frame)] += 1


def place_of(frame: FrameType | None) -> str:
    """Name the room that a stack is in: the innermost frame that belongs to one."""
    while frame is not None:
        file = Path(frame.f_code.co_filename).as_posix()
        for part, place in ROOMS:
            if part in file:
                return place
        frame = frame.f_back
    return ELSEWHERE
