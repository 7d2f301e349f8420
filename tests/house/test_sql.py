import ast
import re
from pathlib import Path

from tests.house.repository import ROOT, imports_any, name, tree, under

STORE = ROOT / "gateway" / "store"
DATABASE_CLOCK = re.compile(
    r"\bnow\s*\(|\bcurrent_(timestamp|date|time)\b|\blocaltime(stamp)?\b"
    r"|\b(clock|statement|transaction)_timestamp\s*\(",
    re.IGNORECASE,
)
STATEMENT = re.compile(
    r"\s*(with\s+\w+\s*(\([^)]*\)\s*)?as\s*(\w+\s+)*\(|select\b.*(\bfrom\b|[($])|select\s+\d|insert\s+into\b"
    r"|update\s+\S+\s+set\b|delete\s+from\b|listen\s+\w+\s*$|notify\s+\w+"
    r"|(create|alter|drop)\s+(table|index|database|schema|type|extension)\b)",
    re.IGNORECASE | re.DOTALL,
)


def without_comments(sql: str) -> str:
    return re.sub(r"--[^\n]*|/\*.*?\*/", "", sql, flags=re.DOTALL)


def texts(path: Path) -> list[ast.Constant]:
    """Return the string literals of a module that are not docstrings."""
    prose = {
        node.value
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in prose
    ]


def outside_store() -> list[Path]:
    return [path for path in under("gateway", ".py") if not path.is_relative_to(STORE)]


def test_the_hour_is_a_parameter_of_every_query() -> None:
    queries = under("gateway/store", ".sql")
    assert queries
    offenders = [
        name(path)
        for path in (*queries, *under("migrations", ".sql"))
        if DATABASE_CLOCK.search(without_comments(path.read_text()))
    ]
    assert offenders == []


def test_the_store_does_not_ask_the_database_for_the_time_in_python_either() -> None:
    offenders = [
        f"{name(path)}:{text.lineno}"
        for path in under("gateway/store", ".py")
        for text in texts(path)
        if DATABASE_CLOCK.search(str(text.value))
    ]
    assert offenders == []


def test_nobody_but_the_store_speaks_sql() -> None:
    offenders = [
        f"{name(path)}:{text.lineno}"
        for path in outside_store()
        for text in texts(path)
        if STATEMENT.match(str(text.value))
    ]
    assert offenders == []


def test_every_query_file_stands_beside_its_module() -> None:
    queries = [path for path in under("gateway", ".sql") if path.parts[-2] != "migrations"]
    assert [name(path) for path in queries if not path.with_suffix(".py").exists()] == []


def test_nobody_but_the_store_imports_the_driver() -> None:
    assert [name(path) for path in outside_store() if imports_any(path, "asyncpg")] == []
    assert [path for path in under("gateway/store", ".py") if imports_any(path, "asyncpg")]
