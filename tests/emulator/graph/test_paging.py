import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.emulator.graph.paging import page

ITEMS = [{"id": str(index)} for index in range(5)]


def ids(query: str) -> list[str]:
    return [each["id"] for each in page(make_mocked_request("GET", f"/x{query}"), ITEMS)["data"]]


def test_pages_follow_each_other_until_the_end() -> None:
    seen: list[str] = []
    query = "?limit=2"
    for _ in range(3):
        one = page(make_mocked_request("GET", f"/x{query}"), ITEMS)
        seen += [each["id"] for each in one["data"]]
        query = f"?limit=2&after={one['paging']['cursors']['after']}"
    assert seen == ["0", "1", "2", "3", "4"]
    assert ids(query) == []


@pytest.mark.parametrize("query", ["", "?limit=x", "?after=nonsense", "?after=%00", "?limit=99"])
def test_bad_values_give_the_first_page(query: str) -> None:
    assert ids(query) == ["0", "1", "2", "3", "4"]


def test_a_limit_of_nothing_is_one() -> None:
    assert ids("?limit=0") == ["0"]
