"""Every rule, on its own, refuses in enforce mode and only notes in observe mode."""

import pytest

from gateway.emulator import Knobs
from tests.emulator.conftest import (
    ANA,
    BEN,
    CAT,
    FIRST,
    LONE,
    SECOND,
    WABA,
    Cloud,
    Receiver,
    Start,
    flushed,
    template,
    text,
)


async def test_account_a_number_that_is_not_connected_sends_nothing(cloud: Cloud) -> None:
    """Source: ERR, 18 Jun 2026 (R§4.2, R§7.2)."""
    await cloud.steer(f"/numbers/{FIRST}", status="BANNED")
    answer = await cloud.send(template())
    assert (answer["http"], answer["error"]["code"]) == (403, 131031)
    assert await cloud.rules_broken() == ["account"]


async def test_block_list_refuses_whom_the_business_blocked(cloud: Cloud) -> None:
    """Source: BLOCK, 27 Oct 2025 (R§6.5)."""
    blocked = {"messaging_product": "whatsapp", "block_users": [{"user": ANA}]}
    await cloud.write()
    await cloud.call("POST", f"/{FIRST}/block_users", json=blocked)
    assert (await cloud.send(template()))["error"]["code"] == 130403
    await cloud.call("DELETE", f"/{FIRST}/block_users", json=blocked)
    assert (await cloud.send(template()))["http"] == 200


@pytest.mark.parametrize(
    ("status", "code", "http"),
    [("PAUSED", 132015, 400), ("DISABLED", 132016, 400), ("PENDING", 132001, 404)],
)
async def test_template_must_be_approved(cloud: Cloud, status: str, code: int, http: int) -> None:
    """Source: TOVR 21 May 2026, ERR 12 Dec 2025 (R§6.4, R§7.5)."""
    await cloud.steer("/templates/promo", status=status)
    answer = await cloud.send(template())
    assert (answer["http"], answer["error"]["code"]) == (http, code)
    assert await cloud.rules_broken() == ["template"]


async def test_template_must_exist(cloud: Cloud) -> None:
    """Source: ERR, 12 Dec 2025 (R§7.5)."""
    answer = await cloud.send(template(name="nobody_wrote_this"))
    assert (answer["http"], answer["error"]["code"]) == (404, 132001)


async def test_restriction_of_a_number_leaves_replies_alone(cloud: Cloud) -> None:
    """Source: LIM-UP, 26 Oct 2025 (R§4.3)."""
    await cloud.steer(f"/numbers/{LONE}", status="RESTRICTED")
    answer = await cloud.send(template(), LONE)
    assert (answer["http"], answer["error"]["code"]) == (403, 368)
    await cloud.write(ANA, LONE)
    assert (await cloud.send(text(), LONE))["http"] == 200
    assert (await cloud.send(template(), LONE))["http"] == 200


@pytest.mark.parametrize(
    ("kind", "is_reply", "name", "is_refused"),
    [
        ("RESTRICTED_BIZ_INITIATED_MESSAGING", False, "promo", True),
        ("RESTRICTED_BIZ_INITIATED_MESSAGING", True, "promo", False),
        ("RESTRICTED_CUSTOMER_INITIATED_MESSAGING", True, "promo", True),
        ("RESTRICTED_CUSTOMER_INITIATED_MESSAGING", False, "promo", False),
        ("RESTRICTED_UTILITY_TEMPLATES", False, "order", True),
        ("RESTRICTED_UTILITY_TEMPLATES", False, "promo", False),
        ("RESTRICTED_ADD_PHONE_NUMBER_ACTION", False, "promo", False),
        ("SOMETHING_META_INVENTED", False, "promo", True),
    ],
)
async def test_restriction_of_an_account_by_type(
    cloud: Cloud, kind: str, *, is_reply: bool, name: str, is_refused: bool
) -> None:
    """Source: W-ACC, 21 May 2026 (R§6.2)."""
    if is_reply:
        await cloud.write()
    await cloud.steer("/restrictions", waba_id=WABA, restriction_type=kind, duration_s=3600)
    answer = await cloud.send(template(name=name))
    assert answer["http"] == (403 if is_refused else 200)
    cloud.clock.advance(3601)
    assert (await cloud.send(template(name=name)))["http"] == 200


async def test_restriction_of_calling_stops_requests_to_call(cloud: Cloud) -> None:
    """Source: W-ACC, 21 May 2026 (R§6.2)."""
    kind = "RESTRICTED_BUSINESS_INITIATED_CALLING"
    await cloud.steer("/restrictions", waba_id=WABA, restriction_type=kind, duration_s=3600)
    await cloud.write()
    asking = text(type="interactive", interactive={"type": "call_permission_request"})
    assert (await cloud.send(asking))["error"]["code"] == 368
    assert (await cloud.send(text()))["http"] == 200


async def test_throughput_slides_over_one_second_and_counts_inbound(start: Start) -> None:
    """Source: THR, 17 Jun 2026 (R§5.1)."""
    cloud = await start()
    await cloud.steer(f"/numbers/{LONE}", throughput=3)
    await cloud.write(ANA, LONE)
    cloud.clock.advance(0.5)
    answers = [await cloud.send(text(), LONE) for _ in range(3)]
    assert [each["http"] for each in answers] == [200, 200, 400]
    assert answers[2]["error"]["code"] == 130429
    cloud.clock.advance(0.5)
    assert (await cloud.send(text(), LONE))["http"] == 200
    assert (await cloud.send(text(), LONE))["error"]["code"] == 130429


async def test_pair_rate_lends_45_messages_and_wants_6_s_for_each(cloud: Cloud) -> None:
    """Source: ABOUT, 4 Aug 2026 (R§5.2)."""
    await cloud.write()
    answers = [await cloud.send(text()) for _ in range(46)]
    assert [each["http"] for each in answers] == [200] * 45 + [400]
    assert answers[45]["error"]["code"] == 131056
    await cloud.write(BEN)
    assert (await cloud.send(text(BEN)))["http"] == 200
    cloud.clock.advance(5.9)
    assert (await cloud.send(text()))["http"] == 400
    cloud.clock.advance(0.1)
    assert (await cloud.send(text()))["http"] == 200


async def test_service_window_fails_free_form_after_24_hours(told: tuple[Cloud, Receiver]) -> None:
    """Source: SEND, 21 May 2026; asynchronous by R§12.1 row 15."""
    cloud, receiver = told
    await cloud.write()
    cloud.clock.advance(86_399)
    assert (await cloud.send(text()))["http"] == 200
    assert await cloud.rules_broken() == []
    cloud.clock.advance(1)
    late = await cloud.send(text())
    assert late["http"] == 200
    await flushed(cloud)
    failed = [each for each in receiver.statuses() if each["status"] == "failed"]
    assert [each["id"] for each in failed] == [late["messages"][0]["id"]]
    assert failed[0]["errors"][0]["code"] == 131047
    assert await cloud.rules_broken() == ["service_window"]


async def test_service_window_can_refuse_at_once(start: Start) -> None:
    """Source: ERR, 12 Dec 2025 (R§7.4)."""
    cloud = await start(knobs=Knobs(window_refusal="sync"))
    answer = await cloud.send(text())
    assert (answer["http"], answer["error"]["code"]) == (400, 131047)


async def test_messaging_limit_is_shared_by_the_numbers_of_a_portfolio(start: Start) -> None:
    """Source: LIM, 8 May 2026 (R§2.1)."""
    cloud = await start(knobs=Knobs(limit_overflow="sync_131048"))
    assert (await cloud.send(template(ANA), FIRST))["http"] == 200
    assert (await cloud.send(template(BEN), SECOND))["http"] == 200
    assert (await cloud.send(template(ANA), SECOND))["http"] == 200
    refused = await cloud.send(template(CAT), FIRST)
    assert (refused["http"], refused["error"]["code"]) == (400, 131048)
    assert await cloud.rules_broken() == ["messaging_limit"]


async def test_messaging_limit_frees_a_user_24_h_after_the_last_send(start: Start) -> None:
    """Source: R§12.1 row 3: the last send keeps the user in the set."""
    cloud = await start(knobs=Knobs(limit_overflow="sync_131048"))
    await cloud.send(template(ANA))
    await cloud.send(template(BEN))
    cloud.clock.advance(3600)
    await cloud.send(template(ANA))
    cloud.clock.advance(86_400 - 3600)
    assert (await cloud.send(template(CAT)))["http"] == 200
    assert (await cloud.send(template(BEN)))["http"] == 400


async def test_messaging_limit_is_not_used_inside_an_open_window(cloud: Cloud) -> None:
    """Source: LIM, 8 May 2026 (R§2.1)."""
    for user in (ANA, BEN, CAT):
        await cloud.write(user)
        assert (await cloud.send(template(user)))["http"] == 200
    assert await cloud.rules_broken() == []
    assert (await cloud.number())["counted_users"] == 0


@pytest.mark.parametrize(
    ("overflow", "statuses"),
    [
        ("async_131048", ["failed"]),
        ("silent_no_status", []),
        ("off", ["sent", "delivered"]),
    ],
)
async def test_messaging_limit_overflow_as_the_knob_says(
    told: tuple[Cloud, Receiver], overflow: str, statuses: list[str]
) -> None:
    """Source: R§12.1 row 1, since Meta documents no code."""
    cloud, receiver = told
    await cloud.steer("/knobs", limit_overflow=overflow)
    await cloud.send(template(ANA))
    await cloud.send(template(BEN))
    over = await cloud.send(template(CAT))
    assert over["http"] == 200
    await flushed(cloud)
    wamid = over["messages"][0]["id"]
    assert [each["status"] for each in receiver.statuses() if each["id"] == wamid] == statuses
    assert await cloud.rules_broken() == ["messaging_limit"]


async def test_a_failed_send_stops_counting_at_once(cloud: Cloud) -> None:
    """Source: R§12.1 row 2: released on failed."""
    await cloud.send(template(ANA))
    await cloud.send(template(BEN))
    await cloud.send(template(CAT))
    assert (await cloud.number())["counted_users"] == 2


async def test_a_send_that_will_fail_counts_until_it_does(start: Start) -> None:
    """Source: R§12.1 row 2: counting on accept."""
    cloud = await start(knobs=Knobs(status_delay_s=60))
    await cloud.send(text(ANA))
    assert (await cloud.number())["counted_users"] == 1
    await cloud.steer("/clock", advance_s=60)
    assert (await cloud.number())["counted_users"] == 0


async def test_marketing_preference_fails_marketing_only(told: tuple[Cloud, Receiver]) -> None:
    """Source: ERR 18 Jun 2026, W-PREF (R§6.5)."""
    cloud, receiver = told
    await cloud.steer("/preferences", phone_number_id=FIRST, user=ANA, value="stop")
    stopped = await cloud.send(template(ANA, "promo"))
    await cloud.send(template(ANA, "order"))
    await flushed(cloud)
    failed = [each for each in receiver.statuses() if each["status"] == "failed"]
    assert [each["id"] for each in failed] == [stopped["messages"][0]["id"]]
    assert failed[0]["errors"][0]["code"] == 131050
    await cloud.steer("/preferences", phone_number_id=FIRST, user=ANA, value="resume")
    await cloud.send(template(ANA, "promo"))
    assert await cloud.rules_broken() == ["marketing_preference"]


async def test_observe_accepts_and_notes_everything(start: Start) -> None:
    cloud = await start(mode="observe")
    await cloud.steer(f"/numbers/{FIRST}", status="BANNED", throughput=1)
    for message in (template(ANA), template(BEN), template(CAT, "no_such"), text(ANA)):
        assert (await cloud.send(message))["http"] == 200
    assert set(await cloud.rules_broken()) == {
        "account",
        "throughput",
        "messaging_limit",
        "template",
        "service_window",
    }
    assert (await cloud.number())["counted_users"] == 3


async def test_observe_blames_exactly_what_enforce_would_refuse(start: Start) -> None:
    """A message beyond a rate is not counted in it, in neither mode (R§5.2)."""
    cloud = await start(mode="observe")
    await cloud.write()
    for _ in range(50):
        await cloud.send(text())
    cloud.clock.advance(6)
    await cloud.send(text())
    assert await cloud.rules_broken() == ["pair_rate"] * 5


async def test_shuffled_validation_finds_another_error_first_each_time(start: Start) -> None:
    """Source: FAQ (R§1.10, R§12.1 row 36): the same bad request can yield different codes."""

    async def codes(*, shuffle: bool) -> list[int]:
        cloud = await start(knobs=Knobs(shuffle_validation=shuffle, window_refusal="sync"))
        await cloud.steer(f"/numbers/{FIRST}", status="BANNED")
        bad = template(name="no_such")
        return [(await cloud.send(bad))["error"]["code"] for _ in range(20)]

    assert set(await codes(shuffle=False)) == {131031}
    shuffled = await codes(shuffle=True)
    assert set(shuffled) == {131031, 132001}
    assert shuffled == await codes(shuffle=True)
