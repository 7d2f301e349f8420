import pytest

from tests.emulator.conftest import ANA, FIRST, Cloud, template


async def test_a_person_is_changed_and_listed(cloud: Cloud) -> None:
    changed = await cloud.steer(f"/users/{ANA}", not_on_whatsapp=True)
    assert changed["not_on_whatsapp"]
    listed = await cloud.told("/users")
    assert [(each["phone"], each["not_on_whatsapp"]) for each in listed] == [("34600000001", True)]
    await cloud.send(template(ANA))
    assert (await cloud.told("/sends"))[0]["fails_with"] == 131026


async def test_a_person_without_a_phone_is_refused(cloud: Cloud) -> None:
    answer = await cloud.steer("/users/nobody", offline=True)
    assert (answer["http"], answer["error"]) == (400, "phone: 'nobody' is not a phone number")


async def test_an_unlimited_number_is_asked_for_by_null_or_by_word(cloud: Cloud) -> None:
    for written in (None, "unlimited"):
        await cloud.steer(f"/numbers/{FIRST}", messaging_limit=5)
        changed = await cloud.steer(f"/numbers/{FIRST}", messaging_limit=written)
        assert changed["messaging_limit"] is None


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "body: exactly one of name, toml and scenario is needed"),
        ({"name": "blue-week"}, "blue-week: no such scenario; there are lived, outage"),
        ({"name": "../scenarios/outage"}, "../scenarios/outage: no such scenario"),
        ({"toml": "[knobs]\ncolour = 1"}, "toml: [knobs] colour: Extra inputs"),
        ({"scenario": {"knobs": {"drop_rate": 7}}}, "scenario.knobs.drop_rate: Input should be"),
    ],
)
async def test_a_scenario_that_makes_no_sense_changes_nothing(
    cloud: Cloud, body: dict[str, object], error: str
) -> None:
    await cloud.send(template(ANA))
    answer = await cloud.steer("/scenario", **body)
    assert answer["http"] == 400
    assert answer["error"].startswith(error)
    assert len(await cloud.told("/sends")) == 1


async def test_a_scenario_and_its_resets_keep_the_receiver_of_webhooks(cloud: Cloud) -> None:
    await cloud.steer("/webhook_url", url="http://127.0.0.1:9/")
    assert (await cloud.steer("/scenario", name="lived"))["webhook_url"] == "http://127.0.0.1:9/"
    await cloud.steer("/webhook_url", url=None)
    assert (await cloud.steer("/reset"))["webhook_url"] == "http://127.0.0.1:9/"


async def test_a_scenario_is_played_from_its_text(cloud: Cloud) -> None:
    answer = await cloud.steer("/scenario", toml="name = 'mine'\n[knobs]\nread = true")
    assert (answer["scenario"], answer["knobs"]["read"], answer["numbers"]) == ("mine", True, [])
