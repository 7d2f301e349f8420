"""Asks the admin API as an operator does who also makes mistakes."""

import io
import json
from typing import Any

from tests.world import Answer, World


async def ask(
    world: World, method: str, path: str, body: Any = None, key: str | None = None
) -> Answer:
    """Ask below `/admin/v1`; `body` is bytes or what is to be JSON, `key` not the admin's own."""
    headers = {"Authorization": f"Bearer {world.keys.admin_key if key is None else key}"}
    text = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    data = None if text is None else io.BytesIO(text)  # aiohttp warns of long bytes
    url = f"{world.admin_url}/admin/v1{path}"
    return await world.call(method, url, data=data, headers=headers)


async def assert_refused(
    world: World, asked: tuple[str, str, Any], status: int, names: str
) -> None:
    """Check that what makes no sense is refused, says why, and changes no number and no pool."""
    before = await known(world)
    answer = await ask(world, *asked)
    assert (answer.status, names in answer.json["error"]["message"]) == (status, True), answer
    assert await known(world) == before


async def known(world: World) -> list[str]:
    """Return what numbers and pools there are."""
    numbers = (await world.admin("/numbers"))["numbers"]
    pools = (await world.admin("/pools"))["pools"]
    return [
        *(each["phone_number_id"] for each in numbers),
        *(each["pool_id"] for each in pools),
    ]
