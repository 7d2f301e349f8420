import asyncio
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest

from gateway.metrics import Metrics
from gateway.outbound.admission import AdmissionDesk
from gateway.policy.send_class import CLASS_OF_CATEGORY, SendClass
from gateway.policy.verdict import Decision
from gateway.store import contacts, quota
from gateway.whatsapp.ids import UserId
from tests.outbound.making import submission
from tests.policy.making import DAY, INSTANT, KNOBS, NOW, POOL
from tests.store.stocked import ANNA, BEN, ManualClock, Stock

USERS = [UserId(f"3460000000{digit}") for digit in range(6)]


@pytest.mark.parametrize("seed", range(6))
async def test_what_a_pool_counts_is_its_ledger_whatever_happens(stock: Stock, seed: int) -> None:
    """In all, and for every class and app: through every statement that writes the ledger."""
    rng = Random(seed)  # noqa: S311 - a dice for a test
    sent: list[UUID] = []
    now = NOW
    for _ in range(60):
        now += timedelta(minutes=rng.randrange(240))
        step = rng.choice(["send", "send", "send", "fail", "fail", "arrive", "expire", "unite"])
        message = rng.choice(sent) if sent else None
        async with stock.database.transaction() as connection:
            await quota.lock(connection, [POOL])
            if step == "expire":
                await quota.expire(connection, POOL, now - DAY, now)
            elif step == "unite":
                alias, user = rng.sample(USERS, 2)
                await contacts.unite(connection, POOL, alias, user)
            elif step == "fail" and message:
                await connection.execute("update messages set state = 'failed'")
                await quota.release(connection, POOL, [message], now - DAY)
            elif step == "arrive" and message:
                await connection.execute("update messages set state = 'delivered'")
                await quota.restore(connection, POOL, [message], now - DAY)
        if step == "send":
            send_class, app_id = rng.choice(list(SendClass)), rng.choice(["a", "b"])
            user = rng.choice(USERS)
            sent.append(await stock.send(user, now, send_class=send_class, app_id=app_id))
        await stock.ledger()  # checks what is counted
    assert sent


async def test_a_slot_stays_on_the_account_of_who_took_it_first(stock: Stock) -> None:
    await stock.send(ANNA, NOW - DAY + INSTANT, send_class=SendClass.MARKETING, app_id="shop")
    await stock.send(ANNA, NOW, send_class=SendClass.AUTHENTICATION, app_id="bank")
    assert await stock.ledger() == {ANNA: NOW}
    assert await stock.accounts() == {ANNA: ("marketing", "shop")}
    assert await stock.usage() == {"class:marketing": 1, "app:shop": 1}


async def test_the_row_of_a_user_who_has_aged_goes_on_the_account_of_who_takes_it(
    stock: Stock,
) -> None:
    await stock.send(ANNA, NOW - DAY, send_class=SendClass.MARKETING, app_id="shop")
    await stock.send(BEN, NOW - DAY, send_class=SendClass.MARKETING, app_id="shop")
    await stock.send(ANNA, NOW, send_class=SendClass.AUTHENTICATION, app_id="bank")
    await stock.send(BEN, NOW, send_class=SendClass.MARKETING, app_id="bank")
    assert await stock.ledger() == {ANNA: NOW, BEN: NOW}
    assert await stock.accounts() == {ANNA: ("authentication", "bank"), BEN: ("marketing", "bank")}


@pytest.mark.parametrize(
    ("category", "send_class"),
    [*CLASS_OF_CATEGORY.items(), (None, SendClass.OTHER)],
)
async def test_who_arrives_after_all_counts_again_on_the_same_account(
    stock: Stock, category: str | None, send_class: SendClass
) -> None:
    message = await stock.send(ANNA, NOW, send_class=send_class, category=category, app_id="bank")
    await stock.state(message, "failed")
    async with stock.database.transaction() as connection:
        await quota.release(connection, POOL, [message], NOW - DAY)
    assert await stock.usage() == {}
    async with stock.database.transaction() as connection:
        await quota.restore(connection, POOL, [message], NOW - DAY)
    assert await stock.accounts() == {ANNA: (send_class, "bank")}
    assert await stock.usage() == {f"class:{send_class}": 1, "app:bank": 1}


async def test_who_goes_by_two_names_keeps_the_account(stock: Stock) -> None:
    await stock.send(ANNA, NOW, send_class=SendClass.MARKETING, app_id="bank")
    async with stock.database.transaction() as connection:
        await quota.lock(connection, [POOL])
        await contacts.unite(connection, POOL, ANNA, BEN)
    assert await stock.ledger() == {BEN: NOW}
    assert await stock.accounts() == {BEN: ("marketing", "bank")}


async def test_two_processes_never_invade_a_reserve_however_they_race(stock: Stock) -> None:
    await stock.share({"app:bank": {"reserve": 0.3}, "app:shop": {"cap": 0.5}})
    desks = [AdmissionDesk(stock.database, ManualClock(), KNOBS, Metrics()) for _ in range(2)]
    asked = [submission(n, app_id="shop" if n % 3 else "post") for n in range(240)]
    admissions = await asyncio.gather(*(desks[n % 2].submit(each) for n, each in enumerate(asked)))
    admitted = [each.verdict.decision for each in admissions].count(Decision.ADMIT)
    assert admitted == len(await stock.ledger()) == 70
    assert (await stock.usage())["app:shop"] <= 50
    bank = [submission(n, app_id="bank") for n in range(300, 340)]
    answers = await asyncio.gather(*(desks[n % 2].submit(each) for n, each in enumerate(bank)))
    assert [each.verdict.decision for each in answers].count(Decision.ADMIT) == 30
    assert len(await stock.ledger()) == 100
