"""Writes rows as the queries read them: JSON, a list of objects."""

from typing import Any
from uuid import UUID

import orjson


def as_json(rows: Any) -> str:
    """Return rows as JSON; TypeError for what a column cannot hold."""
    return orjson.dumps(rows, default=_known).decode()


def _known(value: Any) -> str:
    # orjson knows the standard library's own UUIDs only, not those that asyncpg makes.
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no value of a column")
