from pathlib import Path

from tests.house.repository import ROOT, name, under

# These say nothing of their own that a test could hold them to.
WITHOUT_TWIN = {"__init__", "__main__"}
# These look at the whole gateway, or at the repository, not at one module.
WHOLE_HOUSE = {"benchmarks", "house", "journeys", "payloads", "properties", "sdk"}
# Modules without a test of their own, each with its reason.
EXCEPTIONS: dict[str, str] = {}


def twin_of(module: Path) -> Path:
    below = module.relative_to(ROOT / "gateway")
    return ROOT / "tests" / below.with_name(f"test_{below.name}")


def module_of(test: Path) -> Path:
    below = test.relative_to(ROOT / "tests")
    return ROOT / "gateway" / below.with_name(below.name.removeprefix("test_"))


def test_every_module_has_its_test() -> None:
    modules = [path for path in under("gateway", ".py") if path.stem not in WITHOUT_TWIN]
    assert modules
    lonely = {name(path) for path in modules if not twin_of(path).exists()}
    assert lonely - EXCEPTIONS.keys() == set()


def test_every_test_has_its_module() -> None:
    tests = [
        path
        for path in under("tests", ".py")
        if path.stem.startswith("test_")
        and path.relative_to(ROOT / "tests").parts[0] not in WHOLE_HOUSE
    ]
    assert tests
    assert [name(path) for path in tests if not module_of(path).exists()] == []


def test_no_exception_is_left_over() -> None:
    for module, reason in EXCEPTIONS.items():
        assert (ROOT / module).exists()
        assert not twin_of(ROOT / module).exists()
        assert reason
