from collections import Counter
from typing import Any

import pytest

from gateway.emulator.rules.judge import RULES
from gateway.emulator.steering import report
from tests.emulator.conftest import (
    ANA,
    BEN,
    CAT,
    FIRST,
    LONE,
    PORTFOLIO,
    WABA,
    Cloud,
    Start,
    template,
    text,
)


def of_rule(whole: dict[str, Any], rule: str) -> tuple[int, int, int]:
    found = next(each for each in whole["rules"] if each["rule"] == rule)
    return found["applied"], found["kept"], found["broken"]


def of_number(whole: dict[str, Any], number: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        each for each in whole["numbers"] if each["phone_number_id"] == number
    )
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_rule_says_where_meta_says_so(rule: Any) -> None:
    assert "R§" in report.source_of(rule)


def test_a_source_is_read_whole_and_in_one_line() -> None:
    by_name = {rule.__name__: report.source_of(rule) for rule in RULES}
    assert by_name["pair_rate"] == "ABOUT, 4 Aug 2026 (R§5.2)"
    assert by_name["service_window"] == "SEND, 21 May 2026 (R§3); DIRECT, 2026 (R§1.8)"


async def test_a_rule_is_kept_or_broken_by_the_messages_it_is_about(cloud: Cloud) -> None:
    """Two slots, three people: the third breaks the limit (R§2); a free-form text (R§3)."""
    await cloud.write(ANA)
    await cloud.send(text(ANA))
    for user in (ANA, BEN, CAT):
        await cloud.send(template(user, name="order"))
    await cloud.send(text(BEN))
    whole = await cloud.told("/report")
    assert of_rule(whole, "account") == (5, 5, 0)
    assert of_rule(whole, "service_window") == (2, 1, 1)
    assert of_rule(whole, "template") == (3, 3, 0)
    assert of_rule(whole, "messaging_limit") == (3, 3, 0)
    assert of_rule(whole, "marketing_preference") == (0, 0, 0)


async def test_a_full_limit_is_broken_by_each_one_too_many(start: Start) -> None:
    cloud = await start("observe")
    for user in (ANA, BEN, CAT):
        await cloud.send(template(user))
    assert of_rule(await cloud.told("/report"), "messaging_limit") == (3, 2, 1)


async def test_applied_is_kept_and_broken_for_every_rule(cloud: Cloud) -> None:
    for message in (
        template(ANA, name="nobody"),
        text(ANA, category="utility"),
        text(ANA, category="shouting"),
        template(BEN),
    ):
        await cloud.send(message)
        await cloud.send(message, edge="marketing_messages")
    for each in (await cloud.told("/report"))["rules"]:
        assert each["applied"] == each["kept"] + each["broken"]
        assert each["kept"] >= 0


async def test_sends_are_counted_by_number_and_ending(cloud: Cloud) -> None:
    await cloud.send(template(ANA), FIRST)
    await cloud.send(template(ANA, name="nobody"), FIRST)
    await cloud.send(text(ANA), FIRST)
    await cloud.send(template(ANA), LONE)
    whole = await cloud.told("/report")
    assert of_number(whole, FIRST)["sends"] == {"accepted": 1, "refused": 1, "failed": 1}
    assert of_number(whole, LONE)["sends"] == {"accepted": 1, "refused": 0, "failed": 0}


async def test_a_number_tells_its_rating_status_limit_and_restrictions(cloud: Cloud) -> None:
    await cloud.steer(f"/numbers/{LONE}", quality_rating="RED")
    cloud.clock.advance(7 * 86_400)
    story = of_number(await cloud.told("/report"), LONE)["history"]
    assert [(each["kind"], each["old"], each["new"]) for each in story] == [
        ("quality_rating", "GREEN", "RED"),
        ("status", "CONNECTED", "FLAGGED"),
        ("status", "FLAGGED", "CONNECTED"),
        ("messaging_limit", 1000, 250),
    ]
    assert story[0].keys() == {"at", "kind", "old", "new", "reason"}


async def test_the_limit_of_a_portfolio_is_in_the_story_of_each_of_its_numbers(
    cloud: Cloud,
) -> None:
    await cloud.steer(f"/numbers/{FIRST}", messaging_limit=10)
    whole = await cloud.told("/report")
    stories = [each["history"] for each in whole["numbers"]]
    assert [len(story) for story in stories] == [1, 1, 0]
    assert {"pool_id": PORTFOLIO, "messaging_limit": 10, "counted_users": 0} in whole["pools"]


async def test_a_template_tells_its_story(cloud: Cloud) -> None:
    await cloud.steer("/templates/promo", status="DISABLED", waba_id=WABA)
    whole = await cloud.told("/report")
    promo = next(each for each in whole["templates"] if each["name"] == "promo")
    assert [each["new"] for each in promo["history"]] == ["DISABLED"]


async def test_the_report_says_when_and_of_what_it_is(cloud: Cloud) -> None:
    began = cloud.clock.now().isoformat()
    cloud.clock.advance(60)
    whole = await cloud.told("/report")
    assert (whole["started_at"], whole["now"]) == (began, cloud.clock.now().isoformat())
    assert (whole["mode"], whole["seed"]) == ("enforce", 0)
    assert whole["webhooks"] == {"delivered": 0, "pending": 0, "given_up": 0}


async def test_the_events_of_a_scenario_are_planned_done_or_failed(cloud: Cloud) -> None:
    change = {"phone_number_id": "200000000000005", "status": "BANNED"}
    await cloud.steer("/scenario", name="outage")
    world = cloud.emulator.state.scenario.world.model_dump(mode="json")
    events = [{"at": at, "number": change} for at in (1, 2, "1h")]
    await cloud.steer("/scenario", scenario={"world": world, "events": events})
    cloud.clock.advance(1)
    await cloud.told("/state")
    cloud.emulator.state.registry.numbers.clear()
    cloud.clock.advance(1)
    outcomes = [each["outcome"] for each in (await cloud.told("/report"))["scenario"]["events"]]
    assert outcomes == ["done", "phone_number_id: 200000000000005 is unknown", "planned"]


async def test_only_test_numbers_have_an_allow_list(start: Start) -> None:
    cloud = await start()
    cloud.emulator.state.registry.numbers[LONE].is_test_number = True
    await cloud.send(template(ANA))
    await cloud.send(template(ANA), LONE)
    assert of_rule(await cloud.told("/report"), "allow_list") == (1, 1, 0)


async def test_complaints_are_told_by_number_and_kind(cloud: Cloud) -> None:
    cloud.emulator.state.lived.complaints[LONE] = Counter({"report": 2})
    whole = await cloud.told("/report")
    assert of_number(whole, LONE)["complaints"] == {"block": 0, "report": 2, "stop": 0}
    assert of_number(whole, FIRST)["complaints"] == {"block": 0, "report": 0, "stop": 0}
