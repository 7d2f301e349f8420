import asyncio
from datetime import timedelta
from uuid import UUID

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from gateway.cloud.outcome import Refused
from gateway.outbound.audience import AbandonedError, Audience
from gateway.outbound.dispatch import Handled
from gateway.outbound.parcels import Parked
from gateway.policy.verdict import Decision
from gateway.store.errors import StoreUnavailableError, UnknownNumberError
from gateway.store.idempotency import Key, KeyState
from gateway.web.auth import Caller
from gateway.web.idempotency import Governed, ending_of, key_of
from gateway.whatsapp.message import EnvelopeError
from tests.policy.making import DAY, INSTANT, NOW
from tests.web.keyed import (
    ACCEPTED,
    BODY,
    IMPATIENT,
    IN_DOUBT,
    KEYED,
    META,
    PATH,
    SHOP,
    TERMS,
    Sending,
    handled,
    refused,
    response,
)

WAITING = KEYED._replace(may_wait=True)


def as_seen(answer: web.Response) -> tuple[int, list[tuple[str, str]], object]:
    headers = answer.headers.copy()
    assert headers.pop("Idempotency-Replayed") == "true"
    return answer.status, list(headers.items()), answer.body


def key(caller: Caller = SHOP, path: str = PATH, body: bytes = b"{}", *given: str) -> Key | None:
    headers = CIMultiDict(("Idempotency-Key", one) for one in given or ("order-1",))
    return key_of(make_mocked_request("POST", path, headers=headers), caller, body)


def test_a_request_without_the_header_has_no_key() -> None:
    assert key_of(make_mocked_request("POST", PATH), SHOP, b"{}") is None


@pytest.mark.parametrize("given", ["a", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "!~"])
def test_one_to_255_visible_characters_are_a_key(given: str) -> None:
    found = key(SHOP, PATH, b"{}", given)
    assert found is not None
    assert (found.caller, found.key, len(found.fingerprint)) == ("shop", given, 32)


@pytest.mark.parametrize("given", [("",), ("x" * 256,), ("a b",), ("é",), ("a\t",), ("a", "a")])
def test_anything_else_is_refused(given: tuple[str, ...]) -> None:
    with pytest.raises(EnvelopeError, match="255 visible"):
        key(SHOP, PATH, b"{}", *given)


def test_a_key_is_told_from_those_of_others_and_of_other_requests() -> None:
    mine = key()
    assert mine is not None
    assert key() == mine
    strangers = [key(Caller("pass-through", token)) for token in ("EAAone", "EAAtwo")]
    others = [key(Caller("bank", None)), key(SHOP, PATH, b"{}", "order-2"), *strangers]
    assert len({(each.caller, each.key) for each in [mine, *others] if each}) == 5
    assert not any("EAA" in each.caller for each in others if each)
    requests = [key(SHOP, PATH + "?a=1"), key(SHOP, "/v25.0/2/messages"), key(SHOP, PATH, b"{} ")]
    assert len({each.fingerprint for each in [mine, *requests] if each}) == 4


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (None, None),
        (handled(None, Decision.DEFER), None),
        (handled(None, Decision.REJECT), KeyState.ANSWERED),
        (ACCEPTED, KeyState.ANSWERED),
        (IN_DOUBT, KeyState.IN_DOUBT),
        (handled(Refused(None, None, "cannot be reached")), None),
        (handled(Refused(META, None, "HTTP 404")), KeyState.ANSWERED),
        (handled(refused(131026)), KeyState.ANSWERED),
        (handled(refused(190)), KeyState.ANSWERED),
        (handled(refused(130429)), None),
        (handled(refused(131056)), None),
    ],
    ids=str,
)
def test_what_says_that_nothing_was_sent_and_to_come_again_is_not_kept(
    told: Handled | None, kept: KeyState | None
) -> None:
    assert ending_of(told) is kept


@pytest.mark.parametrize("ending", [ACCEPTED, handled(None, Decision.REJECT), IN_DOUBT], ids=str)
async def test_the_first_answer_is_given_again_byte_for_byte(
    sending: Sending, ending: Handled
) -> None:
    first = await sending.ask(ending, status=418)
    assert "Idempotency-Replayed" not in first.headers
    for process in (sending.process, sending.another()):
        again = await process.answer(KEYED, Audience(), sending.govern())
        assert as_seen(again) == (418, list(response().headers.items()), BODY)
    assert len(sending.sent) == 1


async def test_after_its_time_the_request_is_another_message(sending: Sending) -> None:
    await sending.ask()
    sending.clock.advance(DAY - INSTANT)
    await sending.ask()
    assert len(sending.sent) == 1
    sending.clock.advance(INSTANT)
    assert "Idempotency-Replayed" not in (await sending.ask()).headers
    assert len(set(sending.sent)) == 2


async def test_a_key_of_another_request_is_refused(sending: Sending) -> None:
    await sending.ask()
    other = KEYED._replace(key=KEYED.key._replace(fingerprint=b"other"))
    no = await sending.ask(keyed=other)
    assert no.status == 422
    assert b'"code":100' in no.body  # type: ignore[operator]
    assert b"belongs to another request" in no.body  # type: ignore[operator]
    assert no.headers["Gateway-Message-Id"] == sending.sent[0].hex
    assert "Idempotency-Replayed" not in no.headers
    assert len(sending.sent) == 1


async def test_a_retry_after_come_again_is_decided_anew(sending: Sending) -> None:
    for ending in (None, handled(None, Decision.DEFER), ACCEPTED):
        assert "Idempotency-Replayed" not in (await sending.ask(ending)).headers
    assert len(set(sending.sent)) == 3
    assert "Idempotency-Replayed" in (await sending.ask()).headers


@pytest.mark.parametrize(
    "error", [AbandonedError(), StoreUnavailableError(), UnknownNumberError()], ids=repr
)
async def test_a_retry_after_nothing_has_left_is_decided_anew(
    sending: Sending, error: Exception
) -> None:
    with pytest.raises(type(error)):
        await sending.ask(error)
    await sending.ask()
    assert len(sending.sent) == 2


async def test_a_mistake_of_ours_keeps_the_key_for_the_message_may_have_left(
    sending: Sending,
) -> None:
    with pytest.raises(ValueError, match="oops"):
        await sending.ask(ValueError("oops"))
    assert (await sending.ask(keyed=IMPATIENT)).status == 409
    assert len(sending.sent) == 1


async def test_who_comes_while_the_first_is_in_flight_elsewhere_waits_for_its_answer(
    sending: Sending,
) -> None:
    end: asyncio.Future[Governed] = asyncio.get_running_loop().create_future()
    first = asyncio.create_task(sending.process.answer(KEYED, Audience(), lambda _message_id: end))
    await held(sending)
    seconds = [
        asyncio.create_task(sending.another().answer(KEYED, Audience(), sending.govern()))
        for _ in range(3)
    ]
    no = await sending.another().answer(IMPATIENT, Audience(), sending.govern())
    assert (no.status, no.headers["Retry-After"]) == (409, "1")
    end.set_result(Governed(response(), ACCEPTED))
    await first
    for second in seconds:
        assert as_seen(await second) == (200, list(response().headers.items()), BODY)
    assert sending.sent == []


async def held(sending: Sending) -> None:
    async with asyncio.timeout(10):
        while not await sending.stock.value("select count(*) from idempotency_keys"):
            pass


async def test_of_those_who_wait_for_what_was_not_sent_one_sends(sending: Sending) -> None:
    end: asyncio.Future[Governed] = asyncio.get_running_loop().create_future()
    first = asyncio.create_task(sending.process.answer(KEYED, Audience(), lambda _message_id: end))
    await held(sending)
    seconds = [
        asyncio.create_task(sending.another().answer(KEYED, Audience(), sending.govern()))
        for _ in range(3)
    ]
    end.set_result(Governed(response(429), None))
    assert (await first).status == 429
    answers = await asyncio.gather(*seconds)
    assert [answer.status for answer in answers] == [200] * 3
    assert len(sending.sent) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 2


async def test_who_has_hung_up_waits_for_nothing(sending: Sending) -> None:
    with pytest.raises(asyncio.CancelledError):
        await sending.ask(asyncio.CancelledError())
    audience = Audience()
    audience.join()
    audience.leave()
    with pytest.raises(AbandonedError):
        await sending.another().answer(KEYED, audience, sending.govern())


async def test_the_answer_is_given_although_the_database_went_away(sending: Sending) -> None:
    async def govern(_message_id: UUID) -> Governed:
        sending.stock.database.terminate()
        return Governed(response(), ACCEPTED)

    answer = await sending.process.answer(KEYED, Audience(), govern)
    assert (answer.status, answer.body) == (200, BODY)
    with pytest.raises(StoreUnavailableError):
        await sending.ask()
    assert sending.sent == []


@pytest.mark.parametrize("state", [None, "turned_away", "refused"])
async def test_what_died_before_it_left_is_decided_anew(
    sending: Sending, state: str | None
) -> None:
    message_id = await sending.die()
    if state is not None:
        await sending.journal(message_id, state)
    assert "Idempotency-Replayed" not in (await sending.ask()).headers
    assert len(set(sending.sent)) == 2


async def test_until_its_lease_has_run_out_nobody_takes_its_place(sending: Sending) -> None:
    await sending.die()
    sending.clock.advance(-INSTANT)
    assert (await sending.ask(keyed=IMPATIENT)).status == 409
    assert timedelta(seconds=TERMS.wait_s + TERMS.answer_s) < TERMS.lease


@pytest.mark.parametrize("state", ["reserved", "in_doubt"])
async def test_what_died_on_its_way_is_in_doubt_and_the_same_each_time(
    sending: Sending, state: str
) -> None:
    message_id = await sending.die()
    await sending.journal(message_id, state)
    answers = [await sending.ask() for _ in range(2)]
    assert len(sending.sent) == 1
    assert as_seen(answers[0]) == as_seen(answers[1])
    assert answers[0].status == 502
    assert b"In doubt" in answers[0].body  # type: ignore[operator]
    assert answers[0].headers["Gateway-Message-Id"] == message_id.hex
    assert "Retry-After" not in answers[0].headers


@pytest.mark.parametrize("is_answered", [True, False])
@pytest.mark.parametrize("state", ["accepted", "sent", "delivered", "read"])
async def test_a_doubt_that_was_resolved_is_a_success(
    sending: Sending, state: str, *, is_answered: bool
) -> None:
    message_id = await doubted(sending, is_answered=is_answered)
    await sending.journal(message_id, state, wamid="wamid.9")
    answer = await sending.ask()
    assert len(sending.sent) == 1
    assert as_seen(answer) == (
        200,
        [
            ("Content-Type", "application/json"),
            ("Gateway-Decision", "admit"),
            ("Gateway-Message-Id", message_id.hex),
        ],
        (
            b'{"messaging_product":"whatsapp","contacts":[{"input":"+34600000001",'
            b'"wa_id":"34600000001"}],"messages":[{"id":"wamid.9"}]}'
        ),
    )


async def doubted(sending: Sending, *, is_answered: bool) -> UUID:
    if not is_answered:
        return await sending.die()
    await sending.ask(IN_DOUBT, status=504)
    return sending.sent[0]


@pytest.mark.parametrize("is_answered", [True, False])
@pytest.mark.parametrize(
    ("code", "detail", "says"),
    [(131026, "Not on WhatsApp", b"Not on WhatsApp"), (131000, None, b"failed"), (None, None, b"")],
)
async def test_a_doubt_that_was_resolved_may_be_a_failure(
    sending: Sending, code: int | None, detail: str | None, says: bytes, *, is_answered: bool
) -> None:
    message_id = await doubted(sending, is_answered=is_answered)
    await sending.journal(message_id, "failed", wamid="wamid.9", code=code, detail=detail)
    answer = await sending.ask()
    assert len(sending.sent) == 1
    assert answer.status >= 400
    assert b'"code":%d' % (code or 131000) in answer.body  # type: ignore[operator]
    assert says in answer.body  # type: ignore[operator]
    assert answer.headers["Gateway-Message-Id"] == message_id.hex


async def test_what_was_answered_is_not_told_differently_by_what_came_after(
    sending: Sending,
) -> None:
    await sending.ask()
    await sending.journal(sending.sent[0], "failed", code=131026)
    assert as_seen(await sending.ask())[0] == 200


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
