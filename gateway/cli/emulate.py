"""`gateway emulate`: runs the Cloud API emulator alone, without gateway or database."""

import json
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.demo import DemoKeys, demo_world
from gateway.cli.runner import fail, run, until_stopped
from gateway.emulator import Emulator, World, running
from gateway.emulator.steering import scenario as scenarios
from gateway.emulator.steering.scenario import BadScenario, Scenario

_USER = "+34600000001"


def emulate(  # noqa: PLR0913 - the options of the command
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8090,
    host: str = "127.0.0.1",
    world: Annotated[
        Path | None, typer.Option(help="JSON or TOML file of the world; the demo if left out.")
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(help="A scenario's TOML file, or the name of one in --list.")
    ] = None,
    *,
    observe: Annotated[
        bool, typer.Option(help="Accept everything and only record violations.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(help="Seed of everything that is left to chance.")
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(min=0.0, help="Seconds of its clock a second; 0 moves when told to."),
    ] = None,
    webhook_url: Annotated[
        str | None, typer.Option(help="Where webhooks go, unless the world says so itself.")
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List the scenarios that come with the emulator.")
    ] = False,
) -> None:
    """Run a local WhatsApp Cloud API that knows Meta's rules; steer it under /_emulator/."""
    if list_:
        _list()
        return
    if world is not None and scenario is not None:
        fail("--world and --scenario exclude each other: a scenario has a world of its own")
    try:
        played = _scenario(world, scenario)
    except BadScenario as error:
        fail(str(error))
    mode = "observe" if observe else None
    played = scenarios.changed(played, seed=seed, speed=speed, mode=mode)
    emulator = Emulator.playing(scenarios.telling(played, webhook_url))
    try:
        run(_emulate(emulator, host, port))
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror or error}")


def _list() -> None:
    for name in scenarios.names():
        typer.echo(f"{name:16}{scenarios.shipped(name).description}")


def _scenario(world: Path | None, scenario: str | None) -> Scenario:
    if scenario is not None:
        return scenarios.named(scenario)
    if world is not None:
        return Scenario(world=scenarios.read_world(world))
    demo = World.model_validate(demo_world(DemoKeys.fixed(), webhook_url=None))
    return Scenario(name="demo", description="Numbers in both regimes.", world=demo)


async def _emulate(emulator: Emulator, host: str, port: int) -> None:
    async with running(emulator, host, port) as url:
        typer.echo(f"Cloud API emulator on {url}; its state: {url}/_emulator/state")
        typer.echo(how_to(emulator.state.scenario, url))
        await until_stopped()


def how_to(scenario: Scenario, url: str) -> str:
    """Write what to type next: a curl that sends a template, and where to look."""
    steering = f"{url}/_emulator"
    lines = [
        *_introduction(scenario),
        *_example(scenario.world, url),
        "",
        f"  look        {steering}/   (report as text: {steering}/report?format=text)",
        f"  all doors   {steering}/openapi.json",
        f"  an hour on  curl {steering}/clock -d '{{\"advance_s\": 3600}}'",
        f'  webhooks    curl {steering}/webhook_url -d \'{{"url": "http://127.0.0.1:9000/"}}\'',
        f"  begin anew  curl -X POST {steering}/reset",
    ]
    return "\n".join(lines)


def _introduction(scenario: Scenario) -> list[str]:
    named = [f"Scenario {scenario.name}: {scenario.description}"] if scenario.name else []
    hurried = [f"The clock runs at {scenario.speed:g} times its speed."]
    return named + (hurried if scenario.speed != 1.0 else [])


def _example(world: World, url: str) -> list[str]:
    """Write a curl for the first number and template that a token of the world may use."""
    for token in world.tokens:
        numbers = [each for each in world.numbers if each.waba_id in token.waba_ids]
        for number in numbers:
            template = _plain_template(world, number.waba_id)
            if template is not None:
                return _curl(
                    f"{url}/v25.0/{number.phone_number_id}/messages", token.token, template
                )
    return []


def _plain_template(world: World, waba_id: str) -> tuple[str, str] | None:
    """Find a template that can be sent without parameters."""
    for each in world.templates:
        is_plain = "{{" not in json.dumps(each.components)
        if each.waba_id == waba_id and each.status == "APPROVED" and is_plain:
            return each.name, each.language
    return None


def _curl(url: str, token: str, template: tuple[str, str]) -> list[str]:
    name, language = template
    message = {
        "messaging_product": "whatsapp",
        "to": _USER,
        "type": "template",
        "template": {"name": name, "language": {"code": language}},
    }
    return [
        "",
        f"  curl {url} \\",
        f'    -H "Authorization: Bearer {token}" -H "Content-Type: application/json" \\',
        f"    -d '{json.dumps(message)}'",
    ]
