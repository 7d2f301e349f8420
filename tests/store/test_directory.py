import pytest

from gateway.store import apps
from gateway.store.apps import App, Credential
from gateway.store.database import Database
from gateway.store.directory import Directory, credential_hash
from gateway.store.errors import StoreUnavailableError
from gateway.store.vault import Vault, VaultError
from tests.outage import Server
from tests.policy.making import NOW, NUMBER, POOL, SECOND_NUMBER, SECOND_POOL, WABA
from tests.store.stocked import Stock

KEY = "gw_made-up"
SHOP = App("shop", "Shop", credential_hash(KEY), Credential.GATEWAY_KEY)


async def stocked(stock: Stock) -> Directory:
    vault = Vault("a long key")
    async with stock.database.connection() as connection:
        await apps.put(connection, SHOP, NOW)
        await apps.put_token(connection, WABA, vault.seal("EAAmade-up"))
    directory = Directory(stock.database, vault)
    await directory.refresh()
    return directory


async def test_it_knows_where_a_number_belongs(stock: Stock) -> None:
    directory = await stocked(stock)
    assert set(directory.routes) == {NUMBER, SECOND_NUMBER}
    route = directory.routes[NUMBER]
    assert (route.pool_id, route.waba_id, route.throughput) == (POOL, WABA, 80)
    assert route.dialling is not None
    assert route.dialling.country_code == "1"
    assert directory.waba_ids == {WABA}


async def test_it_knows_apps_by_what_they_show_and_keeps_only_a_hash(stock: Stock) -> None:
    directory = await stocked(stock)
    assert directory.app_of(KEY) == SHOP
    assert directory.app_of("gw_another") is None
    assert KEY.encode() not in SHOP.key_hash
    assert len(SHOP.key_hash) == 32


async def test_it_opens_the_tokens(stock: Stock) -> None:
    directory = await stocked(stock)
    assert directory.token_of(WABA) == "EAAmade-up"


async def test_it_learns_of_changes_when_it_is_refreshed(stock: Stock) -> None:
    directory = await stocked(stock)
    await stock.add_pool(SECOND_POOL)
    await stock.add_number(NUMBER, SECOND_POOL)
    await stock.fetch("update apps set disabled_at = $1", NOW)
    assert directory.routes[NUMBER].pool_id == POOL
    assert directory.app_of(KEY) == SHOP
    await directory.refresh()
    assert directory.routes[NUMBER].pool_id == SECOND_POOL
    assert directory.app_of(KEY) is None


async def test_a_token_sealed_with_another_key_is_said_to_be(stock: Stock) -> None:
    await stocked(stock)
    with pytest.raises(VaultError):
        await Directory(stock.database, Vault("another key")).refresh()


async def test_while_the_database_is_away_the_last_copy_serves_on(server: Server) -> None:
    database = await Database.open(server.url, timeout_s=5)
    try:
        stock = Stock(database)
        await stock.add_pool()
        await stock.add_number(NUMBER)
        directory = await stocked(stock)
        await server.stop()
        with pytest.raises(StoreUnavailableError):
            await directory.refresh()
    finally:
        database.terminate()
    assert directory.app_of(KEY) == SHOP
    assert set(directory.routes) == {NUMBER}
    assert directory.token_of(WABA) == "EAAmade-up"
