import asyncio
import json
from datetime import timedelta

import pytest
from aiohttp import web
from typer.testing import CliRunner

from gateway.cli import app, demo
from tests.cli.command import Finished, Run
from tests.cli.test_admin_door import serving
from tests.world import SMALL, MakeWorld, World

ANA, BEN, CAT = "+34600000001", "+34600000002", "+34600000003"


@pytest.fixture
async def still(make_world: MakeWorld) -> World:
    return await make_world(still=True)


def asks(world: World, *arguments: str) -> tuple[str, ...]:
    door = (f"--admin-url={world.admin_url}", f"--admin-key={world.keys.admin_key}")
    return ("outbox", *arguments, *door)


async def park(world: World, user: str, name: str = "order_update") -> str:
    """Have a message wait for an hour of its own; return its id."""
    at = (world.clock.now() + timedelta(hours=1)).isoformat()
    answer = await world.template(SMALL, user, name, headers={"Gateway-Send-At": at})
    assert answer.status == 202
    return answer.headers["Gateway-Message-Id"]


async def three(world: World) -> list[str]:
    """Park two of utility and one of marketing."""
    return [
        await park(world, ANA),
        await park(world, BEN),
        await park(world, CAT, "autumn_offer"),
    ]


async def here(*arguments: str) -> Finished:
    """Run the command in this process, which is faster than in one of its own."""
    done = await asyncio.to_thread(CliRunner().invoke, app, list(arguments))
    return Finished(done.exit_code, done.stdout, done.stderr)


def shown(done: Finished) -> list[list[str]]:
    """Return what a command has printed, line by line and column by column."""
    assert (done.code, done.err) == (0, ""), done
    return [[cell.strip() for cell in line.split("  ") if cell] for line in done.out.splitlines()]


async def test_what_waits_is_counted_in_a_table(run: Run, still: World) -> None:
    assert shown(await run(*asks(still, "count"))) == [["nothing"], ["total: 0"]]
    await three(still)
    assert shown(await here(*asks(still, "count"))) == [
        ["number", "class", "state", "reason", "messages", "oldest due (UTC)"],
        [SMALL, "utility", "parked", "schedule", "2", "2026-01-05 10:30:00"],
        [SMALL, "marketing", "parked", "schedule", "1", "2026-01-05 10:30:00"],
        ["total: 3"],
    ]


async def test_what_waits_is_listed_with_its_reason_page_by_page(still: World) -> None:
    first = await park(still, ANA)
    await still.advance(1)
    second = await park(still, BEN)
    await still.advance(1)
    third = await park(still, CAT, "autumn_offer")
    titles, newest, older, more = shown(await here(*asks(still, "list", "--limit=2")))
    hours = "due (UTC)", "expires (UTC)"
    assert titles == [*("message", "number", "user", "app", "class", "state", *hours, "reason")]
    at = "2026-01-05 10:30:02", "2026-01-08 10:30:02"
    user = CAT.lstrip("+")
    waits = [third, SMALL, user, demo.APP, "marketing", "parked", *at]
    assert newest[:-1] == waits
    assert newest[-1].startswith("schedule: ")
    assert (older[0], more) == (second, [f"more: --before {second}"])
    _, oldest = shown(await here(*asks(still, "list", "--limit=2", f"--before={second}")))
    assert oldest[0] == first
    assert shown(await here(*asks(still, "list", "--state=dead"))) == [["nothing"]]


async def test_every_filter_reaches_the_gateway(still: World) -> None:
    first, _, third = await three(still)
    for option, expected in (
        (f"--number={SMALL}", 3),
        ("--number=1", 0),
        (f"--pool={SMALL}", 3),
        ("--pool=1", 0),
        (f"--app={demo.APP}", 3),
        ("--app=nobody", 0),
        ("--class=marketing", 1),
        (f"--user={ANA.lstrip('+')}", 1),
        (f"--message={third}", 1),
        ("--rule=schedule", 3),
        ("--rule=messaging_limit", 0),
        ("--state=parked", 3),
        ("--state=held", 0),
    ):
        found = json.loads((await here(*asks(still, "count", option, "--json"))).out)
        assert found["total"] == expected, option
    found = json.loads((await here(*asks(still, "list", f"--message={first}", "--json"))).out)
    assert [parcel["message_id"] for parcel in found["parcels"]] == [first]


async def test_a_deed_only_counts_until_it_is_told_yes(still: World) -> None:
    await three(still)
    marketing = "--class=marketing"
    would = await here(*asks(still, "hold", marketing))
    assert shown(would) == [["would hold: 1 (do it with --yes)"]]
    assert (await still.admin("/outbox/count?state=held"))["total"] == 0
    assert shown(await here(*asks(still, "hold", marketing, "--yes"))) == [["hold: 1"]]
    assert (await still.admin("/outbox/count?state=held"))["total"] == 1
    assert shown(await here(*asks(still, "resume", "--yes"))) == [["resume: 1"]]
    would = await here(*asks(still, "cancel", "--json"))
    assert json.loads(would.out) == {"action": "cancel", "preview": True, "affected": 3}
    done = await here(*asks(still, "cancel", "--yes", "--json"))
    assert json.loads(done.out) == {"action": "cancel", "preview": False, "affected": 3}
    assert (await still.admin("/outbox/count"))["total"] == 0
    late = "--expires-at=2026-02-01T00:00:00Z"
    assert shown(await here(*asks(still, "redrive", late))) == [
        ["would redrive: 0 (do it with --yes)"]
    ]


async def test_a_deed_goes_on_until_there_is_no_more() -> None:
    """One request does it to a bounded number."""
    answers = [
        {"preview": False, "affected": 50_000, "more": True},
        {"preview": False, "affected": 50_000, "more": True},
        {"preview": False, "affected": 7, "more": False},
    ]

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(answers.pop(0))

    async with serving(answer) as url:
        done = await here("outbox", "hold", "--yes", f"--admin-url={url}", "--admin-key=k")
    assert shown(done) == [["hold: 100007"]]


async def test_a_deed_that_breaks_off_says_how_far_it_went() -> None:
    answers = [
        web.json_response({"preview": False, "affected": 50_000, "more": True}),
        web.json_response({"error": {"message": "the database is away"}}, status=503),
    ]

    async def answer(_request: web.Request) -> web.Response:
        return answers.pop(0)

    async with serving(answer) as url:
        done = await here("outbox", "hold", "--yes", f"--admin-url={url}", "--admin-key=k")
    assert (done.code, done.out) == (1, "")
    assert done.line == "gateway: the database is away (hold: 50000 so far)"


async def test_what_is_wrong_is_told_in_one_line(still: World) -> None:
    for arguments, says in (
        (asks(still, "list", "--state=lost"), "state: "),
        (asks(still, "count", "--class=urgent"), "send_class: "),
        (asks(still, "list", "--limit=0"), "limit: must be between 1 and 500"),
        (asks(still, "list", "--before=7"), "before: must be a message id"),
        (asks(still, "cancel", "--message=7"), "message_id: "),
        (asks(still, "cancel", "--state=sending"), "nothing to cancel of what is sending"),
        (asks(still, "hold", "--limit=3"), "limit: "),
        (asks(still, "redrive", "--expires-at=tomorrow"), "expires_at: "),
        (asks(still, "redrive", "--expires-at=2020-01-01T00:00:00Z"), "must be ahead"),
        (asks(still, "hold", "--expires-at=2099-01-01T00:00:00Z"), "redrive only"),
        ((*asks(still, "count"), "--admin-key=wrong"), "the admin key is required"),
        ((*asks(still, "count"), "--admin-url=http://127.0.0.1:1"), "cannot be reached"),
    ):
        done = await here(*arguments)
        assert (done.code, done.out, says in done.line) == (1, "", True), done
