"""Builds the two listeners: data for apps and Meta, admin for operators."""

from pathlib import Path
from typing import Final

from aiohttp import web

from gateway.web.admin import Admin
from gateway.web.health import Health
from gateway.web.proxy import Proxy
from gateway.web.webhooks import Webhooks

CONSOLE: Final = Path(__file__).parent / "console"
WEBHOOK_PATH: Final = "/webhooks/whatsapp"
LARGEST_WEBHOOK: Final = 4 * 1024 * 1024  # Meta sends 3 MB at the most (R§8.1)
LARGEST_ADMIN_BODY: Final = 1024 * 1024


def data_app(proxy: Proxy, webhooks: Webhooks, max_message_bytes: int) -> web.Application:
    """Return the data listener: webhooks at their path, the Cloud API everywhere else."""
    app = web.Application(client_max_size=max(max_message_bytes, LARGEST_WEBHOOK))
    app.router.add_get(WEBHOOK_PATH, webhooks.verify)
    app.router.add_post(WEBHOOK_PATH, webhooks.deliver)
    app.router.add_route("*", "/{path:.*}", proxy.handle)
    return app


def admin_app(admin: Admin, health: Health) -> web.Application:
    """Return the admin listener: API, console, health, metrics."""
    app = web.Application(client_max_size=LARGEST_ADMIN_BODY)
    admin.add_routes(app.router)
    app.router.add_get("/healthz", health.alive)
    app.router.add_get("/readyz", health.ready)
    app.router.add_get("/metrics", health.metrics)
    app.router.add_get("/console", _console_index)
    app.router.add_static("/console/", CONSOLE)
    return app


async def _console_index(_request: web.Request) -> web.StreamResponse:
    return web.FileResponse(CONSOLE / "index.html")


async def listen(app: web.Application, host: str, port: int) -> tuple[web.AppRunner, int]:
    """Start a listener; return its runner and the port it got. OSError when the port is taken."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=1024)
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, runner.addresses[0][1]
