import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from gateway.cli import demo
from gateway.store import backlog
from gateway.store.backlog import Deed, Tally
from tests.builders import text_body
from tests.web.asking import ask
from tests.world import MIDDLE, PORTFOLIO, SHARED, SMALL, MakeWorld, World, until

ANA, BEN, CAT = "+34600000001", "+34600000002", "+34600000003"
SECRET = "nobody else is to read this"


async def park(world: World, user: str, name: str = "order_update", number: str = SMALL) -> str:
    """Have a message wait for an hour of its own; return its id."""
    at = (world.clock.now() + timedelta(hours=1)).isoformat()
    answer = await world.template(number, user, name, headers={"Gateway-Send-At": at})
    assert answer.status == 202
    return answer.headers["Gateway-Message-Id"]


async def listed(world: World, query: str = "") -> list[str]:
    return [each["message_id"] for each in (await world.admin(f"/outbox?{query}"))["parcels"]]


async def count(world: World) -> dict[tuple[str, str], int]:
    found = await world.admin("/outbox/count")
    groups: Counter[tuple[str, str]] = Counter()
    for group in found["groups"]:
        groups[group["send_class"], group["state"]] += group["parcels"]
    assert found["total"] == groups.total()
    return dict(groups)


async def do(world: World, deed: str, **body: Any) -> int:
    """Do a deed by filter, having seen that the preview changes nothing and says the same."""
    before = await count(world)
    previewed = await world.admin(f"/outbox/{deed}", body)
    assert await count(world) == before
    done = await world.admin(f"/outbox/{deed}", {**body, "preview": False})
    affected: int = done["affected"]
    assert previewed == {"preview": True, "affected": affected, "more": False}
    assert done == {"preview": False, "affected": affected, "more": False}
    return affected


async def test_the_outbox_is_paged_newest_first_without_gaps_or_repeats(world: World) -> None:
    parked = [
        await park(world, user, number=n) for n in (SMALL, MIDDLE) for user in (ANA, BEN, CAT)
    ]
    found: list[str] = []
    following: str | None = None
    for _ in range(len(parked)):
        before = f"&before={following}" if following else ""
        page = await world.admin(f"/outbox?limit=4{before}")
        found += [each["message_id"] for each in page["parcels"]]
        following = page["next"]
        if following is None:
            break
    assert found == sorted(parked, reverse=True)


async def test_a_parcel_is_shown_with_its_reason_and_without_its_text(world: World) -> None:
    at = (world.clock.now() + timedelta(hours=1)).isoformat()
    await world.inbound(SMALL, ANA)
    answer = await world.send(SMALL, text_body(ANA, SECRET), headers={"Gateway-Send-At": at})
    assert answer.status == 202
    shown = await ask(world, "GET", "/outbox")
    (parcel,) = shown.json["parcels"]
    assert parcel["message_id"] == answer.headers["Gateway-Message-Id"]
    assert (parcel["state"], parcel["rule"], parcel["claimed"]) == ("parked", "schedule", False)
    assert (parcel["app_id"], parcel["user_id"]) == (demo.APP, ANA.lstrip("+"))
    assert parcel["due_at"] < parcel["expires_at"]
    assert "sealed" not in parcel
    assert SECRET not in shown.body.decode()


async def test_the_outbox_is_filtered(world: World) -> None:
    first = await park(world, ANA)
    second = await park(world, BEN, "autumn_offer")
    third = await park(world, ANA, number=MIDDLE)
    await world.admin("/outbox/hold", {"phone_number_id": MIDDLE, "preview": False})
    for query, expected in {
        f"phone_number_id={SMALL}": [second, first],
        f"pool_id={MIDDLE}": [third],
        "send_class=marketing": [second],
        f"app_id={demo.APP}": [third, second, first],
        "app_id=nobody": [],
        f"user_id={ANA.lstrip('+')}": [third, first],
        f"message_id={second}": [second],
        "state=held": [third],
        "rule=schedule": [third, second, first],
        "rule=schedule&send_class=utility&state=parked": [first],
    }.items():
        assert await listed(world, query) == expected, query
        total = (await world.admin(f"/outbox/count?{query}"))["total"]
        assert total == len(expected), query


async def test_what_waits_is_counted_by_number_class_state_and_rule(
    make_world: MakeWorld,
) -> None:
    world = await make_world(still=True)
    for user in (ANA, BEN):
        await park(world, user)
    await park(world, CAT, "autumn_offer")
    due = (world.clock.now() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    found = await world.admin("/outbox/count")
    same = {
        "phone_number_id": SMALL,
        "state": "parked",
        "rule": "schedule",
        "oldest_due_at": due,
        "claimed": 0,
        "late": 0,
    }
    assert found == {
        "total": 3,
        "groups": [
            {"send_class": "utility", "parcels": 2, **same},
            {"send_class": "marketing", "parcels": 1, **same},
        ],
    }


async def test_deeds_are_done_by_filter_and_only_when_told(world: World) -> None:
    message = await park(world, ANA)
    await park(world, BEN, "autumn_offer")
    assert await do(world, "hold", send_class="marketing") == 1
    held, parked = ("marketing", "held"), ("utility", "parked")
    assert await count(world) == {held: 1, parked: 1}
    assert await do(world, "hold", send_class="marketing") == 0
    assert await do(world, "resume", send_class="utility") == 0
    assert await do(world, "resume") == 1
    assert await do(world, "cancel", message_id=message) == 1
    assert await count(world) == {("marketing", "parked"): 1}
    story = await world.admin(f"/messages/{message}")
    assert (story["state"], story["retry_at"]) == ("cancelled", None)


async def test_what_was_resumed_goes_at_once_and_what_was_cancelled_never(
    make_world: MakeWorld,
) -> None:
    """The releaser, which had tried in vain, hears of it."""
    world = await make_world(limits={PORTFOLIO: 2}, headroom=0.0)
    number = SHARED[0]
    answers = [
        await world.template(number, f"+3460000002{n}", headers={"Prefer": "respond-async"})
        for n in range(5)
    ]
    assert [answer.status for answer in answers] == [200, 200, 202, 202, 202]
    cancelled, *others = (answer.headers["Gateway-Message-Id"] for answer in answers[2:])

    async def all_are_held() -> bool:
        # What is just being tried is left alone, so it may take more than one.
        await world.admin("/outbox/hold", {"preview": False})
        return await count(world) == {("utility", "held"): 3}

    await until(all_are_held, "three that are held")
    assert await do(world, "cancel", message_id=cancelled) == 1
    # Meta's too, or the next reading of its node would take the limit back.
    await world.steer(f"/numbers/{number}", {"messaging_limit": 10})
    await world.admin(f"/pools/{PORTFOLIO}", {"messaging_limit": 10}, method="PATCH")
    assert (await world.admin("/outbox/resume", {"preview": False}))["affected"] == 2

    async def have_gone() -> bool:
        return await count(world) == {}

    await until(have_gone, "the end of the outbox")
    assert len(await world.accepted(number)) == 4
    for message in others:
        assert (await world.admin(f"/messages/{message}"))["outcome"]["wamid"]
    assert (await world.admin(f"/messages/{cancelled}"))["state"] == "cancelled"


@pytest.mark.parametrize(
    ("method", "path", "body", "names"),
    [
        ("GET", "/outbox?colour=red", None, "colour"),
        ("GET", "/outbox?state=lost", None, "state"),
        ("GET", "/outbox?send_class=urgent", None, "send_class"),
        ("GET", "/outbox?message_id=7", None, "message_id"),
        ("GET", "/outbox?before=7", None, "before"),
        ("GET", "/outbox?limit=0", None, "limit"),
        ("GET", "/outbox?pool_id=a%20b", None, "pool_id"),
        ("GET", "/outbox/count?limit=1", None, "limit"),
        ("GET", "/outbox/count?state=", None, "state"),
        ("POST", "/outbox/cancel", {"colour": "red"}, "colour"),
        ("POST", "/outbox/cancel", b"", "body"),
        ("POST", "/outbox/cancel", {"user_id": "a b"}, "user_id"),
        ("POST", "/outbox/cancel", {"state": "sending"}, "cancel of what is sending"),
        ("POST", "/outbox/hold", {"state": "held"}, "hold of what is held"),
        ("POST", "/outbox/resume", {"state": "dead"}, "resume of what is dead"),
        ("POST", "/outbox/redrive", {"state": "parked"}, "redrive of what is parked"),
        ("POST", "/outbox/redrive", {"expires_at": "2026-01-01T00:00:00"}, "expires_at"),
        ("POST", "/outbox/redrive", {"expires_at": "2026-01-01T00:00:00Z"}, "must be ahead"),
        ("POST", "/outbox/hold", {"expires_at": "2099-01-01T00:00:00Z"}, "redrive only"),
    ],
)
async def test_what_makes_no_sense_is_400_says_why_and_does_nothing(
    world: World, method: str, path: str, body: Any, names: str
) -> None:
    await park(world, ANA)
    before = await world.admin("/outbox")
    if isinstance(body, dict):
        body |= {"preview": False}
    answer = await ask(world, method, path, body)
    assert (answer.status, names in answer.json["error"]["message"]) == (400, True), answer
    assert await world.admin("/outbox") == before


@pytest.mark.parametrize("path", ["/outbox", "/outbox/count", *(f"/outbox/{d}" for d in Deed)])
async def test_nobody_without_the_key_sees_or_does_anything(world: World, path: str) -> None:
    method = "GET" if path in ("/outbox", "/outbox/count") else "POST"
    assert (await ask(world, method, path, key="wrong")).status == 401
    other = "POST" if method == "GET" else "GET"
    assert (await ask(world, other, path)).status == 404


async def test_counts_take_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each looks at everything: many at once would leave no connection to who sends."""
    at_once, most, three_wait = 0, 0, asyncio.Event()
    counted = backlog.count

    async def counting(*arguments: Any) -> list[Tally]:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await three_wait.wait()
        found = await counted(*arguments)
        at_once -= 1
        return found

    monkeypatch.setattr(backlog, "count", counting)
    asked = [asyncio.create_task(world.admin("/outbox/count")) for _ in range(3)]
    await until(lambda: _is(most), "a count")
    await listed(world)
    three_wait.set()
    assert [answer["total"] for answer in await asyncio.gather(*asked)] == [0, 0, 0]
    assert most == 1


async def _is(found: int) -> int:
    return found
