import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from tests.cli.command import Run
from tests.world import PORTFOLIO, SMALL, MakeWorld, World

ANA, BEN = "+34600000001", "+34600000002"


@pytest.fixture
async def still(make_world: MakeWorld) -> World:
    return await make_world(still=True)


def asks(world: World, *arguments: str) -> tuple[str, ...]:
    return (
        "preflight",
        *arguments,
        "--category=marketing",
        f"--admin-url={world.admin_url}",
        f"--admin-key={world.keys.admin_key}",
    )


async def test_a_file_is_planned_and_shown_in_plain_text(
    run: Run, still: World, tmp_path: Path
) -> None:
    await still.turn(SMALL, rules={"activity": "enforce"})
    path = tmp_path / "list.csv"
    lines = [f"+346000001{index:02},somebody" for index in range(60)]
    path.write_text("\n".join(["phone,name", *lines, "nobody"]))
    done = await run(*asks(still, str(path), f"--number={SMALL}"))
    assert (done.code, done.err) == (0, "")
    shown = done.out.splitlines()
    assert shown[:4] == [
        "60 recipients: 60 new, 0 counted already",
        "left out: 1 unreadable",
        "  line 62: nobody",
        "now: 25",
    ]
    assert "activity" in shown[-3]
    assert shown[-1].startswith("Mon 05 Jan 2026  ####")


async def test_machines_get_the_answer_itself(run: Run, still: World, tmp_path: Path) -> None:
    path = tmp_path / "list.ndjson"
    path.write_text("\n".join(json.dumps({"to": user}) for user in (ANA, BEN, BEN)))
    done = await run(*asks(still, str(path), f"--pool={PORTFOLIO}", "--json"))
    found = json.loads(done.out)
    assert (found["now"], found["left_out"]["duplicate"], found["pool_id"]) == (2, 1, PORTFOLIO)


async def test_a_count_needs_no_file(run: Run, still: World) -> None:
    done = await run(
        *asks(still, "--count=3", f"--number={SMALL}", "--template=order_update", "--json")
    )
    found = json.loads(done.out)
    assert (found["now"], found["category"]) == (3, "utility")


async def test_standard_input_is_a_list_too(still: World) -> None:
    def ask() -> Result:
        arguments = asks(still, "-", f"--number={SMALL}", "--template=order_update", "--json")
        return CliRunner().invoke(app, list(arguments), input=f"{ANA}\n{BEN}\n")

    done = await asyncio.to_thread(ask)
    found = json.loads(done.stdout)
    assert (found["total"], found["category"]) == (2, "utility")


async def test_a_sandbox_says_itself_where_it_is(run: Run, still: World, tmp_path: Path) -> None:
    written = {"admin_url": still.admin_url, "admin_key": still.keys.admin_key}
    (tmp_path / "sandbox.json").write_text(json.dumps(written))
    asked = ("preflight", "--count=3", f"--number={SMALL}", "--category=utility")
    done = await run(*asked, f"--sandbox={tmp_path}")
    assert (done.code, "now: 3" in done.out) == (0, True)
    done = await run(*asked, f"--sandbox={tmp_path / 'nowhere'}")
    assert (done.code, "is it running?" in done.line) == (1, True)


async def test_what_is_wrong_is_told_in_one_line(run: Run, still: World, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.csv")
    small = f"--number={SMALL}"
    for arguments, says in (
        (asks(still, missing, small), "No such file"),
        (asks(still, small), "either a file"),
        (asks(still, "x.csv", small, "--count=1"), "either a file"),
        (asks(still, "--count=1", "--number=1"), "unknown: 1"),
        (asks(still, "--count=1"), "phone_number_id or pool_id"),
        ((*asks(still, "--count=1", small), "--admin-key=wrong"), "the admin key is required"),
        (
            (*asks(still, "--count=1", small), "--admin-url=http://127.0.0.1:1"),
            "http://127.0.0.1:1 cannot be reached",
        ),
    ):
        done = await run(*arguments)
        assert (done.code, done.out, says in done.line) == (1, "", True), done
