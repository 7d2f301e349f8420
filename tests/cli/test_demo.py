import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest

from gateway.cli import demo
from gateway.cli.demo import DemoKeys
from gateway.emulator import World
from gateway.store import apps, numbers, pools
from gateway.store.database import Database
from gateway.store.directory import Directory
from gateway.store.vault import Vault
from gateway.web.auth import KEY_PREFIX
from gateway.whatsapp.ids import PhoneNumberId, PoolId, WabaId
from gateway.whatsapp.number import Regime

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def test_keys_are_new_each_time_and_survive_being_written() -> None:
    first, second = DemoKeys.new(), DemoKeys.new()
    assert not set(dataclasses.astuple(first)) & set(dataclasses.astuple(second))
    assert DemoKeys.read(first.text()) == first
    assert first.app_key.startswith(KEY_PREFIX)


@pytest.mark.parametrize("text", ["", "not JSON", "{}", '{"app_key": "x"}', "[]", "7"])
def test_keys_that_were_broken_are_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        DemoKeys.read(text)


def test_the_emulator_takes_the_demo_world_with_both_regimes() -> None:
    keys = DemoKeys.new()
    world = World.model_validate(demo.demo_world(keys, "http://127.0.0.1:1/webhooks/whatsapp"))
    assert [number.phone_number_id for number in world.numbers] == [
        number.phone_number_id for number in demo.NUMBERS
    ]
    assert {number.regime for number in world.numbers} == {"per_number", "portfolio"}
    assert {token.token for token in world.tokens} == {keys.meta_token, keys.pass_through_token}
    assert {template.category for template in world.templates} == {
        "MARKETING",
        "UTILITY",
        "AUTHENTICATION",
    }
    assert World.model_validate(demo.demo_world(DemoKeys.fixed(), None)).webhook_url is None


async def test_seeding_fills_the_store_and_twice_changes_nothing(database_url: str) -> None:
    keys = DemoKeys.new()
    database = await Database.open(database_url, connections=2)
    try:
        await demo.seed(database, keys, NOW)
        async with database.transaction() as connection:
            settings = pools.PoolSettings(
                PoolId(demo.PORTFOLIO), Regime.PORTFOLIO, 10_000, demo.HEADROOM
            )
            await pools.put(connection, settings, NOW, pools.LimitSource.OPERATOR)
            turned = PhoneNumberId(demo.NUMBERS[0].phone_number_id)
            await numbers.turn(connection, turned, {"pair_capacity": 5})
        await demo.seed(database, keys, NOW + timedelta(days=1))
        async with database.connection() as connection:
            limits = {
                row["pool_id"]: row["messaging_limit"] for row in await pools.get_all(connection)
            }
            known = {row.facts.phone_number_id: row for row in await numbers.get_all(connection)}
            registered = {app.app_id for app in await apps.get_all(connection)}
        directory = Directory(database, Vault(keys.vault_key))
        await directory.refresh()
    finally:
        await database.close()
    assert limits[demo.PORTFOLIO] == 10_000
    assert len(known) == len(demo.NUMBERS)
    assert known[turned].knobs == {"pair_capacity": 5}
    modes = {
        number: row.knobs["rules"]["activity"] for number, row in known.items() if number != turned
    }
    (warming,) = (number for number, mode in modes.items() if mode == "enforce")
    assert {mode for number, mode in modes.items() if number != warming} == {"shadow"}
    since = {number: row.facts.active_since for number, row in known.items()}
    assert {number: at for number, at in since.items() if at is not None} == {warming: NOW}
    assert registered == {demo.APP, demo.PASS_THROUGH_APP}
    assert directory.token_of(WabaId(demo.NUMBERS[0].waba_id)) == keys.meta_token
    assert directory.app_of(keys.app_key) is not None


def test_the_summary_tells_all_that_a_script_needs() -> None:
    keys = DemoKeys.new()
    urls = {name: f"http://127.0.0.1/{name}" for name in ("gateway_url", "admin_url")}
    told = json.loads(json.dumps(demo.summary(keys, urls)))
    assert told["gateway_url"] == urls["gateway_url"]
    assert told["app"]["key"] == keys.app_key
    assert told["pass_through_app"]["token"] == keys.pass_through_token
    assert (told["admin_key"], told["verify_token"]) == (keys.admin_key, keys.verify_token)
    assert len(told["numbers"]) == len(demo.NUMBERS)
    assert {template["status"] for template in told["templates"]} == {"APPROVED", "PAUSED"}
    assert keys.vault_key not in json.dumps(told)
    assert keys.meta_token not in json.dumps(told)
