"""Apps built on two JavaScript SDKs may be pointed at the emulator; both SDKs are unmodified."""

import asyncio
import fcntl
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Literal

import pytest

from gateway.emulator.error_codes import MEANINGS
from tests.emulator.conftest import ANA, BEN, TOKEN, WABA
from tests.sdk.conftest import ERROR_CODES, NUMBER, Cloud

SOURCES = Path(__file__).parent / "javascript"
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
SOON = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000")
OLDEST_NODE = (20, 19)
PATIENCE_S = 120
# What npm says when it got nowhere; anything else, a wrong hash for one, fails the tests.
NO_REGISTRY = re.compile(
    r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT"
    r"|ERR_SOCKET_TIMEOUT|FETCH_ERROR|E401|E403)\b"
)
SDKS = ("kapso", "whatsapp-api-js")
SENT = (
    *("text", "template", "image", "location", "contacts", "interactive", "interactive"),
    *("reaction", "image"),
)
# How kapso sorts errors; the category of what it does not know follows from the HTTP status.
CATEGORIES = {
    10: "permission",
    190: "authorization",
    368: "integrity",
    130429: "throttling",
    131008: "parameter",
    131016: "server",
    131047: "reengagementWindow",
    131053: "media",
    132001: "template",
    133010: "phoneRegistration",
}

with_each = pytest.mark.parametrize("sdk", SDKS)


@pytest.fixture(scope="session")
def installed(request: pytest.FixtureRequest) -> Path:
    """Install both SDKs once, in pytest's own cache, and say where.

    What keeps them from being installed is the reason for which the tests are skipped.
    """
    _require_node()
    sources = sorted(path for path in SOURCES.iterdir() if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    # The cache is there for all workers of a run, and for the next run.
    rooms: Path = request.config.cache.mkdir("javascript")
    room = rooms / digest
    with (rooms / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (room / "node_modules").is_dir():
            _install(sources, room)
    return room


def _require_node() -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("the JavaScript SDKs are NOT tested: install node 20.19 or later, with npm")
    version = subprocess.check_output(("node", "--version"), text=True).strip()
    if tuple(int(part) for part in version.lstrip("v").split(".")[:2]) < OLDEST_NODE:
        pytest.skip(f"the JavaScript SDKs are NOT tested: node {version} is older than 20.19")


def _install(sources: list[Path], room: Path) -> None:
    draft = room.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    for path in sources:
        shutil.copy(path, draft)
    try:
        command = (*INSTALL, *SOON)
        done = subprocess.run(
            command, check=False, cwd=draft, capture_output=True, text=True, timeout=PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        pytest.skip("the JavaScript SDKs are NOT tested: npm reached no registry in time")
    failure = NO_REGISTRY.search(done.stderr)
    if done.returncode != 0 and failure is not None:
        pytest.skip(f"the JavaScript SDKs are NOT tested: npm reached no registry ({failure[0]})")
    assert done.returncode == 0, done.stderr
    draft.rename(room)


async def exercise(
    installed: Path, cloud: Cloud, sdk: str, what: Literal["calls", "errors"], wamid: str = ""
) -> list[dict[str, Any]]:
    """Have node make the calls; gives one line a call, with an `answer` or an `error`."""
    given = {
        "url": cloud.url,
        "token": TOKEN,
        "number": NUMBER,
        "waba": WABA,
        "user": ANA,
        "stranger": BEN,
        "wamid": wamid,
        "times": len(ERROR_CODES),
    }
    command = ("node", "exercise.mjs", sdk, what, json.dumps(given))
    pipe = asyncio.subprocess.PIPE
    node = await asyncio.create_subprocess_exec(*command, cwd=installed, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(PATIENCE_S):
            printed, complaints = await node.communicate()
    except TimeoutError:
        node.kill()
        raise
    assert node.returncode == 0, complaints.decode()
    return [json.loads(line) for line in printed.splitlines()]


def error_of(line: dict[str, Any]) -> dict[str, Any]:
    """Find the error where the SDK has it: kapso throws it, the other hands on Meta's JSON."""
    error: dict[str, Any] = line["error"] if "error" in line else line["answer"]["error"]
    return error


def snake(name: str) -> str:
    return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name)


def test_the_lock_leaves_the_registry_to_whoever_installs() -> None:
    """Made by `npm install --package-lock-only --omit-lockfile-registry-resolved`."""
    packages = json.loads((SOURCES / "package-lock.json").read_text())["packages"]
    locked = [package for path, package in packages.items() if path]
    assert locked
    assert all("integrity" in package and "resolved" not in package for package in locked)


@with_each
async def test_every_call_is_answered_as_the_sdk_expects(
    installed: Path, cloud: Cloud, sdk: str
) -> None:
    wamid = await cloud.write(ANA)
    lines = await exercise(installed, cloud, sdk, "calls", wamid)
    sent = [line["answer"] for line in lines if line["call"] in SENT]
    accepted = await cloud.sends()
    assert tuple(each["type"] for each in accepted) == SENT
    assert [each["messages"][0]["id"] for each in sent] == [each["wamid"] for each in accepted]
    told: dict[str, Any] = {line["call"]: line.get("answer") for line in lines}
    assert [told[call] for call in ("read", "typing", "delete")] == [{"success": True}] * 3
    assert told["download"] is True
    media = {snake(key): value for key, value in told["media"].items()}
    assert (media["mime_type"], media["file_size"]) == ("image/png", 5000)
    number = {snake(key): value for key, value in told["number"].items()}
    assert (number["id"], number["display_phone_number"]) == (NUMBER, "+34 900 000 333")
    if sdk == "kapso":  # the other has no calls for these
        assert told["edit profile"] == {"success": True}
        assert told["profile"]["data"][0]["about"] == "Open all day"
        assert {each["name"] for each in told["templates"]["data"]} == {"promo", "order"}
        assert told["settings"] is not None
    failed = {line["call"]: error_of(line) for line in lines if is_failure(line)}
    assert {call: error["code"] for call, error in failed.items()} == {
        "gone": 100,
        "closed window": 131047,
        "unknown token": 190,
    }


def is_failure(line: dict[str, Any]) -> bool:
    """Whether an SDK says that a call has failed."""
    answer = line.get("answer")
    return "error" in line or (isinstance(answer, dict) and "error" in answer)


@with_each
async def test_every_error_is_read(installed: Path, cloud: Cloud, sdk: str) -> None:
    """Source: ERR, 12 Dec 2025 (R§1.10, R§7.1-7.8)."""
    await cloud.arm_every_error()
    errors = [error_of(line) for line in await exercise(installed, cloud, sdk, "errors")]
    assert [error["code"] for error in errors] == list(ERROR_CODES)
    assert all(error["message"] for error in errors)
    assert all(error.get("fbtraceId") or error.get("fbtrace_id") for error in errors)
    if sdk == "kapso":
        assert {error["name"] for error in errors} == {"GraphApiError"}
        statuses = {error["code"]: error["httpStatus"] for error in errors}
        assert statuses == {code: MEANINGS[code].http_status for code in ERROR_CODES}
        categories = {error["code"]: error["category"] for error in errors}
        assert categories.items() >= CATEGORIES.items()
    assert await cloud.sends() == []
