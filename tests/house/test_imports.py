import subprocess
import sys

from tests.house.repository import ROOT, imports, imports_any, name, under

MAY_READ_SETTINGS = ("gateway/app.py", "gateway/config.py", "gateway/cli/")
MAY_START_THE_EMULATOR = ("gateway/cli/emulate.py", "gateway/cli/sandbox.py", "gateway/emulator/")


def importers(module: str) -> list[str]:
    return [name(path) for path in under("gateway", ".py") if imports_any(path, module)]


def test_the_contracts_hold() -> None:
    # In a process of its own: the linter switches off every logger that there is.
    linter = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", linter, "--config", str(ROOT / "pyproject.toml"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_composition_root_and_the_commands_read_the_settings() -> None:
    found = importers("gateway.config")
    assert found
    assert [path for path in found if not path.startswith(MAY_READ_SETTINGS)] == []


def test_only_two_commands_start_the_emulator() -> None:
    found = importers("gateway.emulator")
    assert found
    assert [path for path in found if not path.startswith(MAY_START_THE_EMULATOR)] == []


def test_the_emulator_knows_nothing_of_the_gateway() -> None:
    rooms = under("gateway/emulator", ".py")
    assert rooms
    borrowed = {
        f"{name(path)}: {module}"
        for path in rooms
        for module in imports(path)
        if f"{module}.".startswith("gateway.")
        and module != "gateway"
        and not f"{module}.".startswith("gateway.emulator.")
    }
    assert borrowed == set()
