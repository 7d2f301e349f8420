from pathlib import Path

import asyncpg
import pytest

import gateway.store
from gateway.store.queries import beside

STORE = Path(gateway.store.__file__).parent
FILES = sorted(STORE.glob("*.sql"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_every_query_is_understood_by_postgresql(file: Path, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        for sql in beside(str(file)).values():
            await connection.prepare(sql)
    finally:
        await connection.close()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_query_file_stands_beside_its_module(file: Path) -> None:
    assert file.with_suffix(".py").exists()


def test_queries_are_read_by_name(tmp_path: Path) -> None:
    (tmp_path / "x.sql").write_text("-- name: one\n-- why\nselect 1\n\n-- name: two\nselect 2\n")
    assert beside(str(tmp_path / "x.py")) == {"one": "-- why\nselect 1", "two": "select 2"}


def test_what_queries_have_in_common_is_written_once(tmp_path: Path) -> None:
    (tmp_path / "x.sql").write_text(
        "-- part: meant\n($1::text is null)\n\n"
        "-- name: one\nselect 1 where :meant\n-- name: two\nselect 2 where :meant and true\n"
    )
    assert beside(str(tmp_path / "x.py")) == {
        "one": "select 1 where ($1::text is null)",
        "two": "select 2 where ($1::text is null) and true",
    }


def test_a_part_that_is_not_there_is_missed_at_once(tmp_path: Path) -> None:
    (tmp_path / "x.sql").write_text("-- part: meant\ntrue\n-- name: one\nselect 1 where :mean")
    with pytest.raises(ValueError, match="no part 'mean'"):
        beside(str(tmp_path / "x.py"))


@pytest.mark.parametrize(
    "text", ["select 1", "-- name: a\nselect 1\n-- name: a\nselect 2"], ids=["nameless", "twice"]
)
def test_a_query_needs_a_name_of_its_own(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.sql").write_text(text)
    with pytest.raises(ValueError, match="name of its own"):
        beside(str(tmp_path / "x.py"))
