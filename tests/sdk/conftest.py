"""Start an emulator on a real socket, for clients that bring their own HTTP."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from gateway.emulator import Emulator, Knobs, running
from gateway.emulator.error_codes import MEANINGS
from tests.emulator.conftest import LONE, StillClock, world

HOST = "127.0.0.1"
NUMBER = LONE
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100
# 131201 comes with 206: a success in part, which no client takes for an error (R§7).
ERROR_CODES = tuple(code for code, meaning in MEANINGS.items() if meaning.http_status >= 400)


@dataclass(frozen=True, slots=True)
class Cloud:
    """An emulator that enforces, known by its address, and its steering interface there."""

    url: str
    session: aiohttp.ClientSession

    async def steer(self, path: str, body: dict[str, Any]) -> Any:
        """Post to a door of the steering interface."""
        async with self.session.post(f"{self.url}/_emulator{path}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def write(self, user: str) -> str:
        """Let a user write, so that the window is open; returns the wamid."""
        answer = await self.steer("/inbound", {"phone_number_id": NUMBER, "from": user})
        return str(answer["wamid"])

    async def arm_every_error(self) -> None:
        """Have the next sends refused, one with each of ERROR_CODES, in that order."""
        for code in ERROR_CODES:
            fault = {"action": "error", "code": code, "times": 1, "details": f"details of {code}"}
            await self.steer("/faults", fault | {"match": {"path": "/messages"}})

    async def sends(self) -> list[dict[str, Any]]:
        """List what was accepted, oldest first."""
        async with self.session.get(f"{self.url}/_emulator/sends") as answer:
            sends = await answer.json()
        return [each for each in sends if each["outcome"] == "accepted"]


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    """Start an emulator whose clock stands still and which refuses what it can at once."""
    emulator = Emulator(world(), clock=StillClock(), knobs=Knobs(window_refusal="sync"))
    async with running(emulator, HOST, 0) as url, aiohttp.ClientSession() as session:
        yield Cloud(url, session)
