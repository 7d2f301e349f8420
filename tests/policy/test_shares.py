from collections import Counter
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.policy.send_class import SendClass
from gateway.policy.shares import DEFAULT, Holder, Share, holders_of, obstacle, slots_of

MARKETING, AUTHENTICATION, BANK = "class:marketing", "class:authentication", "app:bank"
SHARES: Final = {
    MARKETING: Share(cap=0.8),
    AUTHENTICATION: Share(reserve=0.1),
    BANK: Share(reserve=0.2, cap=0.5),
}


@pytest.mark.parametrize(
    ("part", "limit", "slots"),
    [(0.8, 1000, 800), (0.29, 100, 29), (0.57, 100, 57), (1 / 3, 100, 33), (0.8, 1, 0), (1, 7, 7)],
)
def test_a_part_of_the_limit_is_whole_slots(part: float, limit: int, slots: int) -> None:
    assert slots_of(part, limit) == slots


@given(st.integers(0, 1000), st.integers(1, 1_000_000))
def test_a_decimal_part_is_what_it_says(thousandths: int, limit: int) -> None:
    assert slots_of(thousandths / 1000, limit) == thousandths * limit // 1000


def test_a_slot_goes_on_the_account_of_class_and_app() -> None:
    assert holders_of(SendClass.MARKETING, "shop") == (MARKETING, "app:shop")


@pytest.mark.parametrize(
    ("usage", "own", "counted", "capped", "words"),
    [
        ({}, (MARKETING, "app:shop"), 0, None, None),
        ({MARKETING: 79}, (MARKETING, "app:shop"), 69, None, None),
        ({MARKETING: 80}, (MARKETING, "app:shop"), 0, MARKETING, "class:marketing may use 80%"),
        ({BANK: 50}, ("class:utility", BANK), 50, BANK, "app:bank may use 50%"),
        ({}, ("class:utility", "app:shop"), 70, "others", "30 are kept for others"),
        ({AUTHENTICATION: 4}, ("class:utility", "app:shop"), 73, None, None),
        ({AUTHENTICATION: 4}, ("class:utility", "app:shop"), 74, "others", "26 are kept"),
        ({AUTHENTICATION: 40, BANK: 20}, ("class:utility", "app:shop"), 99, None, None),
        ({}, (AUTHENTICATION, "app:shop"), 79, None, None),
        ({}, (AUTHENTICATION, "app:shop"), 80, "others", "20 are kept"),
        ({}, (AUTHENTICATION, BANK), 99, None, None),
        # That all is taken is not a matter of shares.
        ({AUTHENTICATION: 10, BANK: 20}, ("class:utility", "app:shop"), 100, None, None),
    ],
)
def test_what_is_in_the_way(
    usage: dict[Holder, int],
    own: tuple[Holder, Holder],
    counted: int,
    capped: str | None,
    words: str | None,
) -> None:
    found = obstacle(SHARES, usage, own, (100, 100, counted))
    assert (found is None) is (capped is None)
    if found is not None and words is not None:
        assert found.capped == (None if capped == "others" else capped)
        assert words in found.sentence


def test_by_default_marketing_leaves_a_fifth_to_everybody_else() -> None:
    own = holders_of(SendClass.MARKETING, "shop")
    assert obstacle(DEFAULT, {MARKETING: 799}, own, (1000, 950, 799)) is None
    assert obstacle(DEFAULT, {MARKETING: 800}, own, (1000, 950, 800)) is not None
    utility = holders_of(SendClass.UTILITY, "shop")
    assert obstacle(DEFAULT, {"class:utility": 949}, utility, (1000, 950, 949)) is None


CLASSES = st.sampled_from([SendClass.MARKETING, SendClass.AUTHENTICATION, SendClass.UTILITY])
APPS = st.sampled_from(["bank", "shop", "post"])
TAKERS = st.lists(st.tuples(CLASSES, APPS), max_size=150)
HOLDERS = [MARKETING, AUTHENTICATION, BANK, "app:shop"]
TENTHS = st.integers(0, 10).map(lambda tenths: tenths / 10)
DIVISIONS = st.dictionaries(st.sampled_from(HOLDERS), st.builds(Share, TENTHS, TENTHS))


def reserved(shares: dict[Holder, Share], limit: int) -> dict[Holder, int]:
    return {holder: slots_of(share.reserve, limit) for holder, share in shares.items()}


@given(DIVISIONS, TAKERS, st.integers(1, 120), st.floats(0, 0.3))
def test_a_reserve_is_never_invaded_and_a_cap_never_passed(
    shares: dict[Holder, Share], takers: list[tuple[SendClass, str]], limit: int, headroom: float
) -> None:
    allowance = int(limit * (1 - headroom))
    kept = reserved(shares, limit)
    assume(sum(kept.values()) <= allowance)
    usage: Counter[Holder] = Counter()
    counted = 0
    for send_class, app_id in takers:
        own = holders_of(send_class, app_id)
        if (
            counted < allowance
            and obstacle(shares, usage, own, (limit, allowance, counted)) is None
        ):
            usage.update(own)
            counted += 1
        unused = sum(max(kept[holder] - usage[holder], 0) for holder in shares)
        assert counted + unused <= allowance
        assert all(usage[holder] <= slots_of(share.cap, limit) for holder, share in shares.items())
    # Whoever has a reserve gets all of it now, whatever the others took.
    for holder, share in shares.items():
        while usage[holder] < min(kept[holder], slots_of(share.cap, limit)):
            assert obstacle(shares, usage, (holder,), (limit, allowance, counted)) is None
            usage[holder] += 1
            counted += 1
    assert counted <= allowance


@given(DIVISIONS, st.integers(1, 120))
def test_what_nobody_has_reserved_is_borrowed_to_the_last_slot(
    shares: dict[Holder, Share], limit: int
) -> None:
    kept = sum(reserved(shares, limit).values())
    borrowed = 0
    while obstacle(shares, {}, ("class:other", "app:new"), (limit, limit, borrowed)) is None:
        borrowed += 1
        if borrowed == limit:
            break
    assert borrowed == max(limit - kept, 0)
