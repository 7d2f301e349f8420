"""Who owns a thread. Source: CHLOG #455-458 (R§1.9), the code is made up (R§12.1 row 29)."""

from tests.emulator.conftest import ANA, BEN, FIRST, SECOND, Cloud, template, text


async def test_a_thread_that_was_passed_on_takes_templates_only(cloud: Cloud) -> None:
    for user, number in ((ANA, FIRST), (BEN, FIRST), (ANA, SECOND)):
        await cloud.write(user, number)
    cloud.emulator.state.memory.threads_passed_on.add((FIRST, ANA[1:]))
    assert (await cloud.send(text(ANA), FIRST))["error"]["code"] == 1
    assert (await cloud.send(template(ANA), FIRST))["http"] == 200
    assert (await cloud.send(text(BEN), FIRST))["http"] == 200
    assert (await cloud.send(text(ANA), SECOND))["http"] == 200
    assert await cloud.rules_broken() == ["thread_owner"]
