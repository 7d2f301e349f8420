"""Takes deliveries in: checks the signature, keeps the bytes, and nothing else."""

import hmac
from collections.abc import Callable, Sequence

from gateway.clock import Clock
from gateway.metrics import Metrics
from gateway.store import inbox
from gateway.store.database import Database
from gateway.whatsapp.signature import is_valid


class BadSignatureError(Exception):
    """A delivery was not signed with any of the app secrets."""


class Ingress:
    """The way in for Meta's webhooks."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        secrets: Sequence[str],
        verify_token: str | None,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._clock = clock
        self._secrets = tuple(secrets)
        self._verify_token = verify_token
        self._metrics = metrics
        self.on_append: Callable[[], None] = _nobody

    def is_verification(self, mode: str | None, token: str | None) -> bool:
        """Tell whether Meta's verification request shows our token. Source: G-WH (R§8.1)."""
        expected = self._verify_token
        return (
            mode == "subscribe"
            and expected is not None
            and hmac.compare_digest((token or "").encode(), expected.encode())
        )

    async def append(self, signature: str | None, body: bytes) -> None:
        """Keep a delivery; it is durable when this returns.

        Raises BadSignatureError, or StoreUnavailableError: then Meta tries again.
        """
        if not is_valid(signature, body, self._secrets):
            self._metrics.webhooks.labels("refused").inc()
            raise BadSignatureError
        async with self._database.connection() as connection:
            await inbox.append(connection, self._clock.now(), body)
        self._metrics.webhooks.labels("appended").inc()
        self.on_append()


def _nobody() -> None:
    """Stand in until somebody wants to know of deliveries."""
