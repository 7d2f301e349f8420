import pytest

from gateway.whatsapp.number import (
    UNLIMITED,
    NumberStatus,
    QualityRating,
    Regime,
    next_lower,
    parse_limit,
    throughput_of,
)


@pytest.mark.parametrize(
    ("raw", "limit"),
    [
        (250, 250),
        (2000, 2000),
        ("10000", 10_000),
        ("TIER_50", 50),
        ("TIER_250", 250),
        ("TIER_1K", 1_000),
        ("TIER_2K", 2_000),
        ("TIER_2000", 2_000),
        ("tier_100k", 100_000),
        ("TIER_UNLIMITED", UNLIMITED),
        ("UNLIMITED", UNLIMITED),
        (-1, UNLIMITED),
        ("-1", UNLIMITED),
        (9_999_999_999, UNLIMITED),
        ("TIER_NOT_SET", None),
        ("NOT_SET", None),
        (0, None),
        (-5, None),
        ("", None),
        ("TIER_", None),
        ("TIER_٢K", None),
        (True, None),
        (2.5, None),
        (None, None),
        ({"limit": 250}, None),
    ],
)
def test_a_limit_is_read_in_every_spelling(raw: object, limit: int | None) -> None:
    assert parse_limit(raw) == limit


@pytest.mark.parametrize(
    ("regime", "limit", "lower"),
    [
        (Regime.PER_NUMBER, UNLIMITED, 100_000),
        (Regime.PER_NUMBER, 100_000, 10_000),
        (Regime.PER_NUMBER, 10_000, 1_000),
        (Regime.PER_NUMBER, 1_000, 250),
        (Regime.PER_NUMBER, 250, 50),
        (Regime.PER_NUMBER, 50, 50),
        (Regime.PORTFOLIO, UNLIMITED, 100_000),
        (Regime.PORTFOLIO, 10_000, 2_000),
        (Regime.PORTFOLIO, 2_000, 250),
        (Regime.PORTFOLIO, 250, 250),
        (Regime.PORTFOLIO, 5_000, 2_000),
    ],
)
def test_the_next_lower_limit_is_a_step_of_the_ladder(
    regime: Regime, limit: int, lower: int
) -> None:
    assert next_lower(limit, regime) == lower


@pytest.mark.parametrize(
    ("level", "mps"),
    [("STANDARD", 80), ("HIGH", 1000), ("high", 1000), ("NOT_APPLICABLE", None), (None, None)],
)
def test_throughput_level_in_messages_per_second(level: object, mps: int | None) -> None:
    assert throughput_of({"throughput": {"level": level}}) == mps
    assert throughput_of({"throughput": {"level": level}, "is_on_biz_app": False}) == mps


@pytest.mark.parametrize("throughput", [None, "STANDARD", {}])
def test_a_node_that_does_not_tell_its_throughput(throughput: object) -> None:
    assert throughput_of({"throughput": throughput}) is None


def test_a_number_in_the_business_app_has_20_whatever_its_level() -> None:
    assert throughput_of({"throughput": {"level": "HIGH"}, "is_on_biz_app": True}) == 20


def test_words_of_a_number() -> None:
    assert QualityRating.of("NA") is QualityRating.UNKNOWN
    assert NumberStatus.of("RATE_LIMITED") is NumberStatus.RATE_LIMITED
    assert NumberStatus.of("ASLEEP") is NumberStatus.UNKNOWN
