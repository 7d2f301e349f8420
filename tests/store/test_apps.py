import asyncio
from dataclasses import replace

import asyncpg
import pytest

from gateway.store import apps, numbers, templates
from gateway.store.apps import App, Credential
from gateway.store.templates import Listed
from gateway.whatsapp.template import TemplateCategory, TemplateStatus
from tests.policy.making import DAY, KEY, NOW, NUMBER, SECOND_NUMBER, WABA
from tests.store.stocked import Stock

SHOP = App("shop", "Shop", b"hash of a key", Credential.GATEWAY_KEY)
CRM = App("crm", "CRM", b"hash of a token", Credential.META_TOKEN)


async def test_apps_are_kept_with_what_they_authenticate_by(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        for app in (SHOP, CRM):
            await apps.put(connection, app, NOW)
        found = await apps.get_all(connection)
    assert found == [CRM, SHOP]


async def test_an_app_that_gets_another_key_loses_the_old_one(stock: Stock) -> None:
    renewed = App("shop", "The shop", b"hash of another key", Credential.GATEWAY_KEY)
    async with stock.database.connection() as connection:
        await apps.put(connection, SHOP, NOW)
        await apps.put(connection, renewed, NOW)
        assert await apps.get_all(connection) == [renewed]


async def test_what_was_set_of_an_app_is_kept_and_changed(stock: Stock) -> None:
    patient = replace(SHOP, wait_s=2.5, joins_retries=False)
    async with stock.database.transaction() as connection:
        assert await apps.get(connection, "shop") is None
        for app in (SHOP, patient, replace(patient, wait_s=None)):
            await apps.put(connection, app, NOW)
            assert await apps.get(connection, "shop") == app
            assert await apps.get_all(connection) == [app]


async def test_whoever_changes_an_app_keeps_others_out(stock: Stock) -> None:
    """A key that was withdrawn must not come back with a change that had read it before."""
    async with stock.database.connection() as connection:
        await apps.put(connection, SHOP, NOW)

    async def rename() -> None:
        async with stock.database.transaction() as connection:
            known = await apps.get(connection, "shop")
            assert known is not None
            await apps.put(connection, replace(known, name="Renamed"), NOW)

    async with stock.database.transaction() as connection:
        known = await apps.get(connection, "shop")
        renaming = asyncio.create_task(rename())
        await stock.waiting_for_a_lock(1)
        assert known == SHOP
        renewed = replace(SHOP, key_hash=b"hash of another key")
        await apps.put(connection, renewed, NOW)
    await renaming
    async with stock.database.connection() as connection:
        assert await apps.get_all(connection) == [replace(renewed, name="Renamed")]


async def test_two_apps_never_share_a_key(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        await apps.put(connection, SHOP, NOW)
        with pytest.raises(asyncpg.UniqueViolationError):
            await apps.put(connection, App("x", "X", SHOP.key_hash, SHOP.credential), NOW)


async def test_a_disabled_app_is_not_listed_until_it_is_put_again(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        await apps.put(connection, SHOP, NOW)
        await connection.execute("update apps set disabled_at = $1", NOW)
        assert await apps.get_all(connection) == []
        assert await apps.get(connection, "shop") is None
        await apps.put(connection, SHOP, NOW)
        assert await apps.get_all(connection) == [SHOP]


async def test_a_token_is_kept_sealed_and_replaced(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        assert await apps.get_tokens(connection) == {}
        for sealed in (b"sealed", b"sealed again"):
            await apps.put_token(connection, WABA, sealed)
        assert await apps.get_tokens(connection) == {WABA: b"sealed again"}
        await numbers.put_restriction(connection, WABA, "X", None, NOW)
        assert await apps.get_tokens(connection) == {WABA: b"sealed again"}


async def test_a_media_id_belongs_to_whom_it_was_first_seen_with(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        await apps.put_media(connection, [("m1", NUMBER), ("m2", SECOND_NUMBER)], NOW)
        await apps.put_media(connection, [("m1", SECOND_NUMBER)], NOW + DAY)
        assert await apps.number_of_media(connection, "m1") == NUMBER
        assert await apps.number_of_media(connection, "m2") == SECOND_NUMBER
        assert await apps.number_of_media(connection, "m3") is None


async def test_a_template_id_leads_to_its_account(stock: Stock) -> None:
    listed = Listed(KEY, "7001", TemplateCategory.UTILITY, TemplateStatus.APPROVED)
    async with stock.database.transaction() as connection:
        await templates.sync(connection, WABA, [listed], NOW)
        assert await apps.waba_of_template(connection, "7001") == WABA
        assert await apps.waba_of_template(connection, "7002") is None
