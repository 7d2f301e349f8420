from datetime import UTC, datetime

import pytest

from gateway.whatsapp.events import UnknownField
from gateway.whatsapp.ids import WabaId
from gateway.whatsapp.json_fields import BrokenPayloadError, Fields, required_text
from gateway.whatsapp.webhook_change import Change

WABA = WabaId("100000000000001")


def change(**value: object) -> Change:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return Change(WABA, at, "entry[0].changes[0]", value, [], [])


def read_one(fields: Fields) -> UnknownField:
    return UnknownField(WABA, required_text(fields, "name"))


def test_items_are_read_one_by_one() -> None:
    found = change(things=[{"name": "a"}, {}, 7, {"name": "b"}])
    assert found.each("things", read_one) == 4
    assert found.events == [UnknownField(WABA, "a"), UnknownField(WABA, "b")]
    assert found.problems == [
        "entry[0].changes[0] things[1] has no name.",
        "entry[0].changes[0] things[2] is not an object.",
    ]


def test_no_items_are_none() -> None:
    found = change()
    assert found.each("things", read_one) == 0
    assert (found.events, found.problems) == ([], [])


def test_the_routing_key_is_required_when_asked_for() -> None:
    assert change(metadata={"phone_number_id": "2"}).phone_number_id == "2"
    with pytest.raises(BrokenPayloadError, match="has no phone_number_id"):
        _ = change(metadata="2").phone_number_id


def test_a_named_change_collects_in_the_same_place() -> None:
    found = change()
    named = found.named("here", {"a": 1})
    named.ungoverned("calls")
    assert (named.where, named.value) == ("here", {"a": 1})
    assert found.events == [UnknownField(WABA, "calls")]
