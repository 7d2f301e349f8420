from datetime import timedelta

import pytest

from gateway.outbound.holds import Held, Holds
from gateway.policy.throttling import Hold, Refusal
from gateway.store import lines
from gateway.store.database import Database
from tests.policy.making import HOUR, NOW, NUMBER, SECOND_NUMBER, WABA, changed

MINUTE = timedelta(minutes=1)


def refusal(code: int, *, own_token: bool = False) -> Refusal:
    return Refusal(NUMBER, WABA, "shop", own_token, code, {})


async def stored(database: Database) -> list[Hold]:
    async with database.connection() as connection:
        return (await lines.read(connection, [], NOW))[1]


async def save(holds: Holds, database: Database) -> None:
    async with database.connection() as connection:
        await holds.save(connection)


def are_saved(holds: Holds) -> bool:
    return holds.are_saved


def test_at_first_nothing_is_held() -> None:
    holds = Holds()
    assert holds.of_message(NUMBER, WABA, "shop", NOW) is None
    assert holds.of_number(NUMBER, NOW) == 0
    assert are_saved(holds)


def test_what_holds_nothing_up_holds_nothing_up() -> None:
    holds = Holds()
    assert not holds.strike(refusal(130429), NOW)
    assert not holds.strike(refusal(131056), NOW)
    assert are_saved(holds)


@pytest.mark.parametrize(
    ("code", "own_token", "messages"),
    [
        (131057, False, {(NUMBER, WABA, "shop"), (NUMBER, WABA, "bank")}),
        (80007, False, {(NUMBER, WABA, "shop"), (NUMBER, WABA, "bank"), ("9", WABA, "bank")}),
        (4, True, {(NUMBER, WABA, "shop"), ("9", "8", "shop")}),
    ],
)
def test_a_refusal_holds_up_what_it_is_about(
    code: int,
    own_token: bool,  # noqa: FBT001 - a table
    messages: set[tuple[str, str, str]],
) -> None:
    holds = Holds()
    assert holds.strike(refusal(code, own_token=own_token), NOW)
    asked: list[tuple[str, str, str]] = [
        (NUMBER, WABA, "shop"),
        (NUMBER, WABA, "bank"),
        ("9", WABA, "bank"),
        ("9", "8", "shop"),
        ("9", "8", "bank"),
    ]
    held = {each for each in asked if holds.of_message(*each, NOW)}
    assert held == messages
    assert holds.of_number(NUMBER, NOW) == (60 if code == 131057 else 0)
    assert holds.of_number(SECOND_NUMBER, NOW) == 0


def test_the_longest_of_several_is_told_until_it_is_over() -> None:
    holds = Holds()
    holds.strike(refusal(131057), NOW)
    holds.strike(refusal(80007), NOW + MINUTE / 2)
    assert holds.of_message(NUMBER, WABA, "shop", NOW + MINUTE / 2) == Held(60, 80007)
    assert holds.of_message(NUMBER, WABA, "shop", NOW + MINUTE) == Held(30, 80007)
    assert holds.of_message(NUMBER, WABA, "shop", NOW + 1.5 * MINUTE) is None


async def test_holds_are_saved_once(database: Database) -> None:
    holds = Holds()
    holds.strike(refusal(131057), NOW)
    holds.strike(refusal(80007), NOW)
    assert not are_saved(holds)
    await save(holds, database)
    assert are_saved(holds)
    assert {hold.code for hold in await stored(database)} == {131057, 80007}
    await save(holds, database)


async def test_what_is_struck_while_it_is_saved_is_saved_the_next_time(database: Database) -> None:
    holds = Holds()
    holds.strike(refusal(80007), NOW)

    class Meanwhile:
        async def execute(self, *_statement: object) -> None:
            holds.strike(refusal(80007), NOW + MINUTE)

    await holds.save(Meanwhile())
    assert not are_saved(holds)
    await save(holds, database)
    assert [hold.strikes for hold in await stored(database)] == [2]


def test_what_the_store_knows_is_taken_over_and_forgotten_with_it() -> None:
    holds = Holds()
    known = Hold(f"waba:{WABA}", NOW + HOUR, 80008, 2, NOW)
    holds.remember([known])
    assert holds.of_message(NUMBER, WABA, "shop", NOW) == Held(3600, 80008)
    holds.remember([])
    assert holds.of_message(NUMBER, WABA, "shop", NOW) is None


def test_what_the_store_does_not_know_yet_is_not_forgotten() -> None:
    holds = Holds()
    holds.strike(refusal(80007), NOW)
    holds.remember([])
    assert holds.of_message(NUMBER, WABA, "shop", NOW) == Held(60, 80007)
    shorter = Hold(f"waba:{WABA}", NOW + MINUTE / 2, 80008, 2, NOW)
    holds.remember([shorter])
    assert holds.of_message(NUMBER, WABA, "shop", NOW) == Held(60, 80007)
    holds.remember([changed(shorter, held_until=NOW + HOUR)])
    assert holds.of_message(NUMBER, WABA, "shop", NOW) == Held(3600, 80008)


def test_strikes_go_on_from_what_the_store_knows() -> None:
    holds = Holds()
    holds.remember([Hold(f"waba:{WABA}", NOW, 80007, 2, NOW - HOUR)])
    holds.strike(refusal(80007), NOW)
    assert holds.of_message(NUMBER, WABA, "shop", NOW) == Held(240, 80007)
