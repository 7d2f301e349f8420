"""A key keeps what may be in the outbox from being sent twice, even if nobody knows that it is."""

from datetime import timedelta

import orjson
import pytest

from gateway.outbound.parcels import Parked
from gateway.store.errors import StoreUnavailableError
from tests.policy.making import NOW
from tests.web.keyed import KEYED, TERMS, Sending

WAITING = KEYED._replace(may_wait=True)


async def test_what_waits_is_answered_the_same_each_time(sending: Sending) -> None:
    parked = Parked(NOW + timedelta(hours=1), "schedule", "asked for")
    answers = [await sending.ask(parked, WAITING, status=202) for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 202]
    assert len(sending.sent) == 1


async def test_what_may_be_parked_keeps_its_key_until_the_journal_tells(sending: Sending) -> None:
    answer = await sending.ask(StoreUnavailableError("away"), WAITING)
    assert answer.status == 504
    assert b"In doubt" in answer.body  # type: ignore[operator]
    assert answer.headers["Gateway-Message-Id"] == sending.sent[0].hex
    await sending.journal(
        sending.sent[0], "parked", rule="schedule", retry_at=NOW + timedelta(hours=1)
    )
    sending.clock.advance(TERMS.lease)
    answer = await sending.ask(keyed=WAITING)
    assert answer.status == 202
    assert answer.headers["Idempotency-Replayed"] == "true"
    content = orjson.loads(answer.body)  # type: ignore[arg-type]
    assert content["messages"][0]["id"] == f"gw1.{sending.sent[0].hex}"
    assert content["gateway"]["rule"] == "schedule"
    assert len(sending.sent) == 1


async def test_what_was_not_parked_after_all_is_decided_anew(sending: Sending) -> None:
    await sending.ask(StoreUnavailableError("away"), WAITING)
    sending.clock.advance(TERMS.lease)
    assert (await sending.ask(keyed=WAITING)).status == 200
    assert len(set(sending.sent)) == 2


@pytest.mark.parametrize("state", ["expired", "cancelled"])
async def test_what_was_parked_and_never_sent_is_not_sent_by_its_key(
    sending: Sending, state: str
) -> None:
    message_id = await sending.die()
    await sending.journal(message_id, state)
    answer = await sending.ask(keyed=WAITING)
    assert (answer.status, answer.headers["Gateway-Rule"]) == (400, state)
    assert state.encode() in answer.body  # type: ignore[operator]
    assert len(sending.sent) == 1
