import asyncio
from typing import Any

import orjson
import pytest

from gateway.emulator import Knobs, messages
from gateway.emulator.life import delivery
from gateway.emulator.registry import Group, Number
from gateway.emulator.rules.case import Case
from gateway.emulator.webhooks.updates import Sent
from tests.emulator.conftest import (
    ANA,
    BEN,
    FIRST,
    WABA,
    Cloud,
    Receiver,
    Start,
    flushed,
    state,
    template,
    text,
)

DIGITS = ANA.removeprefix("+")
UNLIMITED = [{"id": "400000000000004", "messaging_limit": None}]
DAY_S = 86_400.0
Telling = tuple[Receiver, str]


async def statuses(cloud: Cloud, receiver: Receiver) -> list[tuple[str, int]]:
    """Give what was told so far: each status and how long after the start it happened."""
    await cloud.told("/state")  # reads the clock
    await flushed(cloud)
    began = int(cloud.emulator.state.started_at)
    return [(each["status"], int(each["timestamp"]) - began) for each in receiver.statuses()]


async def names(cloud: Cloud, receiver: Receiver) -> list[str]:
    return [name for name, _ in await statuses(cloud, receiver)]


async def test_a_slot_is_taken_when_the_knob_says(start: Start, receiver: Telling) -> None:
    """Source: LIM, 8 May 2026, which says deliver (R§12.1 row 2)."""
    _, url = receiver
    cloud = await start(webhook_url=url, knobs=Knobs(count_on="delivered", status_delay_s=60))
    await cloud.send(template(ANA))
    assert (await cloud.number(FIRST))["counted_users"] == 0
    cloud.clock.advance(61)
    assert (await cloud.number(FIRST))["counted_users"] == 1
    await flushed(cloud)


async def test_without_delays_all_is_told_at_once_and_in_order(
    start: Start, receiver: Telling
) -> None:
    taking, url = receiver
    cloud = await start(webhook_url=url, knobs=Knobs(read=True))
    await cloud.send(template(ANA))
    assert await statuses(cloud, taking) == [("sent", 0), ("delivered", 0), ("read", 0)]
    assert len(taking.bodies) == 1


async def test_each_status_bears_the_instant_at_which_it_happened(
    start: Start, receiver: Telling
) -> None:
    """Source: W-STAT, 14 Sep 2026 (R§8.4)."""
    taking, url = receiver
    knobs = Knobs(status_delay_s=2, delivered_after_s=10, read_after_s=60, read=True)
    cloud = await start(webhook_url=url, knobs=knobs)
    await cloud.send(template(ANA))
    assert await statuses(cloud, taking) == []
    cloud.clock.advance(2)
    assert await statuses(cloud, taking) == [("sent", 2)]
    cloud.clock.advance(1000)
    told = await statuses(cloud, taking)
    assert told == [("sent", 2), ("delivered", 12), ("read", 72)]


async def test_jitter_makes_delays_longer_and_each_message_otherwise(
    start: Start, receiver: Telling
) -> None:
    taking, url = receiver
    knobs = Knobs(delivered_after_s=1000, jitter=0.5)
    cloud = await start(webhook_url=url, knobs=knobs, portfolios=UNLIMITED)
    for last in range(20):
        await cloud.send(template(f"+3460000001{last:02}"))
    cloud.clock.advance(2000)
    delays = [after for name, after in await statuses(cloud, taking) if name == "delivered"]
    assert len(delays) == 20
    assert len(set(delays)) > 10
    assert all(1000 <= delay <= 1500 for delay in delays)


@pytest.mark.parametrize(("rate", "share"), [(0.0, 0), (0.5, 20), (1.0, 40)])
async def test_some_messages_tell_their_statuses_in_another_order(
    start: Start, receiver: Telling, rate: float, share: int
) -> None:
    """Source: SEND, W-STAT (R§8.1): no order is promised, and nothing is lost."""
    taking, url = receiver
    knobs = Knobs(read=True, read_after_s=5, reorder_rate=rate)
    cloud = await start(webhook_url=url, knobs=knobs, portfolios=UNLIMITED)
    for last in range(40):
        await cloud.send(template(f"+3460000001{last:02}"))
    cloud.clock.advance(10)
    await statuses(cloud, taking)
    orders: dict[str, list[str]] = {}
    for each in taking.statuses():
        orders.setdefault(each["id"], []).append(each["status"])
    usual = ["sent", "delivered", "read"]
    assert all(sorted(order) == sorted(usual) for order in orders.values())
    assert abs(sum(order != usual for order in orders.values()) - share) <= (
        8 if share == 20 else 0
    )


def delivered_at(*wamids: str) -> dict[str, float]:
    """Let messages follow each other in a fresh emulator; gives when each was delivered."""
    knobs = Knobs(delivered_after_s=1000, jitter=1.0, status_delay_s=100)
    one = state(knobs=knobs)
    heard: dict[str, float] = {}
    one.on_delivered.append(lambda _, sent, now: heard.update({sent.wamid: now}))
    number = one.registry.numbers[FIRST]
    parsed = messages.parse(orjson.dumps(text()), number, lenient=False)
    assert isinstance(parsed, messages.Send)
    case = Case(
        send=parsed,
        number=number,
        template=None,
        is_reply=True,
        now=0.0,
        registry=one.registry,
        memory=one.memory,
        people=one.people,
        knobs=one.knobs,
    )
    for wamid in wamids:
        sent = Sent(wamid, DIGITS, by_bsuid=False, to_group=False, category="", callback_data=None)
        delivery.follow(one, case, sent, None)
    one.schedule.run_due(1e6)
    return heard


def test_other_messages_do_not_shift_the_delays_of_one() -> None:
    """The draws hang on the seed and the message alone."""
    alone, together = delivered_at("wamid.x"), delivered_at("wamid.a", "wamid.b", "wamid.x")
    assert alone["wamid.x"] == together["wamid.x"]
    assert len(set(together.values())) == 3


async def test_a_reaction_is_only_sent(told: tuple[Cloud, Receiver]) -> None:
    """Source: M/messages/reaction-messages (R§1.3)."""
    cloud, receiver = told
    wamid = await cloud.write()
    reaction = {"message_id": wamid, "emoji": "👍"}
    await cloud.send(
        {"messaging_product": "whatsapp", "to": ANA, "type": "reaction", "reaction": reaction}
    )
    assert await names(cloud, receiver) == ["sent"]


@pytest.mark.parametrize(("voice", "last"), [(True, "played"), (False, "read")])
async def test_a_voice_message_is_played(
    start: Start, receiver: Telling, last: str, *, voice: bool
) -> None:
    """Source: CHLOG #364, 3 Nov 2025 (R§8.4)."""
    taking, url = receiver
    cloud = await start(webhook_url=url, knobs=Knobs(read=True))
    await cloud.write()
    audio = {"link": "https://example.com/a.ogg", "voice": voice}
    await cloud.send({"messaging_product": "whatsapp", "to": ANA, "type": "audio", "audio": audio})
    assert (await names(cloud, taking))[-1] == last


async def test_who_has_blocked_the_business_is_never_reached(
    start: Start, receiver: Telling
) -> None:
    """Source: SEND, FAQ (R§7.9.6): it stays `sent` for ever."""
    taking, url = receiver
    users = [{"phone": DIGITS, "blocked_business": True}]
    cloud = await start(webhook_url=url, users=users, knobs=Knobs(read=True))
    await cloud.send(template(ANA))
    cloud.clock.advance(40 * DAY_S)
    assert await statuses(cloud, taking) == [("sent", 0)]


async def offline(start: Start, receiver: Telling, **more: Any) -> Cloud:
    users = [{"phone": DIGITS, "offline": True}]
    return await start(webhook_url=receiver[1], users=users, **more)


async def test_who_comes_back_online_is_given_what_waits(start: Start, receiver: Telling) -> None:
    """Source: SEND (R§12.3 Users)."""
    cloud = await offline(start, receiver, knobs=Knobs(read=True, read_after_s=5))
    for name in ("promo", "order"):
        await cloud.send(template(ANA, name))
    cloud.clock.advance(3600)
    assert await names(cloud, receiver[0]) == ["sent", "sent"]
    await cloud.steer(f"/users/{DIGITS}", offline=False)
    cloud.clock.advance(60)
    told = await statuses(cloud, receiver[0])
    assert told[2:] == [("delivered", 3600)] * 2 + [("read", 3605)] * 2
    await cloud.steer(f"/users/{DIGITS}", offline=True)
    await cloud.steer(f"/users/{DIGITS}", offline=False)
    assert len(await statuses(cloud, receiver[0])) == len(told)


@pytest.mark.parametrize(
    ("category", "own_ttl", "ttl_s"),
    [
        ("MARKETING", None, 30 * DAY_S),
        ("AUTHENTICATION", None, 600.0),
        ("AUTHENTICATION", 60, 60.0),
        ("UTILITY", 3600, 3600.0),
        ("AUTHENTICATION", -1, 30 * DAY_S),
    ],
)
@pytest.mark.parametrize("is_too_late", [False, True])
async def test_what_is_not_delivered_in_its_time_is_dropped(
    start: Start,
    receiver: Telling,
    category: str,
    own_ttl: int | None,
    ttl_s: float,
    *,
    is_too_late: bool,
) -> None:
    """Source: TTL, late 2025 (R§6.4): dropped, with no further word."""
    one = {"id": "600000000000001", "waba_id": WABA, "name": "promo", "category": category}
    templates = [one | {"message_send_ttl_seconds": own_ttl}]
    cloud = await offline(start, receiver, templates=templates)
    await cloud.send(template(ANA))
    cloud.clock.advance(ttl_s - 1 + is_too_late)
    await cloud.steer(f"/users/{DIGITS}", offline=False)
    assert await names(cloud, receiver[0]) == (["sent"] if is_too_late else ["sent", "delivered"])


async def test_a_free_form_message_waits_for_30_days(start: Start, receiver: Telling) -> None:
    """Source: TTL, late 2025 (R§6.4)."""
    cloud = await offline(start, receiver)
    await cloud.write()
    await cloud.send(text())
    cloud.clock.advance(30 * DAY_S - 1)
    await cloud.steer(f"/users/{DIGITS}", offline=False)
    assert await names(cloud, receiver[0]) == ["sent", "delivered"]


async def test_statuses_of_a_send_to_a_user_id_name_no_phone(
    start: Start, receiver: Telling
) -> None:
    """Source: W-STAT, BSUID (R§1.4, R§8.4)."""
    taking, url = receiver
    users = [{"phone": DIGITS, "username_only": True, "name": "Ana Ex"}]
    cloud = await start(webhook_url=url, users=users)
    await cloud.write()
    await flushed(cloud)
    user_id = taking.values()[0]["contacts"][0]["user_id"]
    message = text() | {"recipient": user_id}
    del message["to"]
    await cloud.send(message)
    await flushed(cloud)
    assert DIGITS not in str(taking.values())
    assert taking.values()[1]["contacts"] == [{"profile": {"name": "Ana Ex"}, "user_id": user_id}]
    assert taking.statuses()[0]["recipient_user_id"] == user_id


async def test_in_a_group_each_status_is_told_of_each_member(told: tuple[Cloud, Receiver]) -> None:
    """Source: GRP (R§1.9)."""
    cloud, receiver = told
    members = {DIGITS: ANA, BEN.removeprefix("+"): BEN}
    group = Group("a-group", FIRST, "subject", "", 0.0, members)
    cloud.emulator.state.registry.groups[group.id] = group
    await cloud.steer("/inbound", phone_number_id=FIRST, group_id="a-group", **{"from": ANA})
    await cloud.send(text("a-group", recipient_type="group"))
    await flushed(cloud)
    told_of = [(each["status"], each["recipient_participant_id"]) for each in receiver.statuses()]
    assert told_of == [(name, who) for name in ("sent", "delivered") for who in members]


async def test_whoever_listens_hears_of_what_was_delivered(start: Start) -> None:
    """With or without statuses: what happens does not hang on who is told."""
    users = [{"phone": "34600000009", "blocked_business": True}]
    knobs = Knobs(statuses=False, delivered_after_s=10)
    cloud = await start(knobs=knobs, users=users)
    heard: list[tuple[str, str, bool, float]] = []

    def listen(number: Number, sent: Sent, now: float) -> None:
        name = sent.template.name if sent.template else sent.type
        heard.append((number.id, name, sent.is_reply, now))

    cloud.emulator.state.on_delivered.append(listen)
    await cloud.send(template(ANA))
    await cloud.write(BEN)
    await cloud.send(text(BEN))
    await cloud.send(template("+34600000009"))
    await cloud.send(text("+34600000008"))  # outside the window, so that it fails
    assert heard == []
    cloud.clock.advance(60)
    await cloud.told("/state")
    due = cloud.emulator.state.started_at + 10
    assert heard == [(FIRST, "promo", False, due), (FIRST, "text", True, due)]


async def test_a_throttled_number_is_told_of_once_a_second(start: Start, receiver: Telling) -> None:
    """Source: W-ERRS, 17 Jun 2026 (R§8.4, R§12.3 Throughput)."""
    taking, url = receiver
    cloud = await start(webhook_url=url, knobs=Knobs(throttle_webhook=True, statuses=False))
    cloud.emulator.state.registry.numbers[FIRST].throughput = 1
    for _ in range(2):
        codes = [(await cloud.send(template(ANA)))["http"] for _ in range(3)]
        assert codes == [200, 400, 400]
        cloud.clock.advance(1)
    await flushed(cloud)
    assert [each["errors"][0]["code"] for each in taking.values()] == [130429, 130429]


async def test_a_throttled_number_is_not_told_of_unless_the_knob_says_so(
    told: tuple[Cloud, Receiver],
) -> None:
    cloud, receiver = told
    cloud.emulator.state.registry.numbers[FIRST].throughput = 1
    await asyncio.gather(*(cloud.send(template(ANA)) for _ in range(3)))
    await flushed(cloud)
    assert all("errors" not in value for value in receiver.values())


@pytest.mark.parametrize("has_contacts", [False, True])
async def test_failed_statuses_have_contacts_if_the_knob_says_so(
    start: Start, receiver: Telling, *, has_contacts: bool
) -> None:
    """Source: W-STAT, 14 Sep 2026 (R§8.3): none; pywa 4.4 expects them."""
    taking, url = receiver
    cloud = await start(webhook_url=url, knobs=Knobs(contacts_on_failures=has_contacts))
    await cloud.send(text())
    await flushed(cloud)
    assert ("contacts" in taking.values()[0]) is has_contacts
