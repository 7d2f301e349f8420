"""Every code of Meta's is known, with its title and status, and can be told as Meta tells it."""

import re
from collections.abc import Iterator

import pytest

from gateway.emulator.error_codes import MEANINGS, THROTTLES, meaning_of
from tests.emulator.conftest import ANA, FIRST, Cloud, Receiver, Start, flushed, template
from tests.payloads import REAL

RULE_BOOK = REAL.parent / "rulebook.md"
needs_rule_book = pytest.mark.skipif(
    not RULE_BOOK.exists(), reason="the rule book is not on this machine"
)
DASH = "\u2013"
# Codes that a range stands for, of which one is as good as another.
ALIKE = frozenset(range(201, 299))
CODES = sorted(MEANINGS.keys() - ALIKE)


def section(number: str) -> str:
    """Return the text below one heading of the rule book."""
    text = RULE_BOOK.read_text()
    return text.split(f"\n### {number} ")[1].split("\n###")[0].split("\n## ")[0]


def numbers(cell: str) -> Iterator[int]:
    """Yield the codes of a cell: one, a range with its dash, or 2388039/40/47."""
    for first, last, tails in re.findall(rf"(\d+)(?:{DASH}(\d+))?((?:/\d\d\b)*)", cell):
        yield from range(int(first), int(last or first) + 1)
        yield from (int(first[:-2] + tail) for tail in tails.split("/") if tail)


def rows() -> Iterator[tuple[int, str, str]]:
    """Yield code, HTTP status and channel of each row of R§7.1 to R§7.6."""
    for number in range(1, 7):
        for line in section(f"7.{number}").splitlines():
            cells = [cell.strip() for cell in line.split("|")]
            if len(cells) > 4 and cells[1][:1].isdigit():
                yield from ((code, cells[2], cells[4]) for code in numbers(cells[1]))


def compact() -> set[int]:
    """Return the codes of R§7.7, which are the numbers of six digits and more."""
    found: set[int] = set()
    for line in section("7.7").splitlines():
        if line.startswith(("| 13", "| 14", "| 24")):
            cell = " ".join(
                re.findall(rf"\d{{6,}}(?:{DASH}\d{{6,}})?(?:/\d{{6,}})*", line.split("|")[1])
            )
            found.update(numbers(cell))
    return found


@needs_rule_book
def test_no_code_of_the_rule_book_is_forgotten() -> None:
    """Source: ERR, GRP, CALL, MM, BLOCK (R§7)."""
    known = {code for code, _, _ in rows()} | compact()
    assert len(known) > 200
    assert known - MEANINGS.keys() == set()


@needs_rule_book
def test_every_status_and_channel_is_that_of_the_rule_book() -> None:
    """Source: ERR, 12 Dec 2025; B stands for both S and A (R§7)."""
    wrong = []
    for code, status, channel in rows():
        meaning = meaning_of(code)
        if status[:1].isdigit() and int(status[:3]) != meaning.http_status:
            wrong.append((code, status))
        wanted = set(re.sub("[^SABVI]", "", channel.split("(")[0].split(" ")[0]))
        wanted |= set(re.findall(r", ([VI])", channel))
        wanted = (wanted - {"B"}) | (set("SA") if "B" in wanted else set())
        if not wanted <= set(meaning.channels):
            wrong.append((code, channel))
    assert wrong == []


@needs_rule_book
def test_every_title_is_that_of_the_rule_book() -> None:
    """Source: ERR, 12 Dec 2025 (R§7.8)."""
    titles = re.findall(
        rf"(?:^|· )(\d+)(?:{DASH}\d+)? ([^·\n(]\S[^·\n(]*|\([^·\n]*)", section("7.8")
    )
    titles += re.findall(r"\n(0) ([^·\n]*)", section("7.8"))
    assert len(titles) > 55
    wrong = [
        (code, title)
        for code, title in titles
        if meaning_of(int(code)).title.casefold() != title.strip().casefold()
    ]
    assert wrong == []


def test_an_unlisted_code_is_still_sayable() -> None:
    assert meaning_of(987654).http_status == 400


def test_every_throttle_is_a_known_code() -> None:
    assert MEANINGS.keys() >= THROTTLES


async def test_every_code_can_be_an_error_answer(cloud: Cloud) -> None:
    """Source: R§1.10, R§7."""
    wrong = []
    for code in (each for each in CODES if "S" in MEANINGS[each].channels):
        await cloud.steer("/faults", action="error", code=code, times=1)
        answer = await cloud.send(template())
        error = answer["error"]
        if (answer["http"], error["code"]) != (MEANINGS[code].http_status, code):
            wrong.append((code, answer["http"]))
        if error["message"] != f"(#{code}) {MEANINGS[code].title}" or not error["fbtrace_id"]:
            wrong.append((code, error))
        is_about_messages = code > 100_000 or code in {1, 100, 368, 80007}
        if is_about_messages != ("error_data" in error):
            wrong.append((code, error))
        if ("is_transient" in error) != (code == 2) or "error_subcode" in error:
            wrong.append((code, error))
    assert wrong == []


async def test_every_code_can_be_a_failed_status(told: tuple[Cloud, Receiver]) -> None:
    """Source: W-STAT, 14 Sep 2026 (R§8.4)."""
    cloud, receiver = told
    wanted = {}
    for code in (each for each in CODES if "A" in MEANINGS[each].channels):
        await cloud.steer("/faults", action="accept_then_fail", code=code, times=1)
        wanted[(await cloud.send(template()))["messages"][0]["id"]] = code
        await cloud.steer("/clock", advance_s=6)
    await flushed(cloud)
    failed = [each for each in receiver.statuses() if each["status"] == "failed"]
    assert {each["id"]: each["errors"][0]["code"] for each in failed} == wanted
    for each in failed:
        (error,) = each["errors"]
        assert error.keys() == {"code", "title", "message", "error_data", "href"}
        assert error["title"] == error["message"]


async def test_every_code_can_be_an_error_of_a_value(told: tuple[Cloud, Receiver]) -> None:
    """Source: W-ERRS (R§8.3): the message is accepted, the error told beside it."""
    cloud, receiver = told
    codes = [each for each in CODES if "V" in MEANINGS[each].channels]
    assert codes == [130429, 131035]
    for code in codes:
        await cloud.steer("/faults", action="value_error", code=code, details="why", times=1)
        assert (await cloud.send(template()))["http"] == 200
    await flushed(cloud)
    errors = [error for value in receiver.values() for error in value.get("errors", [])]
    assert [(each["code"], each["error_data"]["details"]) for each in errors] == [
        (code, "why") for code in codes
    ]


async def test_every_code_can_be_an_error_of_a_users_message(
    told: tuple[Cloud, Receiver],
) -> None:
    """Source: ERR, W-ERRS (R§7, R§8.5)."""
    cloud, receiver = told
    codes = [each for each in CODES if "I" in MEANINGS[each].channels]
    assert codes == [131044, 131051, 131052, 131060]
    for code in codes:
        what = {"phone_number_id": FIRST, "from": ANA, "type": "unsupported"}
        await cloud.steer("/inbound", **what, errors=[{"code": code, "details": "why"}])
    await flushed(cloud)
    messages = [each for value in receiver.values() for each in value["messages"]]
    assert [each["errors"][0]["code"] for each in messages] == codes


async def test_throttles_may_come_with_429(start: Start) -> None:
    """Source: R§12.1 row 8."""
    cloud = await start()
    await cloud.steer("/knobs", throttle_http_status=429)
    for code in sorted(THROTTLES):
        await cloud.steer("/faults", action="error", code=code, times=1)
        assert (await cloud.send(template()))["http"] == 429, code
    await cloud.steer("/faults", action="error", code=131048, times=1)
    assert (await cloud.send(template()))["http"] == 400
    await cloud.write(ANA)
    answers = [await cloud.send(template()) for _ in range(46)]
    assert (answers[-1]["http"], answers[-1]["error"]["code"]) == (429, 131056)
