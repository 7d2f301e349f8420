from gateway.emulator.steering import report, report_text
from tests.emulator.conftest import LONE, Cloud, state, template


def test_columns_stand_below_their_names() -> None:
    lines = report_text.of(report.of(state())).splitlines()
    head = lines.index("RULES") + 1
    at = lines[head].index("broken")
    assert lines[head].startswith("rule ")
    assert {line[at] for line in lines[head + 1 : head + 12]} == {"0"}
    assert not any(line.endswith(" ") for line in lines)


async def test_the_tables_show_numbers_templates_and_what_changed(cloud: Cloud) -> None:
    await cloud.send(template(), LONE)
    await cloud.steer(f"/numbers/{LONE}", quality_rating="RED", messaging_limit=None)
    text = await (await cloud.client.get("/_emulator/report?format=text")).text()
    row = next(line.split() for line in text.splitlines() if line.startswith(LONE))
    assert row == [LONE, "FLAGGED", "RED", "unlimited", "1", "1", "0", "0"]
    assert "quality_rating" in text.partition("\nHISTORY\n")[2]
    assert "promo" in text.partition("\nTEMPLATES\n")[2]


def test_tables_without_rows_are_left_out() -> None:
    text = report_text.of(report.of(state()))
    assert "HISTORY" not in text
    assert "EVENTS" not in text
