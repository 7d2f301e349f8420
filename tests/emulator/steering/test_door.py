from typing import Any

import pytest

from gateway.emulator.state import State
from gateway.emulator.steering import bodies, queries
from gateway.emulator.steering.door import door
from tests.emulator.conftest import FIRST, Cloud


async def change(_: State, thing: str, body: bodies.ClockChange, query: queries.OfReport) -> Any:
    """Change a thing, and not another one.

    Returns it, whichever of the two
    it was.
    """
    return {"thing": thing, "by": body.advance_s, "as": query.format}


def test_a_door_knows_itself_from_its_function() -> None:
    made = door("POST", "/things/{thing}", change)
    assert (made.body, made.query) == (bodies.ClockChange, queries.OfReport)
    assert made.summary == "Change a thing, and not another one."
    assert made.description == f"{made.summary}\nReturns it, whichever of the two it was."


async def test_a_door_may_read_nothing_at_all(cloud: Cloud) -> None:
    assert (await cloud.client.get("/_emulator/faults")).status == 200


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/sends?limit=-1", 400, "limit: Input should be greater than or equal to 0"),
        ("/sends?colour=red", 400, "colour: Extra inputs are not permitted"),
        ("/report?format=pdf", 400, "format: Input should be 'json' or 'text'"),
        ("/nowhere", 404, "GET /_emulator/nowhere is no door; see /_emulator/openapi.json"),
    ],
)
async def test_a_mistake_is_told_in_one_sentence(
    cloud: Cloud, path: str, status: int, error: str
) -> None:
    answer = await cloud.client.get(f"/_emulator{path}")
    assert (answer.status, await answer.json()) == (status, {"error": error})


async def test_what_pydantic_says_of_our_own_checks_is_said_plainly(cloud: Cloud) -> None:
    answer = await cloud.steer("/restrictions", waba_id=FIRST, restriction_type="X")
    assert answer["error"] == "body: exactly one of duration_s and expiration is needed"
