import re

from tests.house.repository import ROOT, name, under

# A name that tells nothing is where everything ends up.
BANNED = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}


def test_no_module_or_folder_has_a_name_that_tells_nothing() -> None:
    offenders = [
        name(path)
        for folder in ("gateway", "tests", "benchmarks")
        for path in under(folder, ".py", ".sql")
        if BANNED & set(re.split(r"[/_.]", path.relative_to(ROOT).as_posix()))
    ]
    assert offenders == []
