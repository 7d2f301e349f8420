import pytest
from pydantic import ValidationError

from gateway.emulator.steering.queries import OfFlush, OfHistory, OfReport, OfSends


@pytest.mark.parametrize(
    "since", ["2026-11-02T09:00:00", "2026-11-02T10:00:00+01:00", "2026-11-02T10:00:00 01:00"]
)
def test_since_is_utc_unless_it_says_otherwise_and_a_plus_may_have_become_a_space(
    since: str,
) -> None:
    assert OfSends.model_validate({"since": since}).since_at == 1793610000.0


def test_without_since_everything_counts() -> None:
    assert OfSends().since_at == 0.0


def test_values_are_read_from_text() -> None:
    assert OfSends.model_validate({"limit": "7"}).limit == 7
    assert OfFlush.model_validate({"timeout_s": "0.5"}).timeout_s == 0.5


def test_what_is_misspelt_is_refused() -> None:
    with pytest.raises(ValidationError, match="formt"):
        OfReport.model_validate({"formt": "text"})
    with pytest.raises(ValidationError, match="kind"):
        OfHistory.model_validate({"kind": "colour"})
