from tests.emulator.conftest import ANA, FIRST, PORTFOLIO, Cloud, template


async def test_the_history_is_told_whole_by_subject_by_kind_and_lately(cloud: Cloud) -> None:
    await cloud.steer(f"/numbers/{FIRST}", quality_rating="YELLOW", messaging_limit=7)
    await cloud.steer(f"/numbers/{FIRST}", quality_rating="RED")

    async def found(query: str) -> list[tuple[str, object]]:
        return [(each["subject"], each["new"]) for each in await cloud.told(f"/history{query}")]

    assert await found("") == [(FIRST, "YELLOW"), (PORTFOLIO, 7), (FIRST, "RED")]
    assert await found(f"?subject={PORTFOLIO}") == [(PORTFOLIO, 7)]
    assert await found("?kind=quality_rating&limit=1") == [(FIRST, "RED")]


async def test_clearing_the_lists_leaves_the_report_alone(cloud: Cloud) -> None:
    await cloud.send(template(ANA, name="nobody"))
    await cloud.client.delete("/_emulator/sends")
    await cloud.client.delete("/_emulator/violations")
    report = await cloud.told("/report")
    assert next(each["broken"] for each in report["rules"] if each["rule"] == "template") == 1


async def test_the_report_is_told_as_text_too(cloud: Cloud) -> None:
    answer = await cloud.client.get("/_emulator/report?format=text")
    assert answer.content_type == "text/plain"
    assert "\nRULES\n" in await answer.text()
