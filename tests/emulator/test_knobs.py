import pytest
from pydantic import ValidationError

from gateway.emulator import Knobs


def test_the_defaults_are_those_of_the_rule_book() -> None:
    """Source: R§12.1 rows 1 and 15."""
    knobs = Knobs()
    assert (knobs.limit_overflow, knobs.window_refusal) == ("async_131048", "async")
    assert knobs.drop_rate == knobs.duplicate_rate == 0.0


@pytest.mark.parametrize(
    "bad", [{"drop_rate": 2}, {"batch_max": 0}, {"limit_overflow": "maybe"}, {"no_such": 1}]
)
def test_a_knob_cannot_be_turned_too_far(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Knobs.model_validate(bad)
