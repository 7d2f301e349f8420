import ast
from pathlib import Path

import pytest

from tests.house.repository import name, tree, under

HEADINGS = ("Meta's rule", "Source", "What the gateway does", "Refused as")
RULES = [path for path in under("gateway/policy/rules", ".py") if path.stem != "__init__"]


def sections(path: Path) -> dict[str, str]:
    """Return the indented text under each flush line of a module's docstring."""
    found: dict[str, str] = {}
    heading = ""
    for line in (ast.get_docstring(tree(path)) or "").splitlines():
        if line.startswith(" "):
            found[heading] = f"{found.get(heading, '')} {line.strip()}".strip()
        elif line:
            heading = line
    return found


def test_there_are_rules() -> None:
    assert RULES


@pytest.mark.parametrize("path", RULES, ids=name)
def test_a_rule_can_be_printed_in_the_manual(path: Path) -> None:
    found = sections(path)
    assert tuple(found) == HEADINGS
    assert all(found.values())
    first = (ast.get_docstring(tree(path)) or "").splitlines()[0]
    assert first.endswith(".")
