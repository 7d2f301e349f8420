import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.inbound import digest as module
from gateway.inbound.account_events import AccountEvents
from gateway.inbound.digest import Digest
from gateway.inbound.message_events import MessageEvents
from gateway.metrics import Metrics
from gateway.store import inbox
from gateway.store.errors import StoreUnavailableError
from gateway.whatsapp.events import Event, InboundMessage
from tests.inbound.making import directory_of
from tests.policy.making import HOUR, KNOBS, NOW, NUMBER, WABA
from tests.store.stocked import ANNA, BEN, ManualClock, Stock


def wrote(user: str, at: int = int(NOW.timestamp()), wamid: str = "wamid.inbound") -> bytes:
    """Build a delivery in which a user wrote."""
    message = {
        "from": user,
        "id": wamid,
        "timestamp": str(at),
        "type": "text",
        "text": {"body": "hello"},
    }
    return delivery(
        {
            "messaging_product": "whatsapp",
            "metadata": {"phone_number_id": NUMBER, "display_phone_number": "15550000001"},
            "contacts": [{"wa_id": user, "profile": {"name": "Made up"}}],
            "messages": [message],
        }
    )


def delivery(*values: dict[str, Any]) -> bytes:
    changes = [{"field": "messages", "value": value} for value in values]
    entry = {"id": WABA, "changes": changes}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


class Spoilt(MessageEvents):
    """Cannot bear what certain users write."""

    bad: str = BEN
    error: Exception = LookupError("cannot bear it")

    async def apply(self, connection: Any, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, InboundMessage) and event.user.wa_id == self.bad:
                raise self.error
        await super().apply(connection, events)


async def digest_of(
    stock: Stock, metrics: Metrics | None = None, kind: type[MessageEvents] = MessageEvents
) -> Digest:
    clock = ManualClock(NOW + HOUR)
    events = kind(await directory_of(stock), clock, KNOBS)
    accounts = AccountEvents(KNOBS, lambda: None)
    return Digest(stock.database, clock, events, accounts, metrics or Metrics())


async def append(stock: Stock, *bodies: bytes) -> None:
    async with stock.database.connection() as connection:
        for body in bodies:
            await inbox.append(connection, NOW, body)


async def problems(stock: Stock) -> list[str | None]:
    rows = await stock.fetch("select problem from inbox order by delivery_id")
    return [row["problem"] for row in rows]


async def windows(stock: Stock) -> set[str]:
    rows = await stock.fetch("select user_id from contacts where last_inbound_at is not null")
    return {row["user_id"] for row in rows}


async def backlog(stock: Stock) -> int:
    async with stock.database.connection() as connection:
        return await inbox.backlog(connection)


async def test_everything_in_the_inbox_is_digested_once(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_BITE", 2)
    metrics = Metrics()
    await append(stock, wrote(ANNA), wrote(BEN), wrote(ANNA))
    digest = await digest_of(stock, metrics)
    assert await digest.run_once() == 3
    assert await digest.run_once() == 0
    assert await windows(stock) == {ANNA, BEN}
    assert await problems(stock) == [None] * 3
    rows = await stock.fetch("select digested_at from inbox")
    assert {row["digested_at"] for row in rows} == {NOW + HOUR}
    digested = metrics.registry.get_sample_value("gateway_webhooks_total", {"result": "digested"})
    assert digested == 3


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"not JSON", "not valid JSON"),
        (b"[]", "no list of entries"),
        (b"", "not valid JSON"),
        (delivery({"metadata": 5}), "entry[0].changes[0]"),
    ],
)
async def test_what_cannot_be_read_is_kept_with_its_problem_and_holds_up_nobody(
    stock: Stock, body: bytes, problem: str
) -> None:
    metrics = Metrics()
    await append(stock, wrote(ANNA), body, wrote(BEN))
    assert await (await digest_of(stock, metrics)).run_once() == 3
    first, said, last = await problems(stock)
    assert (first, last) == (None, None)
    assert said is not None
    assert problem in said
    assert await windows(stock) == {ANNA, BEN}
    bad = metrics.registry.get_sample_value("gateway_webhooks_total", {"result": "undigestible"})
    assert bad == 1


async def test_a_broken_part_does_not_spoil_the_rest_of_its_delivery(stock: Stock) -> None:
    good = json.loads(wrote(ANNA))["entry"][0]["changes"][0]["value"]
    await append(stock, delivery({"metadata": 5}, good))
    await (await digest_of(stock)).run_once()
    assert await windows(stock) == {ANNA}
    assert (await problems(stock))[0] is not None


async def test_a_delivery_that_cannot_be_applied_holds_up_nobody(stock: Stock) -> None:
    await append(stock, wrote(ANNA), wrote(BEN), wrote("34600000003"))
    assert await (await digest_of(stock, kind=Spoilt)).run_once() == 3
    assert await windows(stock) == {ANNA, "34600000003"}
    assert await problems(stock) == [None, "LookupError: cannot bear it", None]


async def test_what_no_column_can_hold_is_kept_with_its_problem(stock: Stock) -> None:
    """JSON may carry a NUL and PostgreSQL may not; nor may the problem that is written down."""
    await append(stock, wrote("346\0"), wrote(ANNA))
    assert await (await digest_of(stock)).run_once() == 2
    assert await windows(stock) == {ANNA}
    said, fine = await problems(stock)
    assert said is not None
    assert fine is None


async def test_a_problem_with_a_nul_can_be_written_down(stock: Stock) -> None:
    class Shouting(Spoilt):
        error = LookupError("a \0 in it")

    await append(stock, wrote(BEN), wrote(ANNA))
    assert await (await digest_of(stock, kind=Shouting)).run_once() == 2
    said, fine = await problems(stock)
    assert said is not None
    assert "in it" in said
    assert fine is None


async def test_doing_it_again_after_a_crash_changes_nothing(stock: Stock) -> None:
    await append(stock, wrote(ANNA))
    digest = await digest_of(stock)
    await digest.run_once()
    before = await stock.fetch("select * from contacts")
    await stock.fetch("update inbox set digested_at = null")
    assert await digest.run_once() == 1
    assert await stock.fetch("select * from contacts") == before


async def test_while_the_database_is_away_a_delivery_waits(stock: Stock) -> None:
    class Away(Spoilt):
        error = StoreUnavailableError("away")

    await append(stock, wrote(BEN))
    with pytest.raises(StoreUnavailableError):
        await (await digest_of(stock, kind=Away)).run_once()
    assert await backlog(stock) == 1
    assert await (await digest_of(stock)).run_once() == 1
    assert await problems(stock) == [None]


async def test_several_processes_share_an_inbox(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_BITE", 4)
    users = [f"346000001{n:02d}" for n in range(30)]
    await append(stock, *(wrote(user) for user in users))
    digests = [await digest_of(stock) for _ in range(2)]
    done = await asyncio.gather(*(digest.run_once() for digest in digests))
    assert sum(done) == 30
    assert await windows(stock) == set(users)
    assert await backlog(stock) == 0
