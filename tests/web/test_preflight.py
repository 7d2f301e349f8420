import io
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.store import contacts
from gateway.store.contacts import ContactKey
from gateway.web import recipient_list
from gateway.whatsapp.ids import PhoneNumberId, PoolId, UserId
from tests.web.asking import ask
from tests.world import PORTFOLIO, SHARED, SMALL, Answer, MakeWorld, World

ANA, BEN, CAT = "+34600000001", "+34600000002", "+34600000003"
FROM_SMALL = {"phone_number_id": SMALL, "category": "marketing"}
GUARDED = {"activity": "enforce"}  # in the sandbox it is in shadow
OF_THE_LINE = {"line_speeds", "line_shares"}


async def asked(world: World, **body: Any) -> Any:
    answer = await ask(world, "POST", "/preflight", FROM_SMALL | body)
    assert answer.status == 200, answer
    return answer.json


async def streamed(world: World, body: bytes, content_type: str, query: str = "") -> Answer:
    query = query or f"phone_number_id={SMALL}&category=marketing"
    return await world.call(
        "POST",
        f"{world.admin_url}/admin/v1/preflight?{query}",
        data=io.BytesIO(body),
        headers={
            "Authorization": f"Bearer {world.keys.admin_key}",
            "Content-Type": content_type,
        },
    )


def slices(found: Any) -> list[tuple[int, str]]:
    return [(each["count"], each["rule"]) for each in found["slices"]]


async def test_a_count_is_planned_as_new_users(make_world: MakeWorld) -> None:
    world = await make_world(still=True)
    await world.turn(SMALL, rules=GUARDED)
    found = await asked(world, count=60)
    assert (found["total"], found["recipients"], found["new"], found["counted"]) == (60, 60, 60, 0)
    assert (found["now"], slices(found)) == (25, [(25, "throughput"), (35, "activity")])
    assert found["slices"][1]["sentence"] == "The number may start 100 new users an hour (usual)."
    # A quarter of the hour's hundred at once, the others every 76th part of it.
    last_at = datetime.fromisoformat(found["last_at"])
    wait = last_at - world.clock.now()
    evenly = 35 * timedelta(hours=1) / 76
    assert evenly <= wait < evenly + timedelta(seconds=1)
    assert found["days"] == [{"day": "2026-01-05", "count": 60}]
    assert (found["unplanned"], found["reason"], found["unreadable"]) == (0, None, [])
    assert found["pool_id"] == SMALL


async def test_what_may_go_now_goes_and_what_may_not_is_refused(make_world: MakeWorld) -> None:
    world = await make_world(still=True)
    await world.turn(SMALL, rules=GUARDED)
    users = [f"+346000001{index:02}" for index in range(30)]
    found = await asked(world, category="utility", recipients=users)
    assert found["now"] == 25
    for user in users[:25]:
        assert (await world.template(SMALL, user)).status == 200
    refused = await world.template(SMALL, users[25])
    assert (refused.status, refused.rule) == (429, "activity")
    assert found["slices"][1]["rule"] == "activity"
    again = await asked(world, category="utility", recipients=users)
    assert (again["counted"], again["new"]) == (25, 5)


async def test_every_form_of_a_list_is_read_alike(world: World) -> None:
    await world.template(SMALL, ANA)
    csv = f"phone,name\r\n{ANA},Ana\r\n{BEN},Ben\r\n{BEN},Ben\r\nnobody,\r\n".encode()
    lines = [json.dumps(line) for line in (ANA, {"to": BEN}, {"recipient": BEN}, "nobody")]
    answers = [
        await streamed(world, csv, "text/csv"),
        await streamed(world, f"{ANA}\n{BEN}\n{BEN}\nnobody".encode(), "text/plain"),
        await streamed(world, "\n".join(lines).encode(), "application/x-ndjson"),
    ]
    found = [await asked(world, recipients=[ANA, BEN, BEN, "nobody"])]
    found += [answer.json for answer in answers]
    for each in found:
        assert (each["total"], each["new"], each["counted"], each["now"]) == (4, 1, 1, 2)
        left_out = {"unreadable": 1, "duplicate": 1, "stopped": 0, "capped": 0}
        assert each["left_out"] == left_out
    assert [each["unreadable"][0]["line"] for each in found] == [4, 5, 4, 4]


async def test_who_stopped_marketing_or_is_resting_is_left_out_of_marketing(world: World) -> None:
    async with world.database.connection() as connection:
        key = ContactKey(PoolId(SMALL), PhoneNumberId(SMALL), UserId(ANA[1:]))
        await contacts.note_preference(connection, key, world.clock.now(), stopped=True)
        await connection.execute(
            "insert into contacts (pool_id, phone_number_id, user_id, capped_until)"
            " values ($1, $1, $2, $3)",
            SMALL,
            BEN[1:],
            world.clock.now() + timedelta(hours=5),
        )
    found = await asked(world, recipients=[ANA, BEN, CAT])
    assert (found["left_out"]["stopped"], found["left_out"]["capped"], found["now"]) == (1, 1, 1)
    assert found["capped_until"] is not None
    assert (await asked(world, recipients=[ANA, BEN], category="utility"))["now"] == 2


async def test_one_person_by_two_names_is_one(world: World) -> None:
    async with world.database.transaction() as connection:
        await contacts.unite(connection, PoolId(SMALL), "ES.1", UserId(ANA[1:]))
        await contacts.unite(connection, PoolId(SMALL), "ES.2", UserId(BEN[1:]))
        await contacts.unite(connection, PoolId(SMALL), "ES.3", UserId(BEN[1:]))
    found = await asked(world, recipients=[ANA, "ES.1", "ES.2", "ES.3", "ES.4"])
    assert (found["total"], found["recipients"], found["left_out"]["duplicate"]) == (5, 3, 2)


async def test_a_pool_sends_from_all_its_numbers(world: World) -> None:
    for number in SHARED:
        await world.turn(number, rules=GUARDED)
    found = await asked(world, phone_number_id=None, pool_id=PORTFOLIO, count=1700)
    assert sorted(found["phone_number_ids"]) == sorted(SHARED)
    # 500 an hour from each, a quarter of them at once; marketing has four fifths of 2,000.
    assert found["now"] == 375
    assert {rule for _, rule in slices(found)} == {"throughput", "activity", "share"}


async def test_the_template_says_itself_what_it_is(world: World) -> None:
    template = {"name": "order_update", "language": "en-US"}
    assert (await asked(world, count=1, template=template))["category"] == "utility"
    paused = await asked(world, count=1, template={"name": "winter_offer"})
    assert (paused["now"], paused["last_at"], paused["unplanned"]) == (0, None, 1)
    assert paused["reason"]["rule"] == "template"
    missing = await asked(world, count=1, template={"name": "nothing"})
    assert "does not exist" in missing["reason"]["sentence"]
    query = f"phone_number_id={SMALL}&category=marketing&template=order_update&language=en_US"
    assert (await streamed(world, b"", "text/csv", query)).json["category"] == "utility"


async def test_the_knobs_of_pool_and_number_hold(world: World) -> None:
    # With the activity guard in shadow the share of marketing is what holds.
    found = await asked(world, count=300)
    assert (found["now"], slices(found)[1]) == (200, (100, "share"))
    await world.turn(SMALL, rules=GUARDED)
    assert (await asked(world, count=300))["now"] == 25
    of_pool = {"knobs": {"activity_floor_users": 160}}
    await world.admin(f"/pools/{SMALL}", of_pool, method="PATCH")
    assert (await asked(world, count=300))["now"] == 40


async def test_a_preflight_counts_nothing_and_writes_nothing(make_world: MakeWorld) -> None:
    world = await make_world(still=True)
    await world.template(SMALL, ANA)
    await world.flush()
    before = await everything(world)
    assert "ledger" in before
    await asked(world, recipients=[ANA, BEN, "ES.1"])
    await asked(world, count=100_000)
    await streamed(world, b"+34600000009\n", "text/csv")
    assert await everything(world) == before


async def everything(world: World) -> dict[str, list[str]]:
    async with world.database.connection() as connection:
        tables = await connection.fetch(
            "select tablename from pg_tables where schemaname = 'public'"
        )
        # The line leases its shares of the throughput by the clock on the wall, whoever asks what.
        return {
            name: sorted(
                row["line"]
                for row in await connection.fetch(f"select t::text as line from {name} t")  # noqa: S608
            )
            for (name,) in tables
            if name not in OF_THE_LINE
        }


async def test_only_who_has_the_key_may_ask(world: World) -> None:
    assert (await ask(world, "POST", "/preflight", FROM_SMALL, key="wrong")).status == 401


@pytest.mark.parametrize(
    ("body", "status", "names"),
    [
        ({}, 400, "category"),
        ({"category": "marketing", "count": 1}, 400, "phone_number_id or pool_id"),
        (FROM_SMALL | {"pool_id": PORTFOLIO, "count": 1}, 400, "phone_number_id or pool_id"),
        (FROM_SMALL, 400, "count or recipients"),
        (FROM_SMALL | {"count": 1, "recipients": []}, 400, "count or recipients"),
        (FROM_SMALL | {"count": 1_000_001}, 400, "count"),
        (FROM_SMALL | {"count": 1, "category": "poetry"}, 400, "category"),
        (FROM_SMALL | {"count": 1, "more": 1}, 400, "more"),
        (FROM_SMALL | {"count": 1, "phone_number_id": "1"}, 404, "unknown: 1"),
        ({"pool_id": "1", "category": "utility", "count": 1}, 404, "unknown: 1"),
        (FROM_SMALL | {"recipients": [ANA] * 100_000}, 413, "too large"),
        (b"{", 400, "body"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(
    world: World, body: Any, status: int, names: str
) -> None:
    answer = await ask(world, "POST", "/preflight", body)
    assert (answer.status, names in answer.json["error"]["message"]) == (status, True), answer


@pytest.mark.parametrize(
    ("query", "content_type", "status", "names"),
    [
        ("category=marketing", "text/csv", 400, "phone_number_id or pool_id"),
        (f"phone_number_id={SMALL}", "text/csv", 400, "category"),
        (f"phone_number_id={SMALL}&category=utility&count=3", "text/csv", 400, "count"),
        (f"phone_number_id={SMALL}&category=utility&language=de", "text/csv", 400, "language"),
        (f"phone_number_id={SMALL}&category=utility&x=1", "text/csv", 400, "x"),
        ("phone_number_id=1&category=utility", "text/csv", 404, "unknown: 1"),
        (f"phone_number_id={SMALL}&category=utility", "image/png", 415, "text/csv"),
    ],
)
async def test_a_streamed_list_has_its_question_in_the_query(
    world: World, query: str, content_type: str, status: int, names: str
) -> None:
    answer = await streamed(world, b"+34600000001\n", content_type, query)
    assert (answer.status, names in answer.json["error"]["message"]) == (status, True), answer


async def test_a_list_that_is_too_long_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipient_list, "MOST", 10)
    lines = "".join(f"+346000000{index:02}\n" for index in range(11)).encode()
    answer = await streamed(world, lines, "text/csv")
    assert (answer.status, "at the most" in answer.json["error"]["message"]) == (413, True)


async def test_a_list_may_be_larger_than_any_other_body(world: World) -> None:
    lines = "".join(f"+3460{index:07},a name and more of it\n" for index in range(50_000)).encode()
    assert len(lines) > 1_500_000
    answer = await streamed(world, lines, "text/csv")
    assert (answer.status, answer.json["recipients"]) == (200, 50_000)


async def test_a_pool_without_numbers_sends_nothing(world: World) -> None:
    await world.admin("/pools/7", {"regime": "portfolio", "messaging_limit": 250})
    body = {"pool_id": "7", "category": "utility", "recipients": [ANA]}
    answer = await ask(world, "POST", "/preflight", body)
    assert (answer.status, "no number" in answer.json["error"]["message"]) == (400, True)


async def test_a_compressed_list_is_not_taken_for_a_list(world: World) -> None:
    answer = await world.call(
        "POST",
        f"{world.admin_url}/admin/v1/preflight",
        data=io.BytesIO(b"\x1f\x8b"),
        headers={
            "Authorization": f"Bearer {world.keys.admin_key}",
            "Content-Type": "text/csv",
            "Content-Encoding": "gzip",
        },
    )
    assert (answer.status, "gzip" in answer.json["error"]["message"]) == (415, True)
