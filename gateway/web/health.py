"""Tells machines how the gateway is: alive, ready, and in numbers."""

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from gateway.metrics import Metrics
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from gateway.web.admin import reply
from gateway.web.draining import Drain


class Health:
    """The handlers of `/healthz`, `/readyz` and `/metrics`; they need no key."""

    def __init__(self, database: Database, metrics: Metrics, drain: Drain) -> None:
        self._database = database
        self._metrics = metrics
        self._drain = drain

    async def alive(self, _request: web.Request) -> web.Response:
        """Answer 200 as long as the process can answer at all."""
        return reply({"status": "ok"})

    async def ready(self, _request: web.Request) -> web.Response:
        """Answer 200 when messages can be decided on.

        503 while the database is away, and from the moment on at which the process is to stop.
        """
        if self._drain.has_begun:
            return reply({"status": "draining"}, 503)
        try:
            await self._database.ping()
        except StoreUnavailableError as error:
            return reply({"status": "unavailable", "reason": str(error)}, 503)
        return reply({"status": "ready"})

    async def metrics(self, _request: web.Request) -> web.Response:
        """Return the metrics in Prometheus' text format."""
        return web.Response(
            body=generate_latest(self._metrics.registry),
            headers={"Content-Type": CONTENT_TYPE_LATEST},
        )
