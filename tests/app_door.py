"""An app's own door: takes the events it is told, and checks them as the standard has it."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web


@dataclass(frozen=True, slots=True)
class Event:
    """One delivery of an event: its id, and its body as JSON."""

    event_id: str
    content: dict[str, Any]

    @property
    def type(self) -> str:
        """What has happened."""
        return str(self.content["type"])

    @property
    def message(self) -> dict[str, Any]:
        """What it has happened to."""
        data: dict[str, Any] = self.content["data"]
        return data


@dataclass(slots=True)
class AppDoor:
    """`status` is what the next deliveries are answered with; refused ones are not `taken`."""

    secret: str = ""
    status: int = 200
    taken: list[Event] = field(default_factory=list)
    refused: int = 0
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        """Take one delivery; a signature that does not fit is an error of the test."""
        body = await request.read()
        assert self._is_valid(request, body), "the signature does not fit"
        if self.status != 200:
            self.refused += 1
            return web.Response(status=self.status)
        self.taken.append(Event(request.headers["webhook-id"], orjson.loads(body)))
        return web.Response(status=204)

    def _is_valid(self, request: web.Request, body: bytes) -> bool:
        """Check the signature by the words of the standard."""
        content = b".".join(
            (
                request.headers["webhook-id"].encode(),
                request.headers["webhook-timestamp"].encode(),
                body,
            )
        )
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        digest = hmac.new(key, content, hashlib.sha256).digest()
        given = request.headers["webhook-signature"].split()
        return f"v1,{base64.b64encode(digest).decode()}" in given

    def types(self) -> list[str]:
        """Return what was told, in order."""
        return [event.type for event in self.taken]


@asynccontextmanager
async def app_door() -> AsyncIterator[AppDoor]:
    """Open a door while the context lasts."""
    door = AppDoor()
    app = web.Application()
    app.router.add_post("/told", door.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    door.url = f"http://127.0.0.1:{runner.addresses[0][1]}/told"
    try:
        yield door
    finally:
        await runner.cleanup()
