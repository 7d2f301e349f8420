"""Who may send, and why not. Source: HEALTH, 17 Jun 2026 (R§4.4)."""

import pytest

from gateway.emulator.graph import health
from gateway.emulator.registry import Restriction
from tests.emulator.conftest import FIRST, WABA, state


@pytest.mark.parametrize(
    ("status", "can_send", "reason"),
    [
        ("CONNECTED", "AVAILABLE", None),
        ("RESTRICTED", "LIMITED", "additional_info"),
        ("BANNED", "BLOCKED", "errors"),
    ],
)
def test_the_whole_is_its_worst_part(status: str, can_send: str, reason: str | None) -> None:
    some = state()
    number = some.registry.numbers[FIRST]
    number.status = status
    whole = health.of_number(some, number)
    assert whole["can_send_message"] == can_send
    kinds = [each["entity_type"] for each in whole["entities"]]
    assert kinds == ["PHONE_NUMBER", "WABA", "BUSINESS", "APP"]
    first = whole["entities"][0]
    assert first["can_send_message"] == can_send
    assert {"additional_info", "errors"} & first.keys() == ({reason} if reason else set())


def test_a_number_that_is_not_registered_is_blocked() -> None:
    some = state()
    number = some.registry.numbers[FIRST]
    number.is_registered = False
    whole = health.of_number(some, number)
    assert whole["entities"][0]["errors"][0]["error_code"] == 141002


def test_a_restriction_limits_the_account_and_all_its_numbers() -> None:
    some = state()
    until = some.now() + 60
    some.registry.restrictions.append(Restriction(WABA, "RESTRICTED_UTILITY_TEMPLATES", until))
    number = some.registry.numbers[FIRST]
    assert health.of_waba(some, WABA)["can_send_message"] == "LIMITED"
    whole = health.of_number(some, number)
    assert whole["can_send_message"] == "LIMITED"
    assert whole["entities"][0]["can_send_message"] == "AVAILABLE"
    some.clock.advance(60)
    assert health.of_number(some, number)["can_send_message"] == "AVAILABLE"
