import pytest
from pydantic import ValidationError

from gateway.emulator.steering.bodies import (
    ClockChange,
    Inbound,
    NewRestriction,
    NumberChange,
    UserChange,
)
from gateway.emulator.world import User


def test_inbound_reads_from() -> None:
    body = Inbound.model_validate({"phone_number_id": "1", "from": "+34600000001"})
    assert (body.user, body.type) == ("+34600000001", "text")


def test_an_unlimited_number_differs_from_an_unchanged_one() -> None:
    assert "messaging_limit" in NumberChange(messaging_limit=None).model_fields_set
    assert "messaging_limit" not in NumberChange(status="BANNED").model_fields_set


def test_unlimited_may_be_written_as_a_word_for_want_of_null() -> None:
    body = NumberChange.model_validate({"messaging_limit": "unlimited"})
    assert body.messaging_limit is None
    assert body.model_fields_set == {"messaging_limit"}


def test_every_trait_of_a_user_can_be_changed() -> None:
    traits = User.model_fields.keys() - {"phone"}
    assert UserChange.model_fields.keys() == traits


@pytest.mark.parametrize("more", [{}, {"duration_s": 1, "expiration": 2}])
def test_a_restriction_has_exactly_one_end(more: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        NewRestriction.model_validate({"waba_id": "1", "restriction_type": "X"} | more)


def test_time_only_moves_on_and_not_beyond_all_dates() -> None:
    for seconds in (-1, 1e12):
        with pytest.raises(ValidationError):
            ClockChange(advance_s=seconds)


@pytest.mark.parametrize("end", [{"duration_s": 1e300}, {"expiration": 1e300}])
def test_a_restriction_ends_on_some_date(end: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="less than or equal"):
        NewRestriction.model_validate({"waba_id": "1", "restriction_type": "X"} | end)


def test_a_number_can_be_written_down() -> None:
    for field in ("messaging_limit", "throughput"):
        with pytest.raises(ValidationError, match="less than or equal"):
            NumberChange.model_validate({field: 10**30})
