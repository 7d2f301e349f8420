from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from gateway.web.schemas import AppBody, ClockBody, NumberBody, PoolBody
from gateway.whatsapp.number import UNLIMITED

NUMBER: dict[str, Any] = {
    "phone_number_id": "200000000000009",
    "pool_id": "200000000000009",
    "waba_id": "100000000000009",
    "display_phone_number": "+1 555-000-1009",
}


@pytest.mark.parametrize(
    ("model", "content", "field"),
    [
        (PoolBody, {"regime": "per_number"}, "messaging_limit"),
        (PoolBody, {"regime": "both", "messaging_limit": 250}, "regime"),
        (PoolBody, {"regime": "per_number", "messaging_limit": 0}, "messaging_limit"),
        (PoolBody, {"regime": "per_number", "messaging_limit": UNLIMITED}, "messaging_limit"),
        (PoolBody, {"regime": "per_number", "messaging_limit": 1, "headroom": 1}, "headroom"),
        (PoolBody, {"regime": "per_number", "messaging_limit": 1, "headrom": 0}, "headrom"),
        (NumberBody, NUMBER | {"phone_number_id": "a/b"}, "phone_number_id"),
        (NumberBody, NUMBER | {"phone_number_id": ""}, "phone_number_id"),
        (NumberBody, NUMBER | {"waba_id": "1\n"}, "waba_id"),
        (NumberBody, NUMBER | {"display_phone_number": "shop"}, "display_phone_number"),
        (NumberBody, NUMBER | {"throughput": 0}, "throughput"),
        (NumberBody, NUMBER | {"access_token": "a\r\nX: b"}, "access_token"),
        (NumberBody, NUMBER | {"access_token": ""}, "access_token"),
        (AppBody, {"app_id": "shop"}, "name"),
        (AppBody, {"app_id": "shop", "name": "a\0b"}, "name"),
        (AppBody, {"app_id": "shop", "name": "Shop", "meta_token": "a b"}, "meta_token"),
        (ClockBody, {"advance_s": -1}, "advance_s"),
        (ClockBody, {"advance_s": float("nan")}, "advance_s"),
        (ClockBody, {"advance_s": 1e12}, "advance_s"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused_by_its_field(
    model: type[BaseModel], content: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(content)
    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


def test_bodies_with_the_least_in_them_get_the_defaults() -> None:
    pool = PoolBody.model_validate({"regime": "portfolio", "messaging_limit": None})
    assert (pool.messaging_limit, pool.headroom) == (None, 0.05)
    assert NumberBody.model_validate(NUMBER).throughput == 80
    assert AppBody.model_validate({"app_id": "shop", "name": "Shöp"}).meta_token is None
