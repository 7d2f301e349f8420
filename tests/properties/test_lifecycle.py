from collections import Counter
from random import Random

import pytest

from gateway.outbound import dispatch
from gateway.policy.lifecycle import MessageState
from tests.outbound.office import Office, running
from tests.properties.lives import Lives
from tests.store.stocked import Stock

S = MessageState
STEPS = 60
ENDS = {S.TURNED_AWAY, S.EXPIRED, S.CANCELLED, S.REFUSED, S.FAILED, S.DELIVERED, S.READ}


@pytest.mark.parametrize("seed", range(12))
async def test_journal_ledger_and_outbox_agree_whatever_happens_and_every_life_ends(
    stock: Stock, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(dispatch, "RELEASE_WAIT_S", 0.0)
    await stock.add_pool(limit=5)
    async with running(Office(stock.database)) as living:
        dying = Office(stock.database, process=2)
        await dying.directory.refresh()
        lives = Lives(living, dying, Random(seed), monkeypatch)  # noqa: S311 - dice for a test
        happened = Counter([await lives.happen() for _ in range(STEPS)])
        assert len(happened) > 10
        await lives.end()
        await lives.check()
    ends = {row["state"] for row in await stock.fetch("select distinct state from messages")}
    assert ends <= ENDS
    assert await stock.value("select count(*) from outbox where state <> 'dead'") == 0
