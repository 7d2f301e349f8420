"""Brings a database to the present schema: plain SQL files, forward only, each once."""

import hashlib
from pathlib import Path
from typing import Final

import asyncpg

from gateway.store.errors import unavailable_when_away

LOCK: Final = 0x6761746577617921  # any number will do, as long as every gateway uses the same

BOOK: Final = """
create table if not exists schema_migrations (
    name     text primary key,
    sha256   text not null
)
"""


class MigrationError(Exception):
    """The migrations and the database disagree; the message says how."""


def migrations_dir() -> Path:
    """Return the folder of the migrations: inside the installed package, else beside it."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


async def migrate(url: str, folder: Path | None = None) -> list[str]:
    """Apply what the database at `url` does not have yet; return the names applied.

    Several processes may call this at once: one works, the others wait. A file that was changed
    after it had been applied raises MigrationError, and nothing is applied.
    """
    files = sorted((folder or migrations_dir()).glob("[0-9]*.sql"))
    if not files:
        raise MigrationError("no migrations found")
    with unavailable_when_away():
        connection = await asyncpg.connect(url, timeout=10)
        try:
            await connection.execute("select pg_advisory_lock($1)", LOCK)
            return await _apply(connection, files)
        finally:
            await connection.close()


async def pending(url: str) -> list[str]:
    """Return the names of migrations the database at `url` lacks."""
    with unavailable_when_away():
        connection = await asyncpg.connect(url, timeout=10)
        try:
            known = await connection.fetchval("select to_regclass('schema_migrations')")
            rows = await connection.fetch("select name from schema_migrations") if known else []
        finally:
            await connection.close()
    applied = {row["name"] for row in rows}
    return [
        file.name
        for file in sorted(migrations_dir().glob("[0-9]*.sql"))
        if file.name not in applied
    ]


async def _apply(connection: asyncpg.Connection, files: list[Path]) -> list[str]:
    await connection.execute(BOOK)
    rows = await connection.fetch("select name, sha256 from schema_migrations")
    applied = {row["name"]: row["sha256"] for row in rows}
    texts = {file.name: file.read_text() for file in files}
    for name, digest in applied.items():
        if name in texts and _digest(texts[name]) != digest:
            raise MigrationError(f"{name} was changed after it had been applied")
    done = []
    for name, text in texts.items():
        if name in applied:
            continue
        async with connection.transaction():
            await connection.execute(text)
            await connection.execute(
                "insert into schema_migrations (name, sha256) values ($1, $2)", name, _digest(text)
            )
        done.append(name)
    return done


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
