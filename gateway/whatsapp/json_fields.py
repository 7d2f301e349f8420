"""Fields out of strangers' JSON: read tolerantly, or missed in one sentence."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

Fields = Mapping[str, Any]

# Beyond this a Unix time must be in milliseconds: in seconds it is the year 5138.
_MILLISECONDS_FROM: Final = 10**11


class BrokenPayloadError(ValueError):
    """A part that cannot be read; its text ends a sentence that began with the part's place."""


def text(fields: Fields, key: str) -> str | None:
    """Return a non-empty string, or a whole number as one; None for everything else."""
    raw = fields.get(key)
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    return raw if isinstance(raw, str) and raw else None


def required_text(fields: Fields, key: str) -> str:
    """Return what `text` returns; raises BrokenPayloadError where that is None."""
    found = text(fields, key)
    if found is None:
        raise BrokenPayloadError(f"has no {key}")
    return found


def required_object(item: object) -> Fields:
    """Return `item` if it is an object; raises BrokenPayloadError otherwise."""
    if not isinstance(item, dict):
        raise BrokenPayloadError("is not an object")
    return item


def whole(fields: Fields, key: str) -> int | None:
    """Return a whole number, also one that is written as a string; None for everything else."""
    raw = fields.get(key)
    if isinstance(raw, str) and raw.isascii() and raw.isdigit():
        return int(raw[:18])
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None


def nested(fields: Fields, key: str) -> Fields:
    """Return the object under `key`, an empty one where there is none."""
    raw = fields.get(key)
    return raw if isinstance(raw, dict) else {}


def items(fields: Fields, key: str) -> list[Any]:
    """Return the list under `key`; an object stands for a list of one, anything else for none."""
    raw = fields.get(key)
    if isinstance(raw, dict):
        return [raw]
    return raw if isinstance(raw, list) else []


def objects(fields: Fields, key: str) -> list[Fields]:
    """Return the objects among the items under `key`."""
    return [item for item in items(fields, key) if isinstance(item, dict)]


def instant(fields: Fields, key: str) -> datetime | None:
    """Return a Unix time (seconds or milliseconds, number or string) as UTC, None if it is none."""
    seconds = whole(fields, key)
    if seconds is None or seconds <= 0:
        return None
    if seconds >= _MILLISECONDS_FROM:
        seconds //= 1_000
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
