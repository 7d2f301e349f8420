from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.whatsapp.events import AccountUpdate, InboundMessage, UnknownField
from gateway.whatsapp.ids import WabaId
from gateway.whatsapp.webhook import Delivery, UnreadableDelivery, read
from tests.payloads import OWN_WEBHOOKS, REAL

ARRIVAL = datetime(2026, 11, 22, tzinfo=UTC)
WABA = WabaId("100000000000001")
DELETED = {"field": "account_update", "value": {"event": "ACCOUNT_DELETED"}}


def deliver(*entries: object) -> Delivery:
    return read(orjson.dumps({"object": "whatsapp_business_account", "entry": entries}), ARRIVAL)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("other__account_alerts", "account_alerts"),
        ("other__smb_message_echoes", "smb_message_echoes"),
        ("other__unheard_of_field", "crystal_ball"),
    ],
)
def test_a_field_that_is_not_governed_is_harmless(name: str, field: str) -> None:
    body = (OWN_WEBHOOKS / f"{name}.json").read_bytes()
    assert read(body, ARRIVAL) == Delivery((UnknownField(WABA, field),), ())


def test_every_other_payload_is_named_in_a_table() -> None:
    assert len(list(OWN_WEBHOOKS.glob("other__*.json"))) == 3


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"object=page", b"[" * 100_000])
def test_what_is_not_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableDelivery, match="not valid JSON"):
        read(body, ARRIVAL)


@pytest.mark.parametrize("body", [b"[]", b"null", b"{}", b'{"entry":{}}', b'"x"'])
def test_what_is_no_delivery_is_one_problem(body: bytes) -> None:
    assert read(body, ARRIVAL) == Delivery((), ("The webhook body has no list of entries.",))


def test_a_broken_change_does_not_spoil_the_others() -> None:
    found = deliver(
        "nonsense",
        {"id": WABA},
        {"id": WABA, "time": 1790420400, "changes": [7, {"field": "messages"}, {}, DELETED]},
        {"id": WABA, "changes": [{"field": "account_update", "value": {}}, DELETED]},
    )
    at = datetime.fromtimestamp(1790420400, UTC)
    assert found.events == (
        AccountUpdate(WABA, "ACCOUNT_DELETED", None, None, at),
        AccountUpdate(WABA, "ACCOUNT_DELETED", None, None, ARRIVAL),
    )
    assert found.problems == (
        "entry[0] has no list of changes.",
        "entry[1] has no list of changes.",
        "entry[2].changes[0] names no field.",
        "entry[2].changes[1] (messages) has no value object.",
        "entry[2].changes[2] names no field.",
        "entry[3].changes[0] (account_update) has no event.",
    )


def test_a_long_name_of_a_field_is_cut() -> None:
    (event,) = deliver({"id": WABA, "changes": [{"field": "x" * 1_000}]}).events
    assert event == UnknownField(WABA, "x" * 64)


def test_a_batch_keeps_its_order() -> None:
    names = ["messages__text", "messages__image", "messages__reaction"]
    bodies = [orjson.loads((OWN_WEBHOOKS / f"{name}.json").read_bytes()) for name in names]
    found = deliver(*(entry for body in bodies for entry in body["entry"]))
    kinds = [event.type for event in found.events if isinstance(event, InboundMessage)]
    assert kinds == ["text", "image", "reaction"]


def test_the_shared_payloads_are_read() -> None:
    folders = ("pywa", "meta_openapi", "netflie_php")
    paths = [path for folder in folders for path in (REAL / folder).glob("*.json")]
    if not paths:
        pytest.skip("the shared payloads are not here")
    for path in paths:
        found = read(path.read_bytes(), ARRIVAL)
        assert found.events, path.name
        assert found.problems == (), path.name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=5,
)
PAYLOADS = sorted(OWN_WEBHOOKS.glob("*.json"))


def spoil(node: object, steps: list[int], junk: object) -> object:
    """Put `junk` somewhere into `node`: each step picks a member, the last one is replaced."""
    if not steps or not isinstance(node, dict | list) or not node:
        return junk
    step, *rest = steps
    if isinstance(node, dict):
        key = list(node)[step % len(node)]
        return {**node, key: spoil(node[key], rest, junk)}
    place = step % len(node)
    return [*node[:place], spoil(node[place], rest, junk), *node[place + 1 :]]


@given(
    path=st.sampled_from(PAYLOADS),
    steps=st.lists(st.integers(0, 20), max_size=9),
    junk=JSON,
)
def test_no_spoilt_payload_ever_raises(path: Path, steps: list[int], junk: object) -> None:
    spoilt = spoil(orjson.loads(path.read_bytes()), steps, junk)
    try:
        body = orjson.dumps(spoilt)
    except orjson.JSONEncodeError:  # an integer that JSON here has no room for
        return
    found = read(body, ARRIVAL)
    assert all(problem.endswith(".") for problem in found.problems)
    for event in found.events:
        at = getattr(event, "at", ARRIVAL)
        assert at.tzinfo is UTC
