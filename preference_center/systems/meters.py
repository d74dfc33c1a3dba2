"""Figures for Prometheus, in a registry of this application's own; no address, no token."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mailer.delivery import Gauges

ACKNOWLEDGED = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 3.5, 5)
"""Seconds; the barrier waits three at most."""


class Meters:
    """What this process counts itself, and what it reads from the database when asked."""

    def __init__(self, read_gauges: Callable[[], Gauges | None]) -> None:
        self.registry = CollectorRegistry()
        self._acknowledged = Histogram(
            "fpmail_optout_acknowledged_seconds",
            "From an opt-out's arrival at the web door to its acknowledgement.",
            ["door"],
            buckets=ACKNOWLEDGED,
            registry=self.registry,
        )
        self._unsaved = Counter(
            "fpmail_optout_unsaved",
            "Opt-outs that could not be saved, and were answered so.",
            ["door"],
            registry=self.registry,
        )
        self.registry.register(_DeliveryCollector(read_gauges))

    @contextmanager
    def acknowledging(self, door: str) -> Iterator[None]:
        """Time an opt-out, or count it as unsaved where it raises."""
        begun = perf_counter()
        try:
            yield
        except Exception:
            self._unsaved.labels(door).inc()
            raise
        self._acknowledged.labels(door).observe(perf_counter() - begun)


class _DeliveryCollector(Collector):
    """Reads the state of delivery at each scrape; `fpmail_database_up` says whether it could."""

    def __init__(self, read_gauges: Callable[[], Gauges | None]) -> None:
        self._read = read_gauges

    def describe(self) -> list[Metric]:
        """Name nothing beforehand, so that registering needs no database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the figures, or only that the database cannot be read."""
        gauges = self._read()
        yield GaugeMetricFamily(
            "fpmail_database_up", "Whether the database answered.", value=gauges is not None
        )
        if gauges is not None:
            yield from _families(gauges)


def _families(gauges: Gauges) -> Iterator[Metric]:
    """Yield what the database says: people, by lane or reason; never one person."""
    due: Mapping[str, float] = gauges.due
    yield _labelled("fpmail_due_people", "People whose mail may leave now.", "lane", due)
    yield _labelled(
        "fpmail_oldest_due_seconds",
        "Age of the oldest batch that is due.",
        "lane",
        gauges.oldest_due_seconds,
    )
    refusals = {reason.value: count for reason, count in gauges.refusals.items()}
    yield _labelled("fpmail_refused_people", "People refused so far.", "reason", refusals)
    stopped = {str(lane): 1 for lane in gauges.stopped_lanes}
    yield _labelled("fpmail_lane_stopped", "1 for a lane that is stopped.", "lane", stopped)
    yield _labelled(
        "fpmail_slowed_per_second",
        "Messages a second where a provider asked for less.",
        "scope",
        gauges.slowed,
    )
    for name, help_text, value in (
        ("fpmail_in_hand_people", "People whose mail is being handed over.", gauges.in_hand),
        ("fpmail_unknown_people", "People whose mail's fate nobody knows.", gauges.unknown),
        (
            "fpmail_refusing_journals",
            "Journals that know more than the database: no promotional mail leaves.",
            gauges.refusing_journals,
        ),
        ("fpmail_accepted_people", "People whose mail the provider has taken.", gauges.accepted),
    ):
        yield GaugeMetricFamily(name, help_text, value=value)


def _labelled(name: str, help_text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family
