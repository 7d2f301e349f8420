import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.cloud.client import CloudClient
from gateway.cloud.outcome import Accepted, Answer, InDoubt, Outcome, Refused
from gateway.metrics import Metrics
from gateway.outbound import dispatch as module
from gateway.outbound.admission import AdmissionDesk
from gateway.outbound.answers import AnswerWriter
from gateway.outbound.audience import AbandonedError, Audience
from gateway.outbound.dispatch import (
    Dispatcher,
    DispatchParts,
    Handled,
    Request,
    StoodStillError,
)
from gateway.outbound.pacing import CongestedError, Line, Wanted
from gateway.outbound.rests import LeavingError
from gateway.outbound.settling import Settlement
from gateway.outbound.submission import Submission
from gateway.policy.knobs import Knobs
from gateway.policy.send_class import SendClass
from gateway.policy.verdict import Decision
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from gateway.whatsapp.error_shape import MetaError
from tests.outage import Server
from tests.outbound.making import UNANSWERED, submission, user
from tests.policy.making import INSTANT, KNOBS, NOW, WABA, template, text
from tests.store.stocked import ManualClock, Stock
from tests.world import until

META = Answer(200, CIMultiDictProxy(CIMultiDict()), b"{}")
NOT_ON_WHATSAPP = MetaError(131026, "(#131026) No.", "", None, False, None)  # noqa: FBT003


@dataclass
class StubCloud(CloudClient):
    """A cloud that answers as told."""

    outcome: Outcome = field(default_factory=lambda: Accepted(META, "wamid.made-up"))
    seen: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)
    answers_when: asyncio.Event | None = None

    async def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        self.seen.append((path, body, headers))
        if self.answers_when is not None:
            await self.answers_when.wait()
        return self.outcome


@dataclass
class Counter:
    """A dispatcher with everything it speaks to."""

    database: Database
    cloud: StubCloud = field(default_factory=StubCloud)
    line: Line = field(default_factory=lambda: Line("1", 80))
    knobs: Knobs = KNOBS
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.clock = clock = ManualClock()
        self.answers = AnswerWriter(self.database, clock, self.knobs, self.metrics)
        desk = AdmissionDesk(self.database, clock, self.knobs, self.metrics)
        self.settlement = Settlement(self.database, lambda: [self.line], UUID(int=1))
        self.dispatcher = Dispatcher(
            DispatchParts(
                desk, self.cloud, self.answers, self.settlement, clock, self.metrics, UNANSWERED
            )
        )

    async def handle(
        self,
        asked: Submission,
        most_wait_s: float = 10.0,
        body: bytes = b"body",
        audience: Audience | None = None,
    ) -> Handled:
        path = "/v25.0/1/messages"
        audience = audience or Audience()
        headers = {"X": "y"}
        request = Request(asked, path, body, headers, most_wait_s, audience, WABA, own_token=False)
        kind = await self.dispatcher.kind_of(asked.candidate)
        return await self.dispatcher.handle(request, self.line, kind)

    def wait_s(self) -> float:
        return self.line.wait_s(SendClass.UTILITY, "shop")

    def outcomes(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value("gateway_outcomes_total", {"outcome": name})


@pytest.fixture
async def counter(stock: Stock) -> AsyncIterator[Counter]:
    made = Counter(stock.database)
    writer = asyncio.create_task(made.answers.run())
    yield made
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer


async def test_an_admitted_message_leaves_as_it_came_and_its_answer_is_journalled(
    counter: Counter, stock: Stock
) -> None:
    asked = submission(1)
    handled = await counter.handle(asked)
    assert handled.admission.verdict.decision is Decision.ADMIT
    assert handled.outcome == counter.cloud.outcome
    assert counter.cloud.seen == [("/v25.0/1/messages", b"body", {"X": "y"})]
    await counter.answers.flushed()
    row = await stock.message(asked.message_id)
    assert (row["state"], row["wamid"], row["answered_at"]) == ("accepted", "wamid.made-up", NOW)
    assert counter.outcomes("accepted") == 1
    assert min(handled.timing.wait_s, handled.timing.upstream_s) >= 0


async def test_what_is_not_admitted_does_not_leave(counter: Counter, stock: Stock) -> None:
    asked = submission(1, message=text())
    handled = await counter.handle(asked)
    assert handled.admission.verdict.decision is Decision.REJECT
    assert handled.outcome is None
    assert counter.cloud.seen == []
    assert (await stock.message(asked.message_id))["state"] == "turned_away"
    decided = counter.metrics.registry.get_sample_value(
        "gateway_decisions_total", {"decision": "reject", "rule": "service_window"}
    )
    assert decided == 1


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (Refused(META, NOT_ON_WHATSAPP, "131026: no"), 131026),
        (Refused(None, None, "the Cloud API cannot be reached"), None),
    ],
    ids=["refused by Meta", "never left"],
)
async def test_the_slot_of_a_refusal_is_free_when_the_app_hears_of_it(
    counter: Counter, stock: Stock, refused: Refused, code: int | None
) -> None:
    counter.cloud.outcome = refused
    asked = submission(1)
    handled = await counter.handle(asked)
    assert handled.outcome == refused
    assert await stock.ledger() == {}
    row = await stock.message(asked.message_id)
    assert (row["state"], row["hold"], row["code"]) == ("refused", "released", code)
    assert row["detail"] == refused.reason


async def test_a_message_in_doubt_keeps_its_slot(counter: Counter, stock: Stock) -> None:
    counter.cloud.outcome = InDoubt(None, "no answer within 30 s", timed_out=True)
    asked = submission(1)
    await counter.handle(asked)
    await counter.answers.flushed()
    assert set(await stock.ledger()) == {user(1)}
    row = await stock.message(asked.message_id)
    assert (row["state"], row["hold"]) == ("in_doubt", "reserved")
    assert row["detail"] == "no answer within 30 s"


async def test_a_message_without_our_mark_is_remembered_by_metas_id(
    counter: Counter, stock: Stock
) -> None:
    await counter.handle(submission(1, correlated=False))
    await counter.answers.flushed()
    assert await stock.value("select count(*) from wamids where wamid = 'wamid.made-up'") == 1


async def test_who_may_not_wait_in_a_long_line_is_told_and_nothing_is_decided(
    counter: Counter, stock: Stock
) -> None:
    while counter.wait_s() <= 0.2:
        await counter.line.enter(Wanted(SendClass.UTILITY, "shop", 10.0), Audience())
    with pytest.raises(CongestedError):
        await counter.handle(submission(1), most_wait_s=0.1)
    assert counter.cloud.seen == []
    assert await stock.value("select count(*) from messages") == 0


async def test_the_place_in_the_line_is_given_back_however_it_ends(counter: Counter) -> None:
    await counter.handle(submission(1))
    await counter.handle(submission(2, message=text()))
    counter.cloud.outcome = InDoubt(None, "reset")
    await counter.handle(submission(3))
    assert counter.wait_s() == 0


async def test_messages_to_one_user_leave_one_after_another_in_the_order_they_came(
    counter: Counter,
) -> None:
    counter.cloud.answers_when = asyncio.Event()
    sending = [
        asyncio.create_task(counter.handle(submission(1), body=body))
        for body in (b"first", b"second", b"third")
    ]
    other = asyncio.create_task(counter.handle(submission(2), body=b"to another"))
    await until(lambda: _true(len(counter.cloud.seen) == 2), "two on the wire")
    assert [body for _, body, _ in counter.cloud.seen] == [b"first", b"to another"]
    counter.cloud.answers_when.set()
    await asyncio.gather(*sending, other)
    left = [body for _, body, _ in counter.cloud.seen if body != b"to another"]
    assert left == [b"first", b"second", b"third"]


async def _true(found: bool) -> bool:  # noqa: FBT001 - a condition for `until`
    return found


def rested(seconds: float) -> Knobs:
    """Return knobs under which a user may be written to once in so many seconds."""
    return replace(KNOBS, pair_capacity=1, pair_interval=timedelta(seconds=seconds))


async def test_who_may_wait_for_the_pair_rate_is_sent_at_the_instant_that_fits(
    stock: Stock,
) -> None:
    counter = Counter(stock.database, knobs=rested(0.2))
    async with asyncio.TaskGroup() as group:
        writer = group.create_task(counter.answers.run())
        handled = [await counter.handle(submission(1)), await counter.handle(submission(1))]
        await counter.handle(submission(2))
        writer.cancel()
    assert [each.admission.verdict.send_at for each in handled] == [
        None,
        NOW + timedelta(seconds=0.2),
    ]
    assert handled[0].timing.wait_s < 0.2 <= handled[1].timing.wait_s
    assert len(counter.cloud.seen) == 3


async def test_who_may_not_wait_so_long_is_told_when_it_fits(stock: Stock) -> None:
    counter = Counter(stock.database, knobs=rested(6.0))
    await counter.handle(submission(1))
    handled = await counter.handle(submission(1), most_wait_s=5.9)
    assert handled.admission.verdict.decision is Decision.DEFER
    assert handled.admission.verdict.retry_at == NOW + timedelta(seconds=6)


@pytest.mark.parametrize("why", [AbandonedError, LeavingError])
async def test_who_waits_for_the_pair_rate_in_vain_gives_the_slot_back(
    stock: Stock, why: type[Exception]
) -> None:
    counter = Counter(stock.database, knobs=rested(6.0))
    async with asyncio.TaskGroup() as group:
        writer = group.create_task(counter.answers.run())
        await counter.handle(submission(1, message=template()))
        audience = Audience()
        audience.join()
        asked = submission(1)
        waiting = asyncio.create_task(counter.handle(asked, audience=audience))
        await until(
            lambda: stock.fetch("select 1 from messages where message_id = $1", asked.message_id),
            "the decision",
        )
        if why is AbandonedError:
            audience.leave()
        else:
            counter.dispatcher.close()
        with pytest.raises(why):
            await waiting
        writer.cancel()
    row = await stock.message(asked.message_id)
    assert (row["state"], row["detail"]) == ("refused", str(why()))
    assert len(counter.cloud.seen) == 1


async def test_what_was_decided_when_the_line_was_stopped_is_given_back(
    counter: Counter, stock: Stock
) -> None:
    await counter.handle(submission(1))
    counter.cloud.answers_when = asyncio.Event()
    asked = submission(3)
    await counter.line.enter(Wanted(SendClass.UTILITY, "shop", 10.0), Audience())
    handling = asyncio.create_task(counter.handle(asked))
    await asyncio.sleep(0)
    counter.line.hold(60.0)
    with pytest.raises(CongestedError) as congested:
        await handling
    assert congested.value.retry_after_s == pytest.approx(60, abs=1)
    row = await stock.message(asked.message_id)
    assert (row["state"], row["hold"]) == ("refused", "released")


@pytest.mark.parametrize("stood_still", [UNANSWERED / 2, UNANSWERED / 2 + INSTANT])
async def test_what_its_process_stood_still_with_for_so_long_does_not_leave_any_more(
    counter: Counter, stock: Stock, monkeypatch: pytest.MonkeyPatch, stood_still: timedelta
) -> None:
    """Others give it up soon, and perhaps send it once more."""

    async def turn() -> None:
        counter.clock.advance(stood_still)

    monkeypatch.setattr(counter.line, "turn", turn)
    asked = submission(1)
    if stood_still <= UNANSWERED / 2:
        assert (await counter.handle(asked)).outcome is not None
        return
    with pytest.raises(StoodStillError):
        await counter.handle(asked)
    assert counter.cloud.seen == []
    assert (await stock.message(asked.message_id))["state"] == "refused"
    assert await stock.ledger() == {}


async def test_a_code_is_not_kept_waiting_past_its_validity(counter: Counter) -> None:
    """Source: TTL (R§6.4)."""
    sql = (
        "insert into templates (waba_id, name, language, category, category_at, status, "
        "status_at, ttl_s) values ($1, 'order_update', 'en_US', 'AUTHENTICATION', $2, "
        "'APPROVED', $2, 30)"
    )
    await Stock(counter.database).fetch(sql, WABA, NOW)
    await counter.handle(submission(1))  # the desk has heard of the template since
    counter.line.hold(40.0)
    with pytest.raises(CongestedError):
        await counter.handle(submission(2), most_wait_s=60.0)


async def test_with_the_database_away_nothing_leaves(server: Server) -> None:
    database = await Database.open(server.url, timeout_s=5)
    try:
        counter = Counter(database)
        await server.stop()
        with pytest.raises(StoreUnavailableError):
            await counter.handle(submission(1))
        assert counter.cloud.seen == []
        assert counter.wait_s() == 0
    finally:
        database.terminate()


async def test_a_refusal_is_told_although_the_journal_cannot_be_written(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RELEASE_WAIT_S", 0.05)
    counter = Counter(stock.database)  # nobody runs its writer
    counter.cloud.outcome = Refused(META, NOT_ON_WHATSAPP, "131026: no")
    handled = await counter.handle(submission(1))
    assert handled.outcome == counter.cloud.outcome


@pytest.mark.parametrize(
    ("code", "held"), [(80007, True), (80008, True), (4, True), (131057, True), (131026, False)]
)
async def test_who_meta_tells_to_wait_waits_and_is_told_why(
    counter: Counter, code: int, *, held: bool
) -> None:
    error = MetaError(code, f"(#{code}) No.", "", None, False, None)  # noqa: FBT003
    counter.cloud.outcome = Refused(META, error, f"{code}: no")
    await counter.handle(submission(1))
    counter.cloud.outcome = Accepted(META, "wamid.made-up")
    if not held:
        assert isinstance((await counter.handle(submission(2))).outcome, Accepted)
        return
    with pytest.raises(CongestedError) as congested:
        await counter.handle(submission(2))
    assert congested.value.code == code
    assert congested.value.retry_after_s == pytest.approx(60, abs=1)


@pytest.mark.parametrize(("code", "told"), [(368, 1), (131031, 1), (131026, 0), (190, 0)])
async def test_a_refusal_for_policy_is_told_because_meta_knows_of_a_restriction(
    counter: Counter, code: int, told: int
) -> None:
    heard: list[int] = []
    counter.dispatcher.on_policy_refusal = lambda: heard.append(code)
    error = MetaError(code, f"(#{code}) No.", "", None, False, None)  # noqa: FBT003
    counter.cloud.outcome = Refused(META, error, f"{code}: no")
    await counter.handle(submission(1))
    assert len(heard) == told
