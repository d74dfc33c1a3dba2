"""A campaign end to end beside the plain way: a task, a row, a template and a connection each."""

import time

from celery import Celery

from bench import campaign, smtp
from bench.pairing import in_turns, middle, ratio_of
from bench.plain.letter import plain_letter
from bench.plain.tables import count_sent, make_people
from bench.stage import Child, House, Stage, wait_for
from bench.values import Better, CheckFailed, Measure, Reading, Scale, Spec

NAME = "bench.plain.tasks.mail_one"


def run(stage: Stage, scale: Scale) -> list[Reading]:
    """Send ours to everybody and the plain way to a share, each as fast as it can."""
    size, plain = scale.pick(10_000, 20_000), scale.pick(300, 2_000)
    with (
        smtp.sink() as taking,
        stage.house(crowd=size, smtp_port=taking.port) as house,
        stage.empty_database() as url,
    ):
        house.worker()
        make_people(url, plain)
        way = PlainWay(house, url, taking)
        way.start()
        pairs = in_turns(
            lambda: campaign.rate(house, taking, size),
            lambda: way.rate(plain, is_cached=False),
            pairs=scale.pairs,
        )
        cached = in_turns(
            lambda: campaign.rate(house, taking, size),
            lambda: way.rate(plain, is_cached=True),
            pairs=1 if scale.is_quick else scale.pairs,
        )
    best = middle(cached, Better.MORE)
    notes = [
        f"beside the same with a cached template ({best.yardstick:.4g} messages/s):"
        f" {ratio_of(best, Better.MORE):.3g} ×",
        f"the plain way sends {plain:,} mails by two processes",
    ]
    return [Reading(size, pairs, "every mail of both counted at the sink", notes)]


class PlainWay:
    """A Celery worker of two processes that mails one person a task."""

    def __init__(self, house: House, url: str, taking: smtp.Sink) -> None:
        self._house = house
        self._url = url
        self._sink = taking
        self._broker = house.environment["MAILER_BROKER_URL"].removesuffix("0") + "1"
        self._app = Celery("plain", broker=self._broker)
        self._app.conf.update(task_ignore_result=True, task_default_queue="plain")

    def start(self) -> Child:
        words = ("-m", "celery", "-A", "bench.plain.tasks", "worker", "--concurrency=2",
                 "--queues=plain", "--loglevel=INFO", "--without-gossip", "--without-mingle")  # fmt: skip
        child = self._house.child(
            "plain", *words, PLAIN_BROKER=self._broker, PLAIN_DATABASE=self._url,
            PLAIN_SMTP_PORT=str(self._sink.port), PLAIN_LETTER=plain_letter(),
        )  # fmt: skip
        wait_for(lambda: child.has_said(" ready."), 60, "the plain worker", child)
        return child

    def rate(self, people: int, *, is_cached: bool) -> float:
        """Send one mail to each, and return how many left in a second."""
        before, began = self._sink.counted, time.perf_counter()
        sent = count_sent(self._url)
        for person_id in range(1, people + 1):
            self._app.send_task(NAME, (person_id, is_cached))
        wait_for(
            lambda: count_sent(self._url) >= sent + people, 600, "the plain way to have mailed"
        )
        seconds = time.perf_counter() - began
        if self._sink.counted - before != people:
            raise CheckFailed(f"{self._sink.counted - before} of {people} plain mails arrived")
        return people / seconds


PLAIN_WAY = Measure(
    "plain way",
    (
        Spec(
            "campaign end to end over SMTP, beside the plain way",
            "messages/s",
            "a Celery task per person, ORM, from_string, EmailMessage, a new smtplib connection",
            50.0,
        ),
    ),
    run,
)
