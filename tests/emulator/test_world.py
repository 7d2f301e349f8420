import tomllib

import pytest
from pydantic import ValidationError

from gateway.emulator import World

TOML = """
webhook_url = "http://127.0.0.1:8080/webhooks/whatsapp"
[[portfolios]]
id = "4"
messaging_limit = 250
[[numbers]]
phone_number_id = "2"
display_phone_number = "+1 555-000-1111"
waba_id = "1"
portfolio_id = "4"
"""


def test_a_world_is_read_from_toml() -> None:
    world = World.model_validate(tomllib.loads(TOML))
    assert world.numbers[0].throughput == 80
    assert world.portfolios[0].messaging_limit == 250


def test_an_empty_world_is_a_world() -> None:
    assert World().numbers == []


def test_a_number_needs_its_portfolio() -> None:
    data = tomllib.loads(TOML)
    data["portfolios"] = []
    with pytest.raises(ValidationError, match="not in portfolios"):
        World.model_validate(data)


def test_an_id_means_one_thing() -> None:
    data = tomllib.loads(TOML)
    data["numbers"] *= 2
    with pytest.raises(ValidationError, match="more than once: 2"):
        World.model_validate(data)


def test_a_misspelt_key_is_an_error() -> None:
    with pytest.raises(ValidationError):
        World.model_validate({"webhok_url": None})
