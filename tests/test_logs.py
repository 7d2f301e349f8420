import json
import subprocess
import sys

import pytest

from gateway.logs import SECRETS, redact

PROGRAM = """
import logging
import structlog
from gateway import logs
logs.configure({level!r})
log = structlog.get_logger("gateway.test")
log.debug("quiet")
log.info("told", token="made-up-token", Authorization="Bearer made-up", number="200000000000001")
def fail():
    credential = "made-up-local"
    raise ValueError("nothing much")
try:
    fail()
except ValueError:
    log.warning("went wrong", exc_info=True)
logging.getLogger("library").error("said something")
print("result")
"""


def written(level: str) -> tuple[list[str], str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(level=level)],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stderr.splitlines(), done.stdout


def test_logs_are_json_lines_on_standard_error_and_nowhere_else() -> None:
    lines, stdout = written("INFO")
    told, wrong = (json.loads(line) for line in lines[:2])
    assert stdout == "result\n"
    assert (told["event"], told["level"], told["number"]) == ("told", "info", "200000000000001")
    assert told["timestamp"].endswith("Z")
    assert wrong["exception"][0]["exc_type"] == "ValueError"
    assert lines[2:] == ["ERROR library said something"]


def test_secrets_are_blanked_whatever_their_case() -> None:
    lines, _ = written("INFO")
    assert json.loads(lines[0])["token"] == "[redacted]"
    assert "made-up" not in "".join(lines)


def test_a_traceback_says_where_but_not_what_the_variables_held() -> None:
    lines, _ = written("INFO")
    (stack,) = (json.loads(line)["exception"] for line in lines if '"exception"' in line)
    assert [frame["name"] for frame in stack[0]["frames"]] == ["<module>", "fail"]
    assert "made-up-local" not in "".join(lines)


@pytest.mark.parametrize(
    ("level", "events"),
    [
        ("DEBUG", ["quiet", "told", "went wrong"]),
        ("WARNING", ["went wrong"]),
        ("ERROR", []),
    ],
)
def test_only_the_level_asked_for_and_above_is_logged(level: str, events: list[str]) -> None:
    lines, _ = written(level)
    told = [json.loads(line)["event"] for line in lines if line.startswith("{")]
    assert told == events


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_every_secret_name_is_blanked_and_others_are_left(name: str) -> None:
    event = redact(None, "info", {name: "made-up", name.title(): "made-up", "event": "sent"})
    assert event == {name: "[redacted]", name.title(): "[redacted]", "event": "sent"}
