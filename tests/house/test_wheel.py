from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.house.repository import ROOT, files, name, under


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Build the wheel and return the names of its files."""
    folder = tmp_path_factory.mktemp("wheel")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with ZipFile(Path(wheel)) as archive:
        return set(archive.namelist())


def test_the_wheel_carries_the_migrations(packed: set[str]) -> None:
    migrations = under("migrations", ".sql")
    assert migrations
    assert {f"gateway/{name(path)}" for path in migrations} <= packed


def test_the_wheel_carries_the_console(packed: set[str]) -> None:
    console = [path for path in files() if path.is_relative_to(ROOT / "gateway/web/console")]
    assert [path for path in console if path.suffix == ".html"]
    assert {name(path) for path in console} <= packed


def test_the_wheel_carries_the_whole_package_and_nothing_else(packed: set[str]) -> None:
    package = {name(path) for path in files() if path.is_relative_to(ROOT / "gateway")}
    added = {path for path in packed if not path.startswith("gateway-")}
    migrations = {
        f"gateway/{name(path)}" for path in files() if name(path).startswith("migrations/")
    }
    assert added == package | migrations


def test_the_wheel_carries_the_licence(packed: set[str]) -> None:
    assert any(path.endswith(".dist-info/licenses/LICENSE") for path in packed)
