from datetime import timedelta

import orjson
import pytest

from gateway.store import idempotency
from gateway.watch.historian import Historian
from gateway.whatsapp.ids import PhoneNumberId
from gateway.whatsapp.number import Regime
from tests.policy.making import DAY, HOUR, KNOBS, NOW, NUMBER, SECOND_NUMBER, SECOND_POOL
from tests.store.stocked import ManualClock, Stock

YESTERDAY = NOW - 26 * HOUR


async def started(stock: Stock, users: int, number: PhoneNumberId = NUMBER) -> None:
    await stock.fetch(
        "insert into activity (pool_id, phone_number_id, bucket_at, sends, new_users)"
        " values ($1, $2, $3, $4, $4)",
        (await stock.number(number)).facts.pool_id,
        number,
        YESTERDAY,
        users,
    )


async def usual(stock: Stock, number: PhoneNumberId = NUMBER) -> tuple[int, int, int]:
    facts = (await stock.number(number)).facts
    return facts.usual_users_hour, facts.usual_users_day, facts.usual_sends_10m


async def sweep(stock: Stock, at: object = NOW) -> int:
    clock = ManualClock()
    clock.at = at  # type: ignore[assignment]
    return await Historian(stock.database, clock, KNOBS, DAY).run_once()


async def test_one_sweep_notes_what_is_usual_and_the_next_has_nothing_to_do(stock: Stock) -> None:
    await started(stock, 40)
    before = await stock.version()
    assert await sweep(stock) == 1
    assert (await usual(stock), await usual(stock, SECOND_NUMBER)) == ((40, 40, 40), (0, 0, 0))
    noted = await stock.version()
    assert noted.epoch > before.epoch, "every process reads it anew"
    assert await sweep(stock) == 0
    assert await stock.version() == noted


async def test_every_pool_is_swept_and_only_what_changed_is_touched(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL)
    await stock.add_number(SECOND_NUMBER, SECOND_POOL)
    await started(stock, 40, SECOND_NUMBER)
    before = await stock.version()
    assert await sweep(stock) == 1
    assert await usual(stock, SECOND_NUMBER) == (40, 40, 40)
    assert await stock.version() == before


async def test_what_was_usual_is_not_for_ever(stock: Stock) -> None:
    await stock.change_number(usual_users_hour=9, usual_users_day=9, usual_sends_10m=9)
    await sweep(stock)
    assert await usual(stock) == (0, 0, 0)


async def test_what_is_old_goes(stock: Stock) -> None:
    await started(stock, 40)
    assert await sweep(stock, NOW + 8 * DAY) == 1
    assert await stock.fetch("select 1 from activity") == []


@pytest.mark.parametrize("usual_day", [0, 5000])
async def test_a_recovery_ends_with_its_ramp(stock: Stock, usual_day: int) -> None:
    """From a fifth of what was usual by half as much again a day, it is there on the fifth day."""
    await stock.add_pool(limit=10_000)
    if usual_day:
        await started(stock, usual_day)
    await stock.change_number(recovering_since=NOW)
    await sweep(stock, NOW + 4 * DAY - timedelta(seconds=1))
    assert (await stock.number()).facts.recovering_since == NOW
    assert await sweep(stock, NOW + 4 * DAY) == 1
    assert (await stock.number()).facts.recovering_since is None


async def test_a_number_with_knobs_of_its_own_recovers_as_they_say(stock: Stock) -> None:
    for number in (NUMBER, SECOND_NUMBER):
        await stock.change_number(number, recovering_since=NOW)
    await stock.change_number(knobs=orjson.dumps({"recovery_start": 1.0}).decode())
    await sweep(stock, NOW)
    assert (await stock.number()).facts.recovering_since is None
    assert (await stock.number(SECOND_NUMBER)).facts.recovering_since == NOW


async def test_pools_without_numbers_are_passed(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL, regime=Regime.PER_NUMBER)
    assert await sweep(stock) == 0


async def test_answers_under_keys_are_forgotten_after_their_time(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MOST_AT_ONCE", 2)
    await stock.fetch(
        "insert into idempotency_keys (caller, key, fingerprint, pool_id, message_id, state,"
        " created_at, leased_until)"
        " select 'shop', n, '', '1', gen_random_uuid(), 'answered',"
        " $1::timestamptz + n * '1 h'::interval, $1"
        " from generate_series(1, 6) n",
        NOW - DAY,
    )
    assert await sweep(stock, NOW + 5 * HOUR) == 5
    assert await stock.value("select count(*) from idempotency_keys") == 1
