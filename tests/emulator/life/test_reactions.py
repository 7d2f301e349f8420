"""In a lived world people react, and what becomes of a number is what it made of them."""

from itertools import islice

import orjson

from gateway.emulator import Emulator, World
from gateway.emulator.graph import sending
from gateway.emulator.life.lived import DAY_S
from gateway.emulator.messages import Send, parse
from gateway.emulator.registry import Number
from gateway.emulator.state import State
from tests.emulator.conftest import (
    FIRST,
    LONE,
    PORTFOLIO,
    WABA,
    Cloud,
    Receiver,
    Start,
    StillClock,
    flushed,
    template,
    world,
)

GRUMPY = {"opted_in": 0.0, "answering": 0.0, "irritability": 1000.0}
PHONES = [f"346{number:08d}" for number in range(60_000)]
SEED = 3


class Life:
    """A lived world without sockets, and one who sends in it."""

    def __init__(self, **changes: object) -> None:
        self.clock = StillClock()
        data = world().model_dump() | {"population": {"answering": 0.02}} | changes
        for number in data["numbers"]:
            number["throughput"] = 1_000_000
        emulator = Emulator(World.model_validate(data), clock=self.clock, seed=SEED)
        self.emulator = emulator
        self.state: State = emulator.state

    def number(self, phone_number_id: str) -> Number:
        return self.state.registry.numbers[phone_number_id]

    def send(self, phone: str, number: Number, name: str = "promo") -> bool:
        """Send one template; says whether it was accepted."""
        body = template(f"+{phone}", name)
        send = parse(orjson.dumps(body), number, lenient=False)
        assert isinstance(send, Send)
        outcome = sending.take(self.state, number, send, for_marketing=False)
        return isinstance(outcome, sending.Accepted)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.emulator.on_clock_advanced()


async def test_nobody_reacts_in_a_still_world(told: tuple[Cloud, Receiver]) -> None:
    cloud, receiver = told
    for phone in PHONES[:2]:
        await cloud.send(template(f"+{phone}"))
    cloud.clock.advance(7 * DAY_S)
    await flushed(cloud)
    assert {each["status"] for each in receiver.statuses()} == {"sent", "delivered"}
    assert [each for value in receiver.values() for each in value.get("messages", [])] == []
    assert not cloud.emulator.state.history.changes


async def test_people_who_are_annoyed_block_report_or_stop(
    start: Start, receiver: tuple[Receiver, str]
) -> None:
    taking, url = receiver
    cloud = await start(
        webhook_url=url,
        population=GRUMPY,
        portfolios=[{"id": PORTFOLIO, "messaging_limit": None}],
        templates=[
            {"id": "6", "waba_id": WABA, "name": "promo", "appeal": 0.0},
        ],
    )
    for phone in PHONES[:60]:
        await cloud.send(template(f"+{phone}"))
    cloud.clock.advance(DAY_S / 2)
    await flushed(cloud)
    state = cloud.emulator.state
    complaints = state.lived.complaints[FIRST]
    assert set(complaints) == {"block", "report", "stop"}
    assert len(taking.values("user_preferences")) == complaints["stop"]
    blocked = [each.phone for each in state.people.known() if each.has_blocked(FIRST)]
    assert len(blocked) == complaints["block"] + complaints["report"]

    taking.bodies.clear()
    await cloud.steer("/templates/promo", status="APPROVED")
    state.registry.numbers[FIRST].spam_limited_until = 0.0
    state.registry.restrictions.clear()
    assert (await cloud.send(template(f"+{blocked[0]}")))["http"] == 200
    await flushed(cloud)
    assert [each["status"] for each in taking.statuses()] == ["sent"]


async def test_people_answer_and_open_the_window(
    start: Start, receiver: tuple[Receiver, str]
) -> None:
    taking, url = receiver
    cloud = await start(webhook_url=url, population={"answering": 1.0})
    await cloud.send(template("+34600000001"))
    cloud.clock.advance(4 * 3600.0)
    await flushed(cloud)
    [answered] = [value["messages"][0] for value in taking.values() if "messages" in value]
    assert answered["from"] == "34600000001"
    now = cloud.emulator.state.now()
    assert cloud.emulator.state.memory.windows.is_open(FIRST, "34600000001", now)


def test_the_same_seed_meets_the_same_people() -> None:
    def complaints() -> object:
        life = Life(population=GRUMPY)
        for phone in PHONES[:200]:
            life.send(phone, life.number(LONE))
        life.pass_time(DAY_S)
        return life.state.lived.complaints, life.state.history.changes

    assert complaints() == complaints()


def test_a_reckless_sender_loses_its_number_within_days() -> None:
    """Twice a day the same to people of whom nobody asked for it: POL, 4 Nov 2025 (R§6.1)."""
    life = Life(population={"opted_in": 0.2})
    number = life.number(LONE)
    for text in life.state.registry.templates.values():
        text.appeal = 0.1
    lost_after = next(day for day in range(60) if _reckless_day(life, number))
    assert 5 < lost_after < 50
    ratings = [each.new for each in life.state.history.of(LONE, "quality_rating")]
    assert ratings[:2] == ["YELLOW", "RED"]
    assert "FLAGGED" in [each.new for each in life.state.history.of(LONE, "status")]
    statuses = [each.new for each in life.state.history.of("600000000000001", "template_status")]
    assert statuses[:5] == ["PAUSED", "APPROVED", "PAUSED", "APPROVED", "DISABLED"]


def _reckless_day(life: Life, number: Number) -> bool:
    for _ in range(2):
        for phone in PHONES[:300]:
            life.send(phone, number)
        life.pass_time(DAY_S / 2)
    for template_ in life.state.registry.templates.values():
        if template_.status == "DISABLED":  # whoever is reckless just makes another one
            template_.status, template_.pauses = "APPROVED", 0
    return number.status == "BANNED"


def test_a_careful_sender_grows_from_250_to_unlimited() -> None:
    """Source: LIM, 8 May 2026 (R§2.2)."""
    life = Life(population={"opted_in": 1.0, "answering": 0.02})
    number = life.number(FIRST)
    life.state.registry.portfolio_limits[PORTFOLIO] = 250
    for text in life.state.registry.templates.values():
        text.appeal = 0.9
    people = iter(PHONES)
    for _ in range(40):
        limit = life.state.registry.limit_of(number)
        if limit is None:
            break
        for phone in islice(people, min(limit // 2 + 1, 20_000)):
            assert life.send(phone, number)
        life.pass_time(DAY_S)
    limits = [each.new for each in life.state.history.of(PORTFOLIO, "messaging_limit")]
    assert limits == [2_000, 10_000, 100_000, None]
    assert number.quality_rating == "GREEN"
    assert life.state.lived.standings[WABA].rung == 0
