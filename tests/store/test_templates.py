from datetime import datetime
from typing import Any

import pytest

from gateway.store import templates
from gateway.store.templates import Listed, StatusNote
from gateway.whatsapp.template import TemplateCategory, TemplateKey, TemplateQuality, TemplateStatus
from tests.policy.making import HOUR, KEY, NOW, NUMBER, POOL, SECOND_NUMBER, SECOND_POOL, WABA
from tests.store.stocked import Stock

OFFER = TemplateKey("autumn_offer", "en_US")
OFFER_IN_SPANISH = TemplateKey("autumn_offer", "es")
APPROVED, PAUSED, DISABLED = (
    TemplateStatus.APPROVED,
    TemplateStatus.PAUSED,
    TemplateStatus.DISABLED,
)
MARKETING, UTILITY = TemplateCategory.MARKETING, TemplateCategory.UTILITY


async def note(
    stock: Stock, status: TemplateStatus, at: datetime, key: TemplateKey = KEY, **more: Any
) -> None:
    plain = StatusNote(key, "7001", None, status, at, None)
    async with stock.database.connection() as connection:
        await templates.note_status(connection, WABA, plain._replace(**more))


async def categorise(stock: Stock, category: TemplateCategory, at: datetime) -> None:
    async with stock.database.connection() as connection:
        await templates.note_category(connection, WABA, KEY, category, at)


async def sync(stock: Stock, at: datetime, *listed: Listed) -> None:
    async with stock.database.transaction() as connection:
        await templates.sync(connection, WABA, listed, at)


def entry(
    key: TemplateKey = KEY,
    status: TemplateStatus = APPROVED,
    category: TemplateCategory = UTILITY,
) -> Listed:
    return Listed(key, "7001", category, status)


async def known(stock: Stock) -> dict[TemplateKey, Any]:
    async with stock.database.connection() as connection:
        rows = await templates.of_waba(connection, WABA)
    return {TemplateKey(row["name"], row["language"]): row for row in rows}


async def test_a_template_heard_of_for_the_first_time_is_remembered(stock: Stock) -> None:
    await note(stock, PAUSED, NOW, paused_until=NOW + HOUR)
    row = (await known(stock))[KEY]
    assert (row["status"], row["category"], row["paused_until"]) == (
        "PAUSED",
        "UNKNOWN",
        NOW + HOUR,
    )


@pytest.mark.parametrize("turned", [False, True])
async def test_the_later_status_wins_in_whatever_order_they_come(
    stock: Stock,
    turned: bool,  # noqa: FBT001 - a table
) -> None:
    words = [(PAUSED, NOW), (APPROVED, NOW + HOUR)]
    for status, at in reversed(words) if turned else words:
        await note(stock, status, at)
    assert (await known(stock))[KEY]["status"] == "APPROVED"


@pytest.mark.parametrize("turned", [False, True])
async def test_the_later_category_wins_whoever_tells_it(stock: Stock, turned: bool) -> None:  # noqa: FBT001
    await sync(stock, NOW - HOUR, entry())

    async def tell_status() -> None:
        await note(stock, APPROVED, NOW, category=UTILITY)

    async def tell_category() -> None:
        await categorise(stock, MARKETING, NOW + HOUR)

    told = [tell_status, tell_category]
    for tell in reversed(told) if turned else told:
        await tell()
    assert (await known(stock))[KEY]["category"] == "MARKETING"


async def test_an_older_category_does_not_beat_that_of_a_later_status(stock: Stock) -> None:
    await note(stock, APPROVED, NOW + HOUR, category=UTILITY)
    await categorise(stock, MARKETING, NOW)
    assert (await known(stock))[KEY]["category"] == "UTILITY"


async def test_a_status_without_a_category_leaves_it(stock: Stock) -> None:
    await categorise(stock, MARKETING, NOW)
    await note(stock, PAUSED, NOW + HOUR)
    row = (await known(stock))[KEY]
    assert (row["category"], row["status"]) == ("MARKETING", "PAUSED")
    await categorise(stock, UTILITY, NOW + HOUR / 2)
    assert (await known(stock))[KEY]["category"] == "UTILITY"


async def test_a_rating_is_kept(stock: Stock) -> None:
    await sync(stock, NOW, entry())
    async with stock.database.connection() as connection:
        await templates.note_quality(connection, WABA, KEY, TemplateQuality.RED)
    assert (await known(stock))[KEY]["quality"] == "RED"


async def test_a_list_is_taken_over_as_a_whole(stock: Stock) -> None:
    await sync(stock, NOW, entry(), entry(OFFER, PAUSED, MARKETING), entry(OFFER_IN_SPANISH))
    await sync(stock, NOW + HOUR, entry(status=DISABLED), entry(OFFER, category=MARKETING))
    rows = await known(stock)
    assert {key: row["status"] for key, row in rows.items()} == {
        KEY: "DISABLED",
        OFFER: "APPROVED",
    }
    synced = await stock.value("select templates_synced_at from wabas where waba_id = $1", WABA)
    assert synced == NOW + HOUR


async def test_a_list_tells_how_long_a_template_is_worth_delivering(stock: Stock) -> None:
    await sync(stock, NOW, entry()._replace(ttl_s=600), entry(OFFER))
    rows = await known(stock)
    assert (rows[KEY]["ttl_s"], rows[OFFER]["ttl_s"]) == (600, None)
    await sync(stock, NOW + HOUR, entry(), entry(OFFER)._replace(ttl_s=43_200))
    rows = await known(stock)
    assert (rows[KEY]["ttl_s"], rows[OFFER]["ttl_s"]) == (None, 43_200)


async def test_an_empty_list_drops_everything(stock: Stock) -> None:
    await sync(stock, NOW, entry())
    await sync(stock, NOW + HOUR)
    assert await known(stock) == {}


async def test_a_list_keeps_the_end_of_a_pause_and_forgets_it_with_the_pause(stock: Stock) -> None:
    await note(stock, PAUSED, NOW, paused_until=NOW + 3 * HOUR)
    await sync(stock, NOW + HOUR, entry(status=PAUSED))
    assert (await known(stock))[KEY]["paused_until"] == NOW + 3 * HOUR
    await sync(stock, NOW + 2 * HOUR, entry())
    assert (await known(stock))[KEY]["paused_until"] is None


async def test_a_webhook_later_than_the_list_wins(stock: Stock) -> None:
    await note(stock, PAUSED, NOW + HOUR, paused_until=NOW + 3 * HOUR)
    await note(stock, APPROVED, NOW + HOUR, OFFER)
    await sync(stock, NOW, entry())
    rows = await known(stock)
    assert (rows[KEY]["status"], rows[KEY]["paused_until"]) == ("PAUSED", NOW + 3 * HOUR)
    assert OFFER in rows


async def test_a_category_told_after_the_list_was_read_is_not_turned_back(stock: Stock) -> None:
    await sync(stock, NOW, entry())
    await categorise(stock, MARKETING, NOW + 2 * HOUR)
    await sync(stock, NOW + HOUR, entry(status=PAUSED))
    row = (await known(stock))[KEY]
    assert (row["status"], row["category"]) == ("PAUSED", "MARKETING")


async def test_an_account_leads_to_the_pools_of_its_numbers(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL)
    await stock.add_number(SECOND_NUMBER, SECOND_POOL)
    async with stock.database.connection() as connection:
        assert await templates.pools_of_waba(connection, WABA) == [POOL, SECOND_POOL]
    assert (await stock.number(NUMBER)).facts.pool_id == POOL
