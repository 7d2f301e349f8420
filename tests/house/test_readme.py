"""The tables of the README say what the settings and the knobs say themselves."""

import re

from gateway.config import settings_table
from gateway.policy.knobs import Knobs
from gateway.policy.turning import TURNABLE, shown
from tests.house.repository import ROOT

TABLE = re.compile(r"<!-- settings -->\n(.*?)\n<!-- /settings -->", re.DOTALL)
KNOB = re.compile(r"^\| `([a-z_0-9]+)` \| ([\d.,]+) \| ([\d.,]+) to ([\d.,]+) \| ", re.MULTILINE)


def test_the_settings_table_is_the_settings_own() -> None:
    tables = TABLE.findall((ROOT / "README.md").read_text())
    assert [table.strip() for table in tables] == [settings_table()]


def test_the_table_of_knobs_names_every_knob_with_its_default_and_bounds() -> None:
    found = KNOB.findall((ROOT / "README.md").read_text())
    defaults = shown(Knobs())
    assert found == [
        (name, *map(plain, (defaults[name], least, most)))
        for name, (least, most) in TURNABLE.items()
    ]


def plain(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".")
