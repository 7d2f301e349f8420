import json
from datetime import UTC, datetime
from random import Random
from uuid import UUID

import pytest

from gateway.store.message_ids import MessageIds
from gateway.store.rows import as_json
from tests.policy.making import NOW


def test_rows_are_written_as_objects_of_what_columns_hold() -> None:
    hour = datetime(2026, 11, 2, 9, tzinfo=UTC)
    rows = json.loads(as_json([{"a": "text", "b": 1, "c": None, "d": hour, "e": True}]))
    assert rows == [{"a": "text", "b": 1, "c": None, "d": "2026-11-02T09:00:00+00:00", "e": True}]


def test_ids_are_written_alike_whoever_has_made_them() -> None:
    made = MessageIds(Random(1)).new(NOW)  # noqa: S311 - ids, not secrets
    assert json.loads(as_json([made, UUID(int=made.int)])) == [str(made)] * 2


def test_what_no_column_holds_is_refused() -> None:
    with pytest.raises(TypeError):
        as_json([{"a": object()}])
