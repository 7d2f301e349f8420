"""The settings table of the README is printed from the settings themselves."""

import re

from gateway.config import settings_table
from tests.house.repository import ROOT

TABLE = re.compile(r"<!-- settings -->\n(.*?)\n<!-- /settings -->", re.DOTALL)


def test_the_settings_table_is_the_settings_own() -> None:
    tables = TABLE.findall((ROOT / "README.md").read_text())
    assert [table.strip() for table in tables] == [settings_table()]
