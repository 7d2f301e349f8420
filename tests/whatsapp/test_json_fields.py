from datetime import UTC, datetime

import pytest

from gateway.whatsapp import json_fields
from gateway.whatsapp.json_fields import BrokenPayloadError

FIELDS = {
    "word": "a",
    "empty": "",
    "number": 7,
    "digits": "7",
    "true": True,
    "float": 1.5,
    "object": {"a": 1},
    "list": [{"a": 1}, 2],
    "null": None,
}


@pytest.mark.parametrize(
    ("key", "text", "whole"),
    [
        ("word", "a", None),
        ("empty", None, None),
        ("number", "7", 7),
        ("digits", "7", 7),
        ("true", None, None),
        ("float", None, None),
        ("object", None, None),
        ("null", None, None),
        ("missing", None, None),
    ],
)
def test_scalars(key: str, text: str | None, whole: int | None) -> None:
    assert json_fields.text(FIELDS, key) == text
    assert json_fields.whole(FIELDS, key) == whole


def test_containers() -> None:
    assert json_fields.nested(FIELDS, "object") == {"a": 1}
    assert json_fields.nested(FIELDS, "list") == {}
    assert json_fields.items(FIELDS, "list") == [{"a": 1}, 2]
    assert json_fields.items(FIELDS, "object") == [{"a": 1}]
    assert json_fields.items(FIELDS, "word") == []
    assert json_fields.objects(FIELDS, "list") == [{"a": 1}]


def test_what_is_required_is_missed_by_name() -> None:
    assert json_fields.required_text(FIELDS, "word") == "a"
    with pytest.raises(BrokenPayloadError, match="has no empty"):
        json_fields.required_text(FIELDS, "empty")
    assert json_fields.required_object({}) == {}
    with pytest.raises(BrokenPayloadError, match="is not an object"):
        json_fields.required_object([])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (1790420400, datetime(2026, 9, 26, 11, 0, tzinfo=UTC)),
        ("1790420400", datetime(2026, 9, 26, 11, 0, tzinfo=UTC)),
        (1790420400123, datetime(2026, 9, 26, 11, 0, tzinfo=UTC)),
        (10**17, None),
        ("9" * 30, None),
        (0, None),
        (-1, None),
        ("<TIMESTAMP>", None),
        (None, None),
        (True, None),
    ],
)
def test_a_unix_time_is_an_instant(raw: object, expected: datetime | None) -> None:
    assert json_fields.instant({"at": raw}, "at") == expected
