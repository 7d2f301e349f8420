"""Reports messages that Meta has taken and never said anything of again."""

from datetime import datetime, timedelta
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.metrics import Metrics
from gateway.store import doubts
from gateway.store.database import Database

LOOK_BACK: Final = timedelta(hours=1)
ENOUGH: Final = 10
"""Of so many at least one would have been heard of, were the webhook set up."""
SILENCE_S: Final = 30.0


class SilenceWatch:
    """Looks, once for each message, whether a status has come within `patience`.

    Each process looks at all of them, so that a number whose webhooks are lost is reported by all.
    """

    def __init__(
        self, database: Database, clock: Clock, metrics: Metrics, patience: timedelta
    ) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._patience = patience
        self._looked_until: datetime | None = None
        self._log = structlog.get_logger("gateway.watch.silence")

    async def run_once(self) -> int:
        """Look at what has come of age since the last time; return how many are silent."""
        until = self._clock.now() - self._patience
        after = self._looked_until or until - LOOK_BACK
        if until <= after:
            return 0
        async with self._database.connection() as connection:
            found = await doubts.silences(connection, after, until)
        self._looked_until = until
        for each in found:
            self._metrics.silent.labels(each.phone_number_id).inc(each.silent)
            is_mute = each.silent == each.taken >= ENOUGH
            hint = "is the webhook set up?" if is_mute else None
            # A few are silent now and then: phones are off, and statuses get lost.
            log = self._log.warning if each.silent >= ENOUGH else self._log.info
            log(
                "messages were taken and nothing was heard of them since",
                phone_number_id=each.phone_number_id,
                silent=each.silent,
                taken=each.taken,
                **({"hint": hint} if hint else {}),
            )
        return sum(each.silent for each in found)
