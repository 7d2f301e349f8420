import ast

from tests.house.repository import name, tree, under

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
FOLDERS = ("gateway", "tests", "benchmarks", "migrations")


def test_no_file_is_too_long() -> None:
    paths = [path for folder in FOLDERS for path in under(folder, ".py", ".sql", ".js")]
    assert paths
    lengths = {name(path): len(path.read_text().splitlines()) for path in paths}
    assert {path: size for path, size in lengths.items() if size > LONGEST_FILE} == {}


def test_no_function_is_too_long() -> None:
    long = {}
    for path in (path for folder in FOLDERS for path in under(folder, ".py")):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    long[f"{name(path)}:{node.lineno} {node.name}"] = length
    assert long == {}


def test_every_module_opens_with_its_job() -> None:
    modules = [*under("gateway", ".py"), *under("benchmarks", ".py")]
    assert modules
    assert [name(path) for path in modules if not ast.get_docstring(tree(path))] == []
