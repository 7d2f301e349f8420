import pytest

from gateway.cli.rules import manual
from gateway.policy.decide import RULES
from tests.cli.command import Run

HEADINGS = ("Meta's rule", "Source", "What the gateway does", "Refused as")


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_manual_with_all_headings_in_order(rule: str) -> None:
    lines = manual(rule).splitlines()
    found = [lines.index(heading) for heading in HEADINGS]
    assert found == sorted(found)
    assert all(lines[at + 1].startswith("    ") for at in found)


async def test_the_whole_book_is_printed(run: Run) -> None:
    done = await run("rules")
    assert (done.code, done.err) == (0, "")
    assert all(f"{rule}\n{manual(rule)}\n" in done.out for rule in RULES)


async def test_one_rule_can_be_asked_for(run: Run) -> None:
    done = await run("rules", "pair_rate")
    assert (done.code, done.out.strip()) == (0, f"pair_rate\n{manual('pair_rate')}")


async def test_a_rule_that_is_none_is_told_with_those_there_are(run: Run) -> None:
    done = await run("rules", "pear_rate")
    assert done.code == 2
    assert "pear_rate" in done.err
    assert "pair_rate" in done.err
    assert "Traceback" not in done.err
