import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.outbound.audience import AbandonedError, Audience
from gateway.outbound.parcels import Wishes
from gateway.web.auth import Caller
from gateway.web.connection import Connection
from gateway.web.retry_guard import RetryGuard, likeness
from tests.web.wire import PATIENCE_S

KEY: Final = "the same"
PATH: Final = "/v25.0/1/messages"
SHOP: Final = Caller("shop", None)


class Client(Connection):
    """A client that hangs up when it is told to."""

    def __init__(self) -> None:
        self.is_here = True
        self.leave: Callable[[], None] | None = None

    @property
    def connected(self) -> bool:
        return self.is_here

    def tell(self, on_hang_up: Callable[[], None] | None) -> None:
        self.leave = on_hang_up
        if not self.is_here:
            self.hang_up()

    def hang_up(self) -> None:
        self.is_here = False
        leave, self.leave = self.leave, None
        if leave is not None:
            leave()


@dataclass
class Sending:
    """What is sent in a test: each time it waits until the test tells how it ends."""

    guard: RetryGuard = field(default_factory=RetryGuard)
    sent: list[tuple[Audience, asyncio.Future[web.Response]]] = field(default_factory=list)
    calls: list[asyncio.Task[web.Response]] = field(default_factory=list)

    async def govern(self, audience: Audience) -> web.Response:
        end: asyncio.Future[web.Response] = asyncio.get_running_loop().create_future()
        self.sent.append((audience, end))
        return await end

    async def govern_in_line(self, audience: Audience) -> web.Response:
        """Wait as in a line, which is left when nobody waits any more."""
        end: asyncio.Future[web.Response] = asyncio.get_running_loop().create_future()
        audience.when_gone(lambda: end.set_exception(AbandonedError()))
        self.sent.append((audience, end))
        return await end

    async def call(
        self, client: Client | None = None, *, key: object = KEY, in_line: bool = False
    ) -> asyncio.Task[web.Response]:
        govern = self.govern_in_line if in_line else self.govern
        answer = self.guard.answer(key, client or Client(), govern)
        task = asyncio.ensure_future(answer)
        self.calls.append(task)
        await turns()
        return task


@pytest.fixture
async def sending() -> AsyncIterator[Sending]:
    made = Sending()
    yield made
    for call in made.calls:
        call.cancel()
    await asyncio.gather(*made.calls, return_exceptions=True)


async def turns() -> None:
    """Let everybody run who can."""
    for _ in range(5):
        await asyncio.sleep(0)


def answered() -> web.Response:
    return web.Response(
        status=429,
        body=b'{"error": {}}',
        content_type="application/json",
        headers={"Gateway-Message-Id": "abc", "Retry-After": "7"},
    )


async def test_who_repeats_a_request_on_its_way_gets_the_answer_of_the_first(
    sending: Sending,
) -> None:
    calls = [await sending.call() for _ in range(3)]
    ((_, end),) = sending.sent
    response = answered()
    end.set_result(response)
    first, *others = await asyncio.gather(*calls)
    assert first is response
    assert "Gateway-Joined" not in first.headers
    assert len({id(each) for each in (first, *others)}) == 3
    for joined in others:
        assert (joined.status, joined.body) == (429, b'{"error": {}}')
        assert joined.headers.pop("Gateway-Joined") == "abc"
        assert joined.headers == first.headers


async def test_after_the_answer_the_same_request_is_another(sending: Sending) -> None:
    for number in range(1, 3):
        call = await sending.call()
        assert len(sending.sent) == number
        sending.sent[-1][1].set_result(answered())
        await call


async def test_another_request_does_not_wait(sending: Sending) -> None:
    await sending.call(key="one")
    await sending.call(key="other")
    assert len(sending.sent) == 2


class Key:
    """A likeness that can be watched."""


@pytest.mark.parametrize("fails", [False, True])
async def test_nothing_is_kept_of_what_was_answered(sending: Sending, *, fails: bool) -> None:
    key = Key()
    gone = weakref.ref(key)
    call = await sending.call(key=key)
    _, end = sending.sent.pop()
    if fails:
        end.set_exception(ValueError("no"))
    else:
        end.set_result(answered())
    await asyncio.gather(call, return_exceptions=True)
    sending.calls.clear()
    del key, call, end
    await turns()  # asyncio itself keeps the last error until then
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError()])
async def test_what_the_first_ends_with_ends_all(sending: Sending, error: BaseException) -> None:
    calls = [await sending.call() for _ in range(3)]
    ((_, end),) = sending.sent
    end.set_exception(error)
    async with asyncio.timeout(PATIENCE_S):
        ended = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(each) for each in ended] == [type(error)] * 3
    await sending.call()
    assert len(sending.sent) == 2


async def test_a_repetition_that_is_broken_off_takes_nobody_along(sending: Sending) -> None:
    first, joined, other = [await sending.call() for _ in range(3)]
    joined.cancel()
    await turns()
    sending.sent[0][1].set_result(answered())
    assert [(await each).status for each in (first, other)] == [429, 429]


async def test_when_the_first_hangs_up_it_goes_on_for_the_others(sending: Sending) -> None:
    clients = [Client(), Client()]
    calls = [await sending.call(client, in_line=True) for client in clients]
    ((audience, end),) = sending.sent
    clients[0].hang_up()
    assert not audience.is_gone
    end.set_result(answered())
    assert (await calls[1]).headers["Gateway-Joined"] == "abc"


async def test_when_all_have_hung_up_it_leaves_the_line_and_nobody_takes_its_place(
    sending: Sending,
) -> None:
    clients = [Client() for _ in range(3)]
    calls = [await sending.call(client, in_line=True) for client in clients]
    for client in clients:
        client.hang_up()
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(each) for each in ended] == [AbandonedError] * 3
    assert len(sending.sent) == 1


async def test_who_comes_while_it_leaves_the_line_is_first_of_a_new_one(
    sending: Sending,
) -> None:
    impatient = Client()
    first = await sending.call(impatient, in_line=True)
    retries = [
        asyncio.ensure_future(sending.guard.answer(KEY, Client(), sending.govern_in_line))
        for _ in range(2)
    ]
    sending.calls += retries
    impatient.hang_up()
    await turns()
    assert isinstance(first.exception(), AbandonedError)
    assert len(sending.sent) == 2
    sending.sent[1][1].set_result(answered())
    new, joined = await asyncio.gather(*retries)
    assert "Gateway-Joined" not in new.headers
    assert joined.headers["Gateway-Joined"] == "abc"


async def test_who_comes_when_all_have_left_but_it_is_sent_joins_it(sending: Sending) -> None:
    impatient = Client()
    await sending.call(impatient)
    impatient.hang_up()
    retry = await sending.call()
    assert len(sending.sent) == 1
    sending.sent[0][1].set_result(answered())
    assert (await retry).headers["Gateway-Joined"] == "abc"


async def test_when_it_is_answered_a_hang_up_is_nobodys_business(sending: Sending) -> None:
    clients = [Client(), Client()]
    calls = [await sending.call(client) for client in clients]
    sending.sent[0][1].set_result(answered())
    await asyncio.gather(*calls)
    assert [client.leave for client in clients] == [None, None]


def like(caller: Caller = SHOP, path: str = PATH, body: bytes = b"{}", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return likeness(make_mocked_request("POST", path, headers=named), caller, body)


def test_what_repeats_a_request_looks_like_it() -> None:
    assert like() == like()
    assert like(Prefer="wait=3", X_Attempt="2") == like(Prefer="wait=4", Traceparent="00-1")
    assert like(Idempotency_Key="a") == like(Idempotency_Key="a")
    assert like(SHOP._replace(wishes=Wishes(wait_s=3.0))) == like()


@pytest.mark.parametrize(
    "other",
    [
        like(Caller("bank", None)),
        like(Caller("shop", "EAAown")),
        like(path="/v25.0/2/messages"),
        like(path="/v25.0/1/marketing_messages"),
        like(body=b"{} "),
        like(Idempotency_Key="a"),
    ],
    ids=["app", "token", "number", "edge", "body", "idempotency key"],
)
def test_one_difference_makes_another_message(other: object) -> None:
    assert other != like()


def test_idempotency_keys_tell_messages_apart() -> None:
    assert like(Idempotency_Key="a") != like(Idempotency_Key="b")


def test_without_the_knob_nothing_looks_alike() -> None:
    alone = SHOP._replace(joins_retries=False)
    assert like(alone) != like(alone)
