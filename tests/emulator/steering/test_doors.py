import pytest
from yarl import URL

from tests.emulator.conftest import (
    ANA,
    BEN,
    FIRST,
    SECOND,
    WABA,
    Cloud,
    Receiver,
    flushed,
    template,
    text,
)


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/inbound", {"from": ANA}, "phone_number_id"),
        ("/inbound", {"phone_number_id": FIRST, "from": "nobody"}, "from"),
        (f"/numbers/{FIRST}", {"quality_rating": "PURPLE"}, "quality_rating"),
        (f"/numbers/{FIRST}", {"colour": "red"}, "colour"),
        ("/templates/promo", {"category": "SPAM"}, "category"),
        ("/restrictions", {"restriction_type": "X", "duration_s": 1}, "waba_id"),
        ("/preferences", {"phone_number_id": FIRST, "user": ANA, "value": "maybe"}, "value"),
        ("/preferences", {"phone_number_id": FIRST, "user": "?", "value": "stop"}, "user"),
        ("/faults", {"action": "explode"}, "action"),
        ("/faults", {"action": "error", "match": {"colour": "red"}}, "match.colour"),
        ("/clock", {"advance_s": -1}, "advance_s"),
        ("/clock", {"advance_s": "soon"}, "advance_s"),
        ("/knobs", {"drop_rate": 7}, "drop_rate"),
        ("/knobs", {"no_such_knob": 7}, "no_such_knob"),
        ("/webhooks/flush?timeout_s=x", {}, "timeout_s"),
        ("/webhook_url", {}, "url"),
    ],
)
async def test_bad_steering_names_the_field(
    cloud: Cloud, path: str, body: dict[str, object], named: str
) -> None:
    answer = await cloud.steer(path, **body)
    assert answer["http"] == 400
    assert answer["error"].startswith(f"{named}: ")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/numbers/999", {"status": "BANNED"}),
        ("/inbound", {"phone_number_id": "999", "from": ANA}),
        ("/templates/nobody", {"status": "PAUSED"}),
        ("/templates/promo", {"status": "PAUSED", "language": "es"}),
        ("/restrictions", {"waba_id": "9", "restriction_type": "X", "duration_s": 1}),
    ],
)
async def test_unknown_things_are_404(cloud: Cloud, path: str, body: dict[str, object]) -> None:
    assert (await cloud.steer(path, **body))["http"] == 404


@pytest.mark.parametrize("body", [b"{", b"[]"])
async def test_a_body_must_be_an_object(cloud: Cloud, body: bytes) -> None:
    answer = await cloud.client.post("/_emulator/clock", data=body)
    assert answer.status == 400
    assert (await answer.json())["error"].startswith("body: ")


async def test_sends_are_filtered_and_cleared(cloud: Cloud) -> None:
    await cloud.send(template(ANA), FIRST)
    cloud.clock.advance(60)
    since = cloud.clock.now().isoformat()
    await cloud.send(template(ANA), SECOND)
    await cloud.send(template(BEN), SECOND)

    async def found(**query: str) -> int:
        return len(await cloud.told(str(URL("/sends").with_query(query))))

    assert await found() == 3
    assert await found(phone_number_id=SECOND) == 2
    assert await found(user="34600000001") == 2
    assert await found(since=since) == 2
    assert await found(limit="1") == 1
    assert (await cloud.told("/sends?limit=1"))[0]["user"] == "34600000002"
    assert "error" in await cloud.told("/sends?limit=x")
    assert "error" in await cloud.told("/sends?since=x")
    await cloud.client.delete("/_emulator/sends")
    assert await found() == 0


async def test_violations_are_filtered_and_cleared(cloud: Cloud) -> None:
    await cloud.send(text(), FIRST)
    await cloud.send(template(name="nobody"), SECOND)
    assert len(await cloud.told("/violations")) == 2
    assert len(await cloud.told("/violations?rule=template")) == 1
    assert len(await cloud.told(f"/violations?phone_number_id={FIRST}")) == 1
    await cloud.client.delete("/_emulator/violations")
    assert await cloud.told("/violations") == []


async def test_the_clock_is_told_after_it_moved(cloud: Cloud) -> None:
    before = cloud.clock.now()
    answer = await cloud.steer("/clock", advance_s=90)
    assert answer["now"] == cloud.clock.now().isoformat()
    assert (cloud.clock.now() - before).total_seconds() == 90


async def test_restrictions_are_lifted(cloud: Cloud) -> None:
    kind = "RESTRICTED_BIZ_INITIATED_MESSAGING"
    end = cloud.clock.now().timestamp() + 60
    await cloud.steer("/restrictions", waba_id=WABA, restriction_type=kind, expiration=end)
    assert (await cloud.send(template()))["error"]["code"] == 368
    lifted = await (await cloud.client.delete("/_emulator/restrictions")).json()
    assert lifted == {"lifted": 1}
    assert (await cloud.send(template()))["http"] == 200


async def test_faults_are_listed_and_cleared(cloud: Cloud) -> None:
    armed = await cloud.steer("/faults", action="reset", times=2)
    listed = (await cloud.told("/faults"))[0]
    assert (listed["id"], listed["action"], listed["left"]) == (armed["id"], "reset", 2)
    await cloud.client.delete("/_emulator/faults")
    assert await cloud.told("/faults") == []


async def test_the_webhook_url_can_be_changed(cloud: Cloud, receiver: tuple[Receiver, str]) -> None:
    taking, url = receiver
    await cloud.write()
    refused = await cloud.steer("/webhook_url", url=url, verify=True)
    assert refused["http"] == 400
    await cloud.steer("/webhook_url", url=url)
    await cloud.write()
    await flushed(cloud)
    assert len(taking.values()) == 1
    await cloud.steer("/webhook_url", url=None)
    assert (await cloud.told("/state"))["webhook_url"] is None


async def test_knobs_are_turned_one_by_one(cloud: Cloud) -> None:
    await cloud.steer("/knobs", read=True)
    knobs = await cloud.steer("/knobs", batch_max=3)
    assert (knobs["read"], knobs["batch_max"]) == (True, 3)


async def test_several_templates_of_a_name_change_together(cloud: Cloud) -> None:
    changed = await cloud.steer("/templates/promo", status="DISABLED", waba_id=WABA)
    assert [each["status"] for each in changed["templates"]] == ["DISABLED"]
