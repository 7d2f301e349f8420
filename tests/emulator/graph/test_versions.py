from datetime import UTC, datetime

import pytest

from gateway.emulator.graph import versions
from tests.emulator.conftest import FIRST, Cloud

NOVEMBER = datetime(2026, 11, 2, tzinfo=UTC).timestamp()
LATER = datetime(2027, 6, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("asked", "now", "served"),
    [
        ("v25.0", NOVEMBER, "v25.0"),
        ("v26.0", NOVEMBER, "v26.0"),
        ("v16.0", NOVEMBER, "v21.0"),
        ("v21.0", LATER, "v23.0"),
        (None, NOVEMBER, "v25.0"),
    ],
)
def test_an_ended_version_is_served_by_the_oldest_alive(
    asked: str | None, now: float, served: str
) -> None:
    """Source: G-VER (R§9)."""
    assert versions.served(asked, now) == served


async def test_every_answer_names_its_version(cloud: Cloud) -> None:
    """Source: OAPI (R§1.5)."""
    for path, version in ((f"/v24.0/{FIRST}", "v24.0"), (f"/{FIRST}", "v25.0"), ("/999", "v25.0")):
        answer = await cloud.call("GET", path)
        assert answer.headers["facebook-api-version"] == version
        assert answer.headers["x-fb-trace-id"]
