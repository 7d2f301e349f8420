"""Who the recipient is decides what becomes of a message; it is nobody's violation (R§6.5)."""

import pytest

from tests.emulator.conftest import ANA, Receiver, Start, flushed, template, text


@pytest.mark.parametrize(
    ("trait", "code"), [("not_on_whatsapp", 131026), ("in_experiment", 130472), ("capped", 131049)]
)
async def test_marketing_fails_after_it_was_accepted(
    start: Start, receiver: tuple[Receiver, str], trait: str, code: int
) -> None:
    """Source: ERR 18 Jun 2026, EXP 2025, PUM 29 Apr 2026 (R§6.5, R§7.4)."""
    taking, url = receiver
    cloud = await start(webhook_url=url, users=[{"phone": ANA[1:], trait: True}])
    assert (await cloud.send(template()))["http"] == 200
    await flushed(cloud)
    assert [each["errors"][0]["code"] for each in taking.statuses()] == [code]
    assert await cloud.rules_broken() == []


@pytest.mark.parametrize("trait", ["in_experiment", "capped"])
async def test_an_open_window_and_other_categories_are_left_alone(
    start: Start, receiver: tuple[Receiver, str], trait: str
) -> None:
    """Source: EXP 2025, PUM 29 Apr 2026 (R§6.5)."""
    taking, url = receiver
    cloud = await start(webhook_url=url, users=[{"phone": ANA[1:], trait: True}])
    await cloud.send(template(name="order"))
    await cloud.write()
    await cloud.send(template())
    await cloud.send(text())
    await flushed(cloud)
    assert {each["status"] for each in taking.statuses()} == {"sent", "delivered"}
