"""Say which files the repository has, for the tests that prove the house's rules."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@cache
def files() -> tuple[Path, ...]:
    """Return every file under version control, and new ones that are not ignored."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    paths = (ROOT / name for name in done.stdout.decode().split("\0") if name)
    # A file that was deleted but not yet committed is listed still.
    return tuple(sorted(path for path in paths if path.is_file()))


def under(folder: str, *suffixes: str) -> list[Path]:
    """Return the files below ``folder``, of the given suffixes only."""
    top = ROOT / folder
    return [path for path in files() if path.is_relative_to(top) and path.suffix in suffixes]


def name(path: Path) -> str:
    """Return the path as a person writes it."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """Return the parsed module."""
    return ast.parse(path.read_text(), filename=str(path))


def imports(path: Path) -> set[str]:
    """Return what a module imports, dotted; ``from a import b`` gives ``a`` and ``a.b``."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        match node:
            case ast.Import(names=aliases):
                found.update(alias.name for alias in aliases)
            case ast.ImportFrom(module=str(module), names=aliases, level=0):
                found.add(module)
                found.update(f"{module}.{alias.name}" for alias in aliases)
            case _:
                pass
    return found


def imports_any(path: Path, *modules: str) -> bool:
    """Tell whether a module imports one of ``modules`` or something below it."""
    wanted = tuple(f"{module}." for module in modules)
    return any(f"{found}.".startswith(wanted) for found in imports(path))
