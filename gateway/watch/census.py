"""Counts what waits in the outbox, for the metrics."""

from gateway.metrics import Metrics
from gateway.store import outbox
from gateway.store.database import Database

CENSUS_S = 60.0


class Census:
    """One look at all that waits at a time; a fraction of a second for a million."""

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._metrics = metrics

    async def run_once(self) -> int:
        """Count; return how many wait."""
        async with self._database.connection() as connection:
            counts = await outbox.census(connection)
        for send_class, count in counts.items():
            self._metrics.parked.labels(send_class).set(count)
        return sum(counts.values())
