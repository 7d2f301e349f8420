"""Paints the demo's numbers as a test wants them, for the emulator and for the gateway alike."""

from collections.abc import Mapping

from gateway.cli import demo
from gateway.cli.demo import DemoKeys, DemoNumber
from gateway.emulator import World
from gateway.store.numbers import NumberSettings
from gateway.whatsapp.ids import PhoneNumberId, PoolId, WabaId

COEXISTENCE = 20


def scenery(keys: DemoKeys, limits: Mapping[str, int], throughput: int) -> World:
    """Return the emulator's part of the world; `limits` by pool, where they are not the demo's."""
    drawn = demo.demo_world(keys, None)
    for portfolio in drawn["portfolios"]:
        portfolio["messaging_limit"] = limits.get(portfolio["id"], portfolio["messaging_limit"])
    for number in drawn["numbers"]:
        number["throughput"] = throughput
        number["is_on_biz_app"] = throughput == COEXISTENCE
        number["messaging_limit"] = limits.get(number["phone_number_id"], number["messaging_limit"])
    return World.model_validate(drawn)


def number_settings(number: DemoNumber, throughput: int) -> NumberSettings:
    """Return the gateway's part of a number."""
    return NumberSettings(
        PhoneNumberId(number.phone_number_id),
        PoolId(number.pool_id),
        WabaId(number.waba_id),
        number.display_phone_number,
        throughput,
    )
