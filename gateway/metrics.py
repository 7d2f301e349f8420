"""Counts what an operator wants to see; every label has a small, closed set of values."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

LEAST_WAIT_S: Final = 0.001


class Metrics:
    """The gateway's Prometheus metrics, one registry an instance."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._add_tallies()
        self.overhead = Histogram(
            "gateway_overhead_seconds",
            "Time a message spent in the gateway, the line and the Cloud API taken off.",
            buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5),
            registry=self.registry,
        )
        self.batch_size = Histogram(
            "gateway_admission_batch_size",
            "Messages decided in one batch.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            registry=self.registry,
        )
        self.conflicts = Counter(
            "gateway_admission_conflicts",
            "Messages decided again because another process wrote their pool first.",
            registry=self.registry,
        )
        self.webhooks = Counter(
            "gateway_webhooks",
            "Deliveries from Meta: appended, digested, refused (signature) or undigestible.",
            ["result"],
            registry=self.registry,
        )
        self.store_away = Counter(
            "gateway_store_unavailable",
            "Times the database did not answer.",
            registry=self.registry,
        )
        self._add_lines()
        self._add_outbox()
        self._add_silence()
        self.answers_behind = Gauge(
            "gateway_answers_behind",
            "Answers of Meta that are not in the journal yet.",
            registry=self.registry,
        )

    def _add_tallies(self) -> None:
        self.decision = Tally(
            "gateway_decisions",
            "Messages decided on, by decision and by the rule that was decisive.",
            ("decision", "rule"),
        )
        self.outcome = Tally(
            "gateway_outcomes",
            "What became of messages that left: accepted, refused or in_doubt.",
            ("outcome",),
        )
        self.request = Tally(
            "gateway_requests",
            "Requests at the data listener, by kind and status class.",
            ("kind", "status"),
        )
        self.released = Tally(
            "gateway_released",
            "Messages that left after they had waited in the outbox, by class.",
            ("send_class",),
        )
        self.doubt = Tally(
            "gateway_doubts_ended",
            "Doubts that no status has resolved in time, by what was done: given_up or resent.",
            ("end",),
        )
        self.callback = Tally(
            "gateway_callbacks",
            "Events that apps were told, by how it ended: taken or missed (it is tried again).",
            ("result",),
        )
        told = (self.released, self.doubt, self.callback)
        for tally in (self.decision, self.outcome, self.request, *told):
            self.registry.register(tally)

    def _add_lines(self) -> None:
        self._waits = Histogram(
            "gateway_line_wait_seconds",
            "Time a message waited in its number's line, for its turn or its instant.",
            ["send_class"],
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
            registry=self.registry,
        )
        self.line_waiting = Gauge(
            "gateway_line_waiting",
            "Messages that wait in the lines of this process.",
            ["send_class"],
            registry=self.registry,
        )

    def _add_outbox(self) -> None:
        self.expired = Counter(
            "gateway_expired",
            "Messages taken out of the outbox because their time was over.",
            registry=self.registry,
        )
        self.parked = Gauge(
            "gateway_parked",
            "Messages that wait in the outbox, by class; every process tells of all there are.",
            ["send_class"],
            registry=self.registry,
        )

    def _add_silence(self) -> None:
        self.silent = Counter(
            "gateway_silent",
            "Messages that Meta has taken and told nothing of in time; every process counts all.",
            ["phone_number_id"],
            registry=self.registry,
        )

    def waited(self, send_class: str, seconds: float) -> None:
        """Note how long a message waited; one that did not wait costs nothing."""
        if seconds >= LEAST_WAIT_S:
            self._waits.labels(send_class).observe(seconds)


class Tally(Collector):
    """A counter for the hot path: calling it with its labels counts one.

    All of the gateway runs in one thread, so it needs none of the locks of a Counter.
    """

    def __init__(self, name: str, documentation: str, labelnames: tuple[str, ...]) -> None:
        self._name = name
        self._documentation = documentation
        self._labelnames = labelnames
        self._counts: dict[tuple[str, ...], int] = {}

    def __call__(self, *labels: str) -> None:
        """Count one."""
        self._counts[labels] = self._counts.get(labels, 0) + 1

    def collect(self) -> Iterable[Metric]:
        """Return what was counted, for Prometheus."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labelnames)
        for labels, count in list(self._counts.items()):
            family.add_metric(labels, count)
        yield family
