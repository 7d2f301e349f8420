from datetime import timedelta
from typing import Final

import pytest

from gateway.policy.retry import FIRST, LONGEST, MOST_ATTEMPTS, again_at
from gateway.whatsapp.error_codes import ERROR_CODES, ErrorClass
from tests.policy.making import NOW

AGAIN, FINAL = True, False
T, W, U, C, K, P, X = ErrorClass

# Every code of R§7 under its class, and what R§7.9 makes of it. Only what rule 1 names was surely
# refused before anything was done; what is of no message is never sent again either.
TABLE: Final[dict[tuple[ErrorClass, bool], tuple[int, ...]]] = {
    # Rule 1: safe to replay.
    (T, AGAIN): (130429, 131056, 131057, 133004),
    (W, AGAIN): (4, 80007, 80008),
    # The block list, not a message.
    (T, FINAL): (139102,),
    # Rule 4 for 132015; the others wait for longer than a message should, or are of no message.
    (W, FINAL): (
        *(17, 32, 613, 131048, 131064, 131208, 132015, 132069, 133008, 133009, 133015, 133016),
        *(134101, 138002, 138005, 138009, 138012, 2494100),
    ),
    # Rule 4 for 130472, 131026, 131049 and 131050: repeating is punished.
    (U, FINAL): (130403, 130472, 131026, 131049, 131050, 137000, 138001, 138006),
    # The same request never works; rule 4 for 131047.
    (C, FINAL): (
        *(100, 131008, 131009, 131020, 131021, 131041, 131047, 131051, 131053, 131055, 131059),
        *(131062, 131063, 131065, 131202, 131204, 131209, 131210, 131211, 131212, 131213),
        *(132000, 132001, 132005, 132007, 132008, 132012, 132016, 132018, 132068, 134100, 135000),
        *(138003, 138017, 139000, 139001, 139002, 139003, 139004, 139101),
        *(147001, 147002, 147003, 147004, 147005),
        *(2388019, 2388039, 2388040, 2388047, 2388072, 2388073, 2388293, 2388299),
    ),
    # A person must act.
    (K, FINAL): (
        *(0, 3, 10, 33, 104, 190, 803, 131005, 131030, 131037, 131042, 131044, 131045, 131215),
        *(133000, 133005, 133006, 133010, 134011, 134102, 136024),
        *(138000, 138013, 138015, 138018, 138038, 2494191, 2593107, 2593108, 2593109),
    ),
    # Meta has stopped the account.
    (P, FINAL): (*(368, 130497, 131031, 131207, 131214, 138014, 138024, 138025, 139200, 141002),),
    # Rule 2: 1, 2, 131000 and 131016 may be out already.
    (X, FINAL): (
        *(1, 2, 131000, 131016, 131035, 131036, 131052, 131060, 131201),
        *(138004, 138007, 138019, 138020, 138021, 138022, 138023, 139100, 139103),
        *(200005, 200006, 200007, 1752041),
    ),
}
ROWS: Final = [(code, cls, again) for (cls, again), codes in TABLE.items() for code in codes]
REPLAYABLE: Final = [code for code, _, again in ROWS if again]


def test_the_table_has_every_code_once_under_its_class() -> None:
    assert len(ROWS) == len(ERROR_CODES)
    assert {code: cls for code, cls, _ in ROWS} == {
        code: row.cls for code, row in ERROR_CODES.items()
    }


@pytest.mark.parametrize(("code", "cls", "again"), ROWS)
def test_only_what_was_surely_not_sent_is_tried_again(
    code: int, cls: ErrorClass, *, again: bool
) -> None:
    assert (again_at(code, 1, NOW) is not None) is again, cls


@pytest.mark.parametrize("code", [200, 247, 299, 7, 999_999, -1])
def test_permissions_and_what_nobody_knows_are_final(code: int) -> None:
    """R§7.1: all of 200-299 are missing permissions, class K."""
    assert again_at(code, 1, NOW) is None


@pytest.mark.parametrize("code", [*REPLAYABLE, None])
def test_each_wait_is_twice_as_long_up_to_five_minutes(code: int | None) -> None:
    seconds = [
        (at - NOW).total_seconds()
        for attempts in range(1, MOST_ATTEMPTS)
        if (at := again_at(code, attempts, NOW)) is not None
    ]
    assert seconds == [5, 10, 20, 40, 80, 160, 300, 300, 300]


@pytest.mark.parametrize("code", REPLAYABLE)
def test_what_meta_refuses_ten_times_is_final(code: int) -> None:
    assert again_at(code, 9, NOW) == NOW + LONGEST
    assert again_at(code, 10, NOW) is None
    assert again_at(code, 11, NOW) is None


@pytest.mark.parametrize("attempts", [10, 11, 1_000, 32_767])
def test_that_meta_is_away_says_nothing_about_the_message(attempts: int) -> None:
    assert again_at(None, attempts, NOW) == NOW + LONGEST


def test_the_first_wait_is_short() -> None:
    assert again_at(130429, 1, NOW) == NOW + FIRST
    assert timedelta(seconds=1) <= FIRST <= timedelta(seconds=10)
