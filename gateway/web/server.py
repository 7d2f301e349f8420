"""Builds the two listeners: data for apps and Meta, admin for operators."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from gateway.web import (
    admin_apps,
    admin_callbacks,
    admin_journal,
    admin_numbers,
    admin_pools,
    admin_sandbox,
)
from gateway.web.admin import Admin, AdminParts, Route
from gateway.web.admin_outbox import Outbox
from gateway.web.connection import Connection
from gateway.web.draining import Drain
from gateway.web.health import Health
from gateway.web.own_messages import PATH as OWN_PATH
from gateway.web.own_messages import OwnMessages
from gateway.web.preflight import Preflight
from gateway.web.proxy import Proxy
from gateway.web.webhooks import Webhooks

CONSOLE: Final = Path(__file__).parent / "console"
# Whoever gets a script or a frame into the page has the admin key.
CONSOLE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
WEBHOOK_PATH: Final = "/webhooks/whatsapp"
LARGEST_WEBHOOK: Final = 4 * 1024 * 1024  # Meta sends 3 MB at the most (R§8.1)
LARGEST_ADMIN_BODY: Final = 1024 * 1024
CUT_S: Final = 0.1
"""Seconds for writing the last answers; what is still at work then has been waited for before."""
ADMIN_ROUTES: Final[tuple[Route, ...]] = (
    *admin_numbers.ROUTES,
    *admin_pools.ROUTES,
    *admin_journal.ROUTES,
    *admin_apps.ROUTES,
    *admin_callbacks.ROUTES,
)


@dataclass(frozen=True, slots=True)
class Doors:
    """What stands behind the data listener."""

    proxy: Proxy
    webhooks: Webhooks
    own_messages: OwnMessages

    def handle(self, request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        """Answer one request: the Cloud API is everywhere but at two paths of our own."""
        path = request.path
        if path == WEBHOOK_PATH:
            return self.webhooks.handle(request)
        if path.startswith(OWN_PATH):
            return self.own_messages.handle(request)
        return self.proxy.handle(request)


def data_server(doors: Doors, max_message_bytes: int, drain: Drain) -> web.BaseRunner:
    """Return the data listener.

    Few paths need no router: aiohttp's low-level server spares its cost a message.
    """
    loop = asyncio.get_running_loop()
    client_max_size = max(max_message_bytes, LARGEST_WEBHOOK)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        drain.enter()
        try:
            return await doors.handle(request)
        finally:
            drain.leave()

    class Request(web.BaseRequest):
        """A request whose answer closes the connection once the process is to stop."""

        @property
        def keep_alive(self) -> bool:
            return not drain.has_begun and bool(super().keep_alive)

    make: Any = partial(Request, loop=loop, client_max_size=client_max_size)
    return web.ServerRunner(web.Server(handle, request_factory=make), shutdown_timeout=CUT_S)


def admin_server(parts: AdminParts, health: Health) -> web.BaseRunner:
    """Return the admin listener: API (the clock in a sandbox only), console, health, metrics."""
    app = web.Application(client_max_size=LARGEST_ADMIN_BODY)
    of_sandbox = () if parts.advance_clock is None else admin_sandbox.ROUTES
    own = (*Outbox().routes(), *Preflight().routes())
    Admin(parts, (*ADMIN_ROUTES, *own, *of_sandbox)).add_routes(app.router)
    app.router.add_get("/healthz", health.alive)
    app.router.add_get("/readyz", health.ready)
    app.router.add_get("/metrics", health.metrics)
    app.router.add_get("/console", _console_index)
    app.router.add_static("/console/", CONSOLE)
    return web.AppRunner(app, access_log=None)


async def _console_index(_request: web.Request) -> web.StreamResponse:
    return web.FileResponse(CONSOLE / "index.html", headers=CONSOLE_HEADERS)


class _Site(web.BaseSite):
    """A TCP listener whose connections are ours."""

    def __init__(self, runner: web.BaseRunner, host: str, port: int) -> None:
        super().__init__(runner, backlog=1024)
        self._host = host
        self._port = port

    @property
    def name(self) -> str:
        """The address that was asked for."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Accept connections; OSError when the port is taken."""
        await super().start()
        server = self._runner.server
        if server is None:
            raise RuntimeError("the runner has no server after its set-up")
        loop = asyncio.get_running_loop()
        # Bodies are passed on as they came, so they are not decompressed on the way.
        options: dict[str, Any] = {"loop": loop, "access_log": None, "auto_decompress": False}
        self._server = await loop.create_server(
            lambda: Connection(server, **options), self._host, self._port, backlog=self._backlog
        )


async def listen(runner: web.BaseRunner, host: str, port: int) -> int:
    """Start a listener; return the port it got. OSError when the port is taken."""
    await runner.setup()
    try:
        await _Site(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return int(runner.addresses[0][1])
