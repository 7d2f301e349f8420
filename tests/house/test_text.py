import re

import pytest

from tests.house.repository import ROOT, files, name

# One character stands in brackets so that this file does not offend itself.
BANNED = {
    "a path of somebody's machine": (
        r"(?<![\w.])/([w]ork|[r]oot|[h]ome/\w+|[U]sers/\w+)/|/tmp/[b]ash_jobs|/tmp/[b]riefs"
        r"|/opt/[w]heels"
    ),
    "the choice of an index": (
        r"--(extra-)?[i]ndex-url|--[d]efault-index|--[f]ind-links"
        r"|PIP_(EXTRA_)?[I]NDEX|UV_(DEFAULT_)?[I]NDEX"
    ),
    "the host of a package registry": (
        r"[p]ypi\.org|[p]ythonhosted\.org|[n]pmjs\.(org|com)|[c]rates\.io|[p]roxy\.golang\.org"
    ),
}


@pytest.mark.parametrize("what", BANNED)
def test_no_file_names(what: str) -> None:
    pattern = re.compile(BANNED[what].encode())
    assert len(files()) > 1
    found = [
        f"{name(path)}:{number} {hit[0].decode()}"
        for path in files()
        for number, line in enumerate(path.read_bytes().splitlines(), 1)
        for hit in pattern.finditer(line)
    ]
    assert found == []


def test_every_exception_to_the_linter_has_its_reason() -> None:
    """An entry of an ignore list in pyproject.toml has a comment on its line."""
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    rules = [line for line in lines if re.match(r'\s+"[A-Z]+[0-9]+"', line)]
    assert rules
    assert [line for line in rules if not re.search(r"# \S", line)] == []


def test_every_exception_to_the_type_checker_has_its_reason() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    after = [lines[at + 1] for at, line in enumerate(lines) if line == "[[tool.mypy.overrides]]"]
    assert after
    assert [line for line in after if not line.startswith("# ")] == []


def test_every_exception_in_the_code_is_for_named_rules() -> None:
    blanket = re.compile(r"# (noqa|type: ignore)(?!: [A-Z]|\[)|# [f]lake8: noqa|# ruff: noqa(?!: )")
    found = [
        f"{name(path)}:{number}"
        for path in files()
        if path.suffix == ".py" and path != ROOT / "tests/house/test_text.py"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if blanket.search(line)
    ]
    assert found == []
