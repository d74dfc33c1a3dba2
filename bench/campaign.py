"""A campaign from its start to its last settled batch. `python -m bench.campaign --profile`.

The campaign is made, started and rung for as the command line does it; a worker of its own
process sends it. The time runs from before the start, so that cutting the audience is in it.
"""

import argparse
import cProfile
import email
import email.policy
import json
import logging
import pstats
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import mean, median

import structlog

from bench.crowd import APART, PLACES, TOPIC
from bench.letter import LINKS, large_letter
from bench.smtp import Sink, dump_folder, dumped, sink, source
from bench.stage import House, Stage, a_stage, wait_for
from bench.values import CheckFailed
from mailer import campaigns, delivery
from mailer.campaigns import Audience, CampaignId, NewCampaign, Report
from mailer.campaigns.audience.rules import LivesIn
from mailer.letters import PromotionalContent
from mailer.links import Purpose
from mailer.vocabulary import Lane, MailingId
from mailer.wiring import build_sender

LetterMaker = Callable[[datetime], PromotionalContent]
CLICK = re.compile(r"https://mail\.focalpointsystem\.com/c/([A-Za-z0-9_.-]+)/(\d+)")
HOME = tuple(place[0] for place in PLACES)
LONGEST = 1800.0
SELDOM = 1.0
"""Seconds between two questions to the database whether a campaign is over."""


@dataclass(frozen=True)
class Sent:
    """What one campaign did: how long it took, and what the books say."""

    mailing_id: MailingId
    seconds: float
    report: Report


def create(
    house: House, letter: LetterMaker = large_letter, *, to_apart: bool = False
) -> CampaignId:
    """Make a campaign to the whole crowd, or to those who live apart and to nobody else."""
    now = datetime.now(UTC)
    audience = Audience(rule=LivesIn(any_of=(APART[0],) if to_apart else HOME))
    new = NewCampaign(f"Release {now:%H:%M:%S.%f}", TOPIC, letter(now), audience)
    parts = house.parts
    with parts.database.transaction() as session:
        made = campaigns.create(session, new, brand=parts.brand, by="bench", now=now)
        campaigns.approve(session, made.campaign_id, brand=parts.brand, by="bench:second", now=now)
    return made.campaign_id


def start(house: House, campaign_id: CampaignId) -> None:
    """Cut the audience into batches and ring for a worker."""
    parts, now = house.parts, datetime.now(UTC)
    with parts.database.transaction() as session:
        campaigns.start(session, campaign_id, brand=parts.brand, by="bench", now=now)
    parts.ring(Lane.PROMOTIONAL)


def report_of(house: House, campaign_id: CampaignId) -> Report:
    with house.parts.database.reading() as session:
        return campaigns.report_of(session, campaign_id)


def is_over(house: House, campaign_id: CampaignId) -> bool:
    """Say whether nothing of a campaign is to go any more; cheap enough to be asked often."""
    with house.parts.database.reading() as session:
        mailing_id = campaigns.campaign_of(session, campaign_id).mailing_id
        return mailing_id is not None and not delivery.unfinished(session, mailing_id)


def send(
    house: House,
    letter: LetterMaker = large_letter,
    *,
    to_apart: bool = False,
    has_arrived: Callable[[], bool] = bool,
) -> Sent:
    """Send a campaign by the worker that is running, and wait for its end.

    The database is asked once a second, and at once where `has_arrived` says that the sink has all:
    to ask it often would take the time of those who send.
    """
    campaign_id = create(house, letter, to_apart=to_apart)
    began = asked = time.perf_counter()
    start(house, campaign_id)

    def is_ended() -> bool:
        nonlocal asked
        if not has_arrived() and time.perf_counter() - asked < SELDOM:
            return False
        asked = time.perf_counter()
        return is_over(house, campaign_id)

    wait_for(is_ended, LONGEST, "the campaign to end")
    seconds = time.perf_counter() - began
    report = report_of(house, campaign_id)
    mailing_id = report.campaign.mailing_id
    if mailing_id is None:
        raise CheckFailed("the campaign never became a mailing")
    return Sent(mailing_id, seconds, report)


def check_report(report: Report, *, people: int, taken: int) -> None:
    """See that every mail arrived once and the books balance. Raises CheckFailed."""
    books = report.books
    if books.accepted != people or books.audience != people or not books.balance:
        raise CheckFailed(f"{books.accepted} of {people} were accepted: {books}")
    if taken != people:
        raise CheckFailed(f"the sink counted {taken} messages instead of {people}")


def rate(house: House, taking: Sink, people: int, letter: LetterMaker = large_letter) -> float:
    """Send a campaign, check it, and return how many mails left in a second."""
    before = taking.counted
    sent = send(house, letter, has_arrived=lambda: taking.counted - before >= people)
    check_report(sent.report, people=people, taken=taking.counted - before)
    return people / sent.seconds


def verify_sample(house: House, messages: list[str]) -> str:
    """Verify every click signature of a sample; return in a sentence what was looked at."""
    tokens = [_links_of(message) for message in messages]
    people = set()
    for links in tokens:
        if len({n for _, n in links}) != LINKS or len({token for token, _ in links}) != 1:
            raise CheckFailed(f"a mail has other links than {LINKS} of one signature: {links[:3]}")
        people.add(house.parts.links.read(Purpose.CLICK, links[0][0]))
    if len(people) != len(messages):
        raise CheckFailed(f"{len(messages)} mails are signed for {len(people)} people")
    return f"{LINKS} links of each of {len(messages)} mails verified"


def _links_of(message: str) -> list[tuple[str, str]]:
    read = email.message_from_string(_without_envelope(message), policy=email.policy.default)
    page = read.get_body(("html",))
    return CLICK.findall(page.get_content()) if page else []


def _without_envelope(message: str) -> str:
    """Cut off the lines that the sink put on top."""
    lines = message.split("\n")
    first = next((n for n, line in enumerate(lines) if not line.startswith("X-")), 0)
    return "\n".join(lines[first:])


def warm_up(house: House, port: int) -> tuple[int, str]:
    """Send the letter to those apart, into a sink that keeps it; return its size and what held.

    They leave by the same worker, over the same road, as what is measured afterwards.
    """
    with dump_folder() as folder, sink(port, dump=folder):
        house.worker()
        sent = send(house, to_apart=True)
        messages = dumped(folder)
    if sent.report.books.accepted != len(messages):
        raise CheckFailed(f"{len(messages)} messages kept, books: {sent.report.books}")
    sizes = [len(message.encode()) + message.count("\n") for message in messages]
    return round(mean(sizes)), verify_sample(house, messages)


# The command for whoever makes the sender faster.


def main() -> None:
    """Measure a few pairs, or profile one campaign inside this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument(
        "--profile", action="store_true", help="where the time goes, in one process"
    )
    parser.add_argument("--lines", type=int, default=35, help="of the profile")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with a_stage() as stage, sink() as taking:
        if given.profile:
            profile(stage, taking, given.people, given.lines)
        else:
            pairs(stage, taking, given.people, given.pairs)


def pairs(stage: Stage, taking: Sink, people: int, count: int) -> None:
    """Print one JSON line for each pair, and one for their medians."""
    ours, theirs = [], []
    with stage.house(crowd=people, smtp_port=taking.port) as house:
        house.worker()
        size = 32_000
        for _ in range(count):
            ours.append(rate(house, taking, people))
            theirs.append(people / source(taking.port, messages=people, size=size))
            print(json.dumps({"ours": round(ours[-1]), "smtp-source": round(theirs[-1])}))
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    print(
        json.dumps(
            {
                "messages": people,
                "unit": "messages/s",
                "ours": round(median(ours)),
                "smtp-source": round(median(theirs)),
                "ratio": round(ratio, 3),
            }
        )
    )


def profile(stage: Stage, taking: Sink, people: int, lines: int) -> None:
    """Send one campaign by a sender in this process, and print where its time and queries went."""
    with stage.house(crowd=people, smtp_port=taking.port) as house:
        sender = build_sender(house.parts)
        for round_ in ("plain", "profiled"):
            campaign_id = create(house)
            start(house, campaign_id)
            house.rows("SELECT pg_stat_statements_reset()")
            watch = cProfile.Profile()
            began, cpu = time.perf_counter(), time.process_time()
            if round_ == "profiled":
                watch.enable()
            while sender.deliver_one(Lane.PROMOTIONAL):
                pass
            watch.disable()
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
            accepted = report_of(house, campaign_id).books.accepted
            print(
                json.dumps(
                    {
                        "round": round_,
                        "accepted": accepted,
                        "messages_per_s": round(accepted / seconds),
                        "us_per_message": round(seconds / people * 1e6),
                        "cpu_us_per_message": round(cpu / people * 1e6),
                    }
                )
            )
            _print_statements(house, people)
        pstats.Stats(watch, stream=sys.stdout).sort_stats("tottime").print_stats(lines)
        sender.close()


def _print_statements(house: House, people: int) -> None:
    found = house.rows(
        "SELECT calls, total_exec_time * 1000 / %s, wal_bytes / %s, regexp_replace(query, '\\s+', ' ', 'g')"
        " FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 14",
        people,
        people,
    )
    for calls, us, wal, query in found:
        print(f"{calls:6} calls {us:7.2f} µs/person {float(wal):7.1f} B of WAL  {query[:90]}")


if __name__ == "__main__":
    main()
