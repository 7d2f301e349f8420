from datetime import timedelta

import pytest

from gateway.policy.number_clock import flag
from gateway.store import numbers, pools, quota
from gateway.store.pools import LimitSource
from gateway.watch.sweeper import Sweeper
from gateway.whatsapp.number import QualityRating, Regime
from tests.policy.making import DAY, HOUR, INSTANT, KNOBS, NOW, POOL, SECOND_NUMBER, WABA
from tests.store.stocked import ANNA, BEN, ManualClock, Stock

MINUTE = timedelta(minutes=1)
UNANSWERED = 2 * MINUTE


class Swept:
    """A sweeper with its clock and what it told."""

    def __init__(self, stock: Stock) -> None:
        self.clock = ManualClock()
        self.told: list[int] = []
        self.sweeper = Sweeper(
            stock.database, self.clock, KNOBS, UNANSWERED, lambda: self.told.append(1)
        )

    async def at(self, hour: object) -> int:
        self.clock.at = hour  # type: ignore[assignment]
        return await self.sweeper.run_once()


async def flagged(stock: Stock, rating: QualityRating = QualityRating.RED) -> None:
    await stock.add_pool(limit=1000, regime=Regime.PER_NUMBER)
    row = await stock.number()
    until = flag(row.facts, KNOBS, NOW - 7 * DAY).flagged_until
    await stock.change_number(flagged_until=until, quality_rating=rating)


async def test_restricted_ends_at_its_instant(stock: Stock) -> None:
    await stock.change_number(restricted_until=NOW, restricted_by="ledger")
    swept = Swept(stock)
    assert await swept.at(NOW - INSTANT) == 0
    assert (await stock.number()).facts.restricted_until == NOW
    before = await stock.version()
    assert await swept.at(NOW) == 1
    facts = (await stock.number()).facts
    assert (facts.restricted_until, facts.restricted_by) == (None, None)
    assert (await stock.version()).epoch > before.epoch
    assert swept.told == [1]


@pytest.mark.parametrize(
    ("rating", "limit"), [(QualityRating.RED, 250), (QualityRating.YELLOW, 1000)]
)
async def test_seven_days_flagged_lower_the_limit_once(
    stock: Stock, rating: QualityRating, limit: int
) -> None:
    await flagged(stock, rating)
    swept = Swept(stock)
    await swept.at(NOW - INSTANT)
    assert (await stock.number()).messaging_limit == 1000
    for hours in (0, 1, 200):
        await swept.at(NOW + hours * HOUR)
        row = await stock.number()
        assert (row.messaging_limit, row.facts.flagged_until) == (limit, None)


async def test_two_sweepers_lower_it_once(stock: Stock) -> None:
    await flagged(stock)
    for _ in range(2):
        await Swept(stock).at(NOW)
    assert (await stock.number()).messaging_limit == 250


@pytest.mark.parametrize(("by", "since"), [("meta", NOW), ("limit", None), ("ledger", None)])
async def test_a_number_recovers_from_what_meta_did_and_not_from_a_limit_used_up(
    stock: Stock, by: str, since: object
) -> None:
    await stock.change_number(restricted_until=NOW, restricted_by=by)
    await Swept(stock).at(NOW + HOUR)
    assert (await stock.number()).facts.recovering_since == since


async def test_what_meta_said_since_is_not_lowered_again(stock: Stock) -> None:
    await flagged(stock)
    async with stock.database.transaction() as connection:
        await quota.touch(connection, [POOL])
        await pools.set_limit(connection, POOL, 10_000, LimitSource.META, NOW + HOUR)
    await Swept(stock).at(NOW + 2 * HOUR)
    row = await stock.number()
    assert (row.messaging_limit, row.facts.flagged_until) == (10_000, None)


async def test_words_about_a_flag_from_before_its_end_are_old(stock: Stock) -> None:
    await flagged(stock)
    await Swept(stock).at(NOW + DAY)
    assert (await stock.number()).quality_at == NOW


async def test_restrictions_of_accounts_end(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        await numbers.put_restriction(connection, WABA, "X", NOW, NOW - DAY)
        swept = Swept(stock)
        await swept.at(NOW - INSTANT)
        assert len(await numbers.restrictions(connection, WABA)) == 1
        before = await stock.version()
        await swept.at(NOW + HOUR)
        assert await numbers.restrictions(connection, WABA) == []
    assert (await stock.number()).facts.recovering_since == NOW
    assert (await stock.version()).epoch > before.epoch


async def test_who_has_left_the_ledger_is_taken_out(stock: Stock) -> None:
    for user, at in ((ANNA, NOW - DAY), (BEN, NOW - DAY + MINUTE)):
        await stock.state(await stock.send(user, at), "accepted")
    swept = Swept(stock)
    await swept.at(NOW - INSTANT)
    assert set(await stock.ledger()) == {ANNA, BEN}
    await swept.at(NOW)
    assert set(await stock.ledger()) == {BEN}
    assert swept.told == []


async def test_what_was_never_answered_is_in_doubt_after_its_time(stock: Stock) -> None:
    lost = await stock.send(ANNA, NOW - UNANSWERED)
    answered = await stock.send(BEN, NOW - UNANSWERED)
    await stock.state(answered, "accepted")
    swept = Swept(stock)
    assert await swept.at(NOW) == 0
    assert await swept.at(NOW + MINUTE) == 1
    assert (await stock.message(lost))["state"] == "in_doubt"
    assert (await stock.message(lost))["hold"] == "reserved"
    assert (await stock.message(answered))["state"] == "accepted"
    assert set(await stock.ledger()) == {ANNA, BEN}


async def test_each_sweep_looks_at_what_the_last_has_not_seen(stock: Stock) -> None:
    swept = Swept(stock)
    await swept.at(NOW)
    first = await stock.send(ANNA, NOW)
    second = await stock.send(BEN, NOW + 3 * DAY)
    await swept.at(NOW + 3 * DAY)
    assert (await stock.message(first))["state"] == "in_doubt"
    assert (await stock.message(second))["state"] == "reserved"
    await swept.at(NOW + 4 * DAY)
    assert (await stock.message(second))["state"] == "in_doubt"


async def test_with_nothing_due_nothing_is_disturbed(stock: Stock) -> None:
    await stock.send(ANNA, NOW)
    before = await stock.version()
    swept = Swept(stock)
    assert await swept.at(NOW) == 0
    assert await stock.version() == before
    assert swept.told == []
    assert (await stock.number(SECOND_NUMBER)).facts.restricted_until is None
