"""Counts what an operator wants to see; every label has a small, closed set of values."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """The gateway's Prometheus metrics, one registry an instance."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.decisions = Counter(
            "gateway_decisions",
            "Messages decided on, by decision and by the rule that was decisive.",
            ["decision", "rule"],
            registry=self.registry,
        )
        self.outcomes = Counter(
            "gateway_outcomes",
            "What became of messages that left: accepted, refused or in_doubt.",
            ["outcome"],
            registry=self.registry,
        )
        self.requests = Counter(
            "gateway_requests",
            "Requests at the data listener, by kind and status class.",
            ["kind", "status"],
            registry=self.registry,
        )
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
        self.answers_behind = Gauge(
            "gateway_answers_behind",
            "Answers of Meta that are not in the journal yet.",
            registry=self.registry,
        )
        # Looking a label up costs more than counting; there are few of them.
        self.decision = _Tally(self.decisions)
        self.outcome = _Tally(self.outcomes)
        self.request = _Tally(self.requests)


class _Tally:
    """Counts by label without looking the label up again every time."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._children: dict[tuple[str, ...], Counter] = {}

    def __call__(self, *labels: str) -> None:
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._counter.labels(*labels)
        child.inc()
