"""Tells a gateway of pools, numbers and an app, as an operator does over the admin API."""

from collections.abc import Iterable, Mapping
from typing import Any

import aiohttp


async def furnish(
    admin_url: str, admin_key: str, pools: Mapping[str, Any], numbers: Iterable[Mapping[str, Any]]
) -> str:
    """Add everything; `pools` are bodies by id. Returns the key of the app."""
    headers = {"Authorization": f"Bearer {admin_key}"}
    async with aiohttp.ClientSession(admin_url, headers=headers, raise_for_status=True) as admin:
        for pool_id, pool in pools.items():
            await admin.post(f"/admin/v1/pools/{pool_id}", json=pool)
        for number in numbers:
            await admin.post("/admin/v1/numbers", json=number)
        async with admin.post("/admin/v1/apps", json={"app_id": "app", "name": "app"}) as answer:
            key: str = (await answer.json())["key"]
            return key
