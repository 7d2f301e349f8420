"""Give the tests of the doors a database, and a Cloud API that does as it is told."""

from collections.abc import AsyncIterator

import pytest

from gateway.web import idempotency
from tests.store.stocked import Stock, database, stock
from tests.web.keyed import Sending
from tests.web.wire import FakeCloud
from tests.world import MakeWorld, World

__all__ = ["cloud", "database", "faked", "stock"]


@pytest.fixture
async def cloud() -> AsyncIterator[FakeCloud]:
    """Return a Cloud API that takes every message, until it is told otherwise."""
    fake = await FakeCloud().start()
    yield fake
    await fake.stop()


@pytest.fixture
async def faked(make_world: MakeWorld, cloud: FakeCloud) -> World:
    """Return a world in which `cloud` plays Meta; its templates are not known to the gateway."""
    return await make_world(
        polled=False, settings={"cloud_url": cloud.url, "max_body_bytes": 1_000_000}
    )


@pytest.fixture
def sending(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> Sending:
    """Return what sends under keys; who waits for another's answer looks often."""
    monkeypatch.setattr(idempotency, "LOOK_S", 0.005)
    return Sending(stock)
