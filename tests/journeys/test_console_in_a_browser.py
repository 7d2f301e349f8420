"""An operator at the console, in a real browser."""

import asyncio
import json
from collections import Counter
from datetime import timedelta
from typing import Any, Final

import pytest

from gateway.store import backlog, numbers
from gateway.store.errors import StoreUnavailableError
from gateway.web import admin
from tests.browser import needs_chromium
from tests.builders import template_body
from tests.journeys.campaign import audience
from tests.page import Page
from tests.world import SMALL, MakeWorld, World, until

pytestmark = needs_chromium

UNPAID: Final = 131042
# What Chromium calls what opens a <details>.
SUMMARY: Final = "DisclosureTriangle"
REFUSED: Final = "the admin key is required"
CLOSED, AWAY = "status of 401", "status of 503"
UTILITY, HELD, OFFERS = (
    f"{SMALL}, {group}, schedule"
    for group in ("utility, parked", "utility, held", "marketing, parked")
)
# It needs neither a space nor a dot, which are taken out of what is written as a phone number.
TAG: Final = "<img/src=nowhere/onerror=owned=1>"


async def sign_in(world: World, page: Page) -> None:
    """Open the console and show what there is."""
    await page.open(f"{world.admin_url}/console")
    await show(page, world.keys.admin_key)
    await page.until("document.getElementById('outbox').checkVisibility()")


async def show(page: Page, key: str) -> None:
    """Write a key in place of what stands there."""
    await page.press("textbox", "Admin key")
    await page.look("document.activeElement.select()")
    await page.write(key)
    await page.press("button", "Show")


async def says(page: Page, notice: str, text: str) -> None:
    """Wait until a notice says so."""
    await page.until(f"document.getElementById('{notice}').innerText.includes({json.dumps(text)})")


async def shows(page: Page, table: str, *expected: list[str]) -> None:
    """Wait until the first five columns of a table show this, and nothing else is there."""
    seen = (
        f"JSON.stringify([...document.querySelectorAll('#{table} tbody tr')]"
        ".filter((row) => row.checkVisibility())"
        ".map((row) => [...row.cells].slice(0, 5).map((cell) => cell.innerText)))"
    )
    text = json.dumps(expected, separators=(",", ":"), ensure_ascii=False)
    await page.until(f"{seen} === {json.dumps(text)}")


async def asked(page: Page, question: str) -> None:
    """Wait until a dialog asks this."""
    await page.until(
        f"document.querySelector('dialog[open] p')?.innerText === {json.dumps(question)}"
    )


async def do(page: Page, deed: str, count: int, group: str) -> None:
    """Do something to what a row tells of, say that this is meant, and see it done."""
    await page.press("button", f"{deed}: {group}")
    messages = "1 message" if count == 1 else f"{count} messages"
    await asked(page, f"{deed} {messages} ({group})?")
    await page.press("button", "Do it")
    await says(page, "outbox-notice", f"{deed}: {messages}. ")


async def at(page: Page, name: str) -> None:
    """Wait until the keyboard is at what is named so."""
    there = "document.activeElement"
    await page.until(f"({there}.ariaLabel ?? {there}.innerText) === {json.dumps(name)}")


async def is_seen(page: Page, css: str) -> bool:
    found: bool = await page.look(
        f"[...document.querySelectorAll('{css}')].some((each) => each.checkVisibility())"
    )
    return found


def told(page: Page) -> list[tuple[str, bool]]:
    """Return what the gateway was told, in order, and whether it was to be counted only."""
    posted = [each for each in page.requests if each.method == "POST"]
    return [(each.path.rpartition("/")[2], json.loads(each.body)["preview"]) for each in posted]


async def schedule(world: World, users: list[str], template: str = "order_update") -> list[str]:
    """Have messages wait for an hour of their own; returns their ids."""
    hour = {"Gateway-Send-At": (world.clock.now() + timedelta(hours=1)).isoformat()}
    answers = [
        await world.send(SMALL, template_body(user, template), headers=hour) for user in users
    ]
    assert {answer.status for answer in answers} == {202}, answers
    return [answer.headers["Gateway-Message-Id"] for answer in answers]


async def comes_to(world: World, **expected: int) -> None:
    """Wait until so many are in each state."""

    async def is_so() -> bool:
        found: Counter[str] = Counter()
        for group in (await world.admin("/outbox/count"))["groups"]:
            found[group["state"]] += group["parcels"]
        return found == expected

    await until(is_so, str(expected))


def away() -> Any:
    raise StoreUnavailableError("gone")


async def test_who_has_the_key_sees_the_numbers_as_they_become(
    make_world: MakeWorld, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await make_world(limits={SMALL: 2}, headroom=0.0)
    page.meant += [CLOSED, AWAY]
    await page.open(f"{world.admin_url}/console")
    await show(page, "wrong")
    await says(page, "notice", REFUSED)
    assert not await is_seen(page, "table, details")

    await show(page, world.keys.admin_key)
    others = [
        ["+1 555-000-1002", "CONNECTED", "GREEN", "1000", "0 of 1000"],
        ["+1 555-000-1003", "CONNECTED", "GREEN", "2000", "0 of 2000"],
        ["+1 555-000-1004", "CONNECTED", "GREEN", "2000", "0 of 2000"],
        ["+1 555-000-1005", "CONNECTED", "GREEN", "2000", "0 of 2000"],
        ["+1 555-000-1006", "CONNECTED", "GREEN", "250", "0 of 250"],
    ]
    await shows(page, "numbers", ["+1 555-000-1001", "CONNECTED", "GREEN", "2", "0 of 2"], *others)

    answers = [await world.template(SMALL, user) for user in audience(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    with monkeypatch.context() as patched:
        patched.setattr(world.gateway.database, "connection", away)
        await page.press("button", "Show")
        await says(page, "notice", "the database is away")
        assert not await is_seen(page, "#numbers")
    # It asks again by itself.
    await shows(page, "numbers", ["+1 555-000-1001", "RESTRICTED", "GREEN", "2", "2 of 2"], *others)
    assert not await page.look("document.getElementById('notice').innerText")
    end = (await world.number(SMALL))["restricted_until"]
    shown = await page.look("document.querySelector('#numbers tbody tr').cells[5].innerText")
    assert shown == await page.look(f"new Date('{end}').toLocaleString()")


async def test_what_was_asked_with_the_key_before_is_not_shown(
    world: World, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, get_all = asyncio.Event(), numbers.get_all

    async def late(connection: Any) -> Any:
        await go_on.wait()
        return await get_all(connection)

    monkeypatch.setattr(numbers, "get_all", late)
    page.meant.append(CLOSED)
    await page.open(f"{world.admin_url}/console")
    await show(page, world.keys.admin_key)
    await show(page, "wrong")
    await says(page, "notice", REFUSED)
    go_on.set()
    await page.answered("/admin/v1/numbers", 2)
    assert not await is_seen(page, "table, details")


async def test_operators_steer_the_outbox_and_are_asked_first(world: World, page: Page) -> None:
    *_, last = await schedule(world, audience(3))
    (offer,) = await schedule(world, audience(1, start=50), "autumn_offer")
    updates = [SMALL, "utility", "parked", "schedule", "3"]
    offers = [SMALL, "marketing", "parked", "schedule", "1"]
    await sign_in(world, page)
    await page.press(SUMMARY, "Outbox")
    await shows(page, "waiting", updates, offers)

    await page.press("button", f"hold: {UTILITY}")
    await asked(page, f"hold 3 messages ({UTILITY})?")
    await page.press("button", "Leave it")
    await says(page, "outbox-notice", "hold: 0 messages. ")
    await comes_to(world, parked=4)
    await do(page, "hold", 3, UTILITY)
    await shows(page, "waiting", [SMALL, "utility", "held", "schedule", "3"], offers)
    await comes_to(world, held=3, parked=1)
    await do(page, "resume", 3, HELD)
    await shows(page, "waiting", updates, offers)
    await comes_to(world, parked=4)
    await do(page, "cancel", 1, OFFERS)
    await shows(page, "waiting", updates)
    assert (await world.admin(f"/messages/{offer}"))["state"] == "cancelled"

    await world.fault("error", code=UNPAID)
    await world.advance(3601)
    await comes_to(world, dead=3)
    await world.steer("/faults", method="DELETE")
    for _ in ("shut", "open"):
        await page.press(SUMMARY, "Outbox")
    reason = f"upstream: {UNPAID}: (#{UNPAID}) Business eligibility payment issue"
    dead = (await world.admin("/outbox?state=dead"))["parcels"]
    told_of = [[each["message_id"], SMALL, each["user_id"], "utility", reason] for each in dead]
    await shows(page, "dead", *told_of)
    await do(page, "redrive", 1, f"{last}, dead")
    await shows(page, "dead", *(each for each in told_of if each[0] != last))
    await comes_to(world, dead=2)
    assert [each["user"] for each in await world.accepted(SMALL)] == [audience(3)[2].lstrip("+")]
    deeds = ("hold", "resume", "cancel", "redrive")
    assert told(page) == [("hold", True), *((deed, x) for deed in deeds for x in (True, False))]


async def test_one_question_is_asked_at_a_time(
    world: World, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A yes is for what was read, however long it took to count, and whatever was pressed since."""
    await schedule(world, audience(1))
    await schedule(world, audience(1), "autumn_offer")
    counted = counts_late(monkeypatch)
    await sign_in(world, page)
    await page.press(SUMMARY, "Outbox")
    await page.until("document.querySelectorAll('#waiting button').length === 4")
    await page.press("button", f"hold: {UTILITY}")
    await says(page, "outbox-notice", "hold: counting.")
    await page.press("button", f"cancel: {OFFERS}")
    await page.press(SUMMARY, "Outbox")
    counted.set()
    await asked(page, f"hold 1 message ({UTILITY})?")
    await page.press("button", "Do it")
    await comes_to(world, held=1, parked=1)
    assert told(page) == [("hold", True), ("hold", False)]


def counts_late(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let counts for a question take until the event."""
    counted, preview = asyncio.Event(), backlog.preview

    async def late(*arguments: Any) -> int:
        await counted.wait()
        return await preview(*arguments)

    monkeypatch.setattr(backlog, "preview", late)
    return counted


async def test_nothing_is_asked_when_the_key_was_changed_meanwhile(
    world: World, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    await schedule(world, audience(1))
    counted = counts_late(monkeypatch)
    await sign_in(world, page)
    await page.press(SUMMARY, "Outbox")
    await page.until("document.querySelectorAll('#waiting button').length === 2")
    await page.press("button", f"hold: {UTILITY}")
    page.meant.append(CLOSED)
    await show(page, "wrong")
    await says(page, "notice", REFUSED)
    counted.set()
    await page.answered("/admin/v1/outbox/hold", 1)
    assert not await is_seen(page, "table, details, dialog")
    await show(page, world.keys.admin_key)
    await shows(page, "waiting", [SMALL, "utility", "parked", "schedule", "1"])
    assert told(page) == [("hold", True)]


async def test_a_question_goes_when_the_key_is_good_no_more(
    world: World, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    await schedule(world, audience(1))
    await sign_in(world, page)
    await page.press(SUMMARY, "Outbox")
    await page.until("document.querySelectorAll('#waiting button').length === 2")
    await page.press("button", f"hold: {UTILITY}")
    await asked(page, f"hold 1 message ({UTILITY})?")
    page.meant.append(CLOSED)
    with monkeypatch.context() as patched:
        patched.setattr(admin, "is_admin", lambda *_: False)
        await says(page, "notice", REFUSED)
    assert not await is_seen(page, "table, details, dialog")
    # Behind a question that is still there nothing could be pressed.
    await show(page, world.keys.admin_key)
    await shows(page, "waiting", [SMALL, "utility", "parked", "schedule", "1"])
    assert told(page) == [("hold", True)]


async def test_all_is_done_with_the_keyboard_alone(world: World, page: Page) -> None:
    await schedule(world, audience(1))
    await page.open(f"{world.admin_url}/console")
    await page.key("Tab")
    await page.write(world.keys.admin_key)
    await page.key("Enter")
    await page.until("document.getElementById('outbox').checkVisibility()")
    for _ in ("Show", "Outbox"):
        await page.key("Tab")
    await at(page, "Outbox")
    await page.key("Enter")
    await page.until("document.querySelectorAll('#waiting button').length === 2")
    await page.key("Tab")
    for answer in ("Escape", "Enter"):
        await at(page, f"hold: {UTILITY}")
        await page.key("Enter")
        await at(page, "Leave it")
        await page.key(answer)
        # Rows are made anew, which leaves the keyboard where it was.
        await says(page, "outbox-notice", "hold: 0 messages. ")
    await at(page, f"hold: {UTILITY}")
    await page.key("Enter")
    await at(page, "Leave it")
    await page.key("Tab", shift=True)
    await at(page, "Do it")
    await page.key("Enter")
    await shows(page, "waiting", [SMALL, "utility", "held", "schedule", "1"])
    await at(page, "Outbox")
    assert told(page) == [*[("hold", True)] * 3, ("hold", False)]


async def test_what_strangers_write_is_shown_and_not_run(world: World, page: Page) -> None:
    (message,) = await schedule(world, [TAG], TAG)
    await world.advance(3601)
    await comes_to(world, dead=1)
    await sign_in(world, page)
    await page.press(SUMMARY, "Outbox")
    reason = f"template: Template {TAG!r} in 'en_US' does not exist in this account."
    await shows(page, "dead", [message, SMALL, TAG, "other", reason])
    assert not await is_seen(page, "img")
    assert await page.look("typeof owned") == "undefined"


async def test_what_is_no_answer_of_the_gateways_is_told_as_such(world: World, page: Page) -> None:
    await page.open(f"{world.admin_url}/console")
    await page.look("window.fetch = async () => new Response('<html>', { status: 502 })")
    await show(page, world.keys.admin_key)
    await says(page, "notice", "The answer was HTTP 502")
    assert not await is_seen(page, "table, details")


async def test_nothing_runs_in_the_page_but_its_own_scripts(world: World, page: Page) -> None:
    page.meant.append("Content Security Policy")
    await page.open(f"{world.admin_url}/console")
    await page.look(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'owned = 1'}))"
    )
    assert await page.look("typeof owned") == "undefined"
    await page.look("fetch('http://127.0.0.1:1/').catch(() => { window.blocked = 1 })")
    await page.until("window.blocked")
    assert [each.path for each in page.requests if each.path == "/"] == []
