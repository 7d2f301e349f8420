import signal
import socket

import pytest

from tests.cli.command import Run, Start
from tests.world import HOST, SMALL, World, until


async def test_without_migrations_it_says_what_to_do(run: Run, postgres_url: str) -> None:
    done = await run("serve", database_url=postgres_url)
    assert done.code == 1
    assert done.line.startswith("gateway: the database lacks 0001_")
    assert done.line.endswith("run `gateway migrate`")


async def test_a_port_that_is_taken_is_one_line(run: Run, database_url: str) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = str(taken.getsockname()[1])
        for ports in ((port, "0"), ("0", port)):
            done = await run(
                "serve",
                "--port",
                ports[0],
                "--admin-port",
                ports[1],
                database_url=database_url,
                log_level="ERROR",
                cloud_url="http://127.0.0.1:1",
            )
            assert done.code == 1
            assert done.line.startswith("gateway: cannot listen: ")
            assert port in done.line


async def test_without_a_database_it_does_not_start(run: Run) -> None:
    done = await run("serve", database_url="postgresql://gateway:made-up-secret@127.0.0.1:1/x")
    assert done.code == 1
    assert done.line.startswith("gateway: database: ")
    assert "made-up-secret" not in done.line


async def test_tokens_sealed_with_another_key_are_one_line(run: Run, bare_world: World) -> None:
    done = await run(
        "serve",
        database_url=bare_world.database_url,
        vault_key="another",
        port="0",
        admin_port="0",
        log_level="ERROR",
    )
    assert (done.code, done.line) == (
        1,
        "gateway: GATEWAY_VAULT_KEY: sealed with another GATEWAY_VAULT_KEY",
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_serves_until_it_is_stopped_and_finishes_what_it_began(
    start: Start, bare_world: World, number: signal.Signals
) -> None:
    world = bare_world
    ports = []
    for _ in range(2):
        with socket.create_server((HOST, 0)) as free:
            ports.append(str(free.getsockname()[1]))
    command = await start(
        "serve",
        "--port",
        ports[0],
        "--admin-port",
        ports[1],
        database_url=world.database_url,
        cloud_url=world.emulator_url,
        vault_key=world.keys.vault_key,
        log_level="WARNING",
    )
    url = f"http://{HOST}:{ports[0]}"

    async def sent() -> bool:
        try:
            return (await world.template(SMALL, "+34600000001", via=url)).status == 200
        except OSError:
            return False

    await until(sent, "a message sent")
    done = await command.stopped(number)
    assert (done.code, done.err) == (0, "")
    async with world.database.connection() as connection:
        states = [row["state"] for row in await connection.fetch("select state from messages")]
    assert states == ["accepted"]
