"""Every webhook of the emulator has the shape of real ones, and an unmodified SDK reads it."""

import inspect
import logging
from typing import Any

import orjson
import pytest
from pywa import handlers
from pywa.client import WhatsApp

from gateway.emulator.webhooks import updates
from gateway.emulator.webhooks.deliveries import body_of
from gateway.emulator.webhooks.sender import signature_of
from gateway.emulator.webhooks.updates import Update
from tests.emulator.conftest import SECRET
from tests.payloads import REAL
from tests.properties.emulated import KINDS, Kind

# What is in real payloads and not in ours.
LEFT_OUT = {
    "parent_user_id": "only portfolios that are linked have ids of a parent (R§1.4)",
    "conversation": "since v24 only on statuses of a free entry point (R§8.4)",
    "statuses[].pricing": "on the first status of a message only (R§8.4)",
    "profile.username": "not everybody has a username",
    "context": "nobody here forwards a message or asks about a product",
    "location.url": "a place need not have a page",
    "contacts[].org": "a contact that is shared need not have a firm",
    "name.last_name": "nor a last name",
    "image.url": "the emulator does not know by which address it is reached",
    "referral.video_url": "the made-up ad shows an image",
    "referral.thumbnail_url": "the made-up ad shows an image",
    "referral.welcome_message": "the made-up ad greets nobody",
    "edit.message.image": "a text is edited here, where the sample edits an image",
    "rejection_info": "the reviewer of templates here is a person who steers, and gives no reasons",
}
LEFT_OUT_OF_FAILURES = {"value.contacts": "absent on failed statuses (R§8.3)"}
# What is in ours and not in the real payloads at hand, most of which are older.
ADDED = {
    "user_id": "business-scoped ids are in webhooks since April 2026 (R§1.4)",
    "pricing.type": "since per-message pricing, July 2025 (R§8.4)",
    "errors[].href": "documented for all errors (R§8.4)",
    "statuses[].biz_opaque_callback_data": "echoed if the sender gave any (R§1.2)",
    "previous_category": "names what the category was before (R§6.4)",
    "correct_category": "the form in which a change is announced (R§6.4)",
    "category_update_timestamp": "the form in which a change is announced (R§6.4)",
    "other_info": "the title of a pause or its end (R§6.4)",
    "edit.message.text": "a text is edited here, where the sample edits an image",
}
# What pywa 4.4 says to documented shapes which it does not know.
UNREAD = {
    "system_error": "unrecognized shape",  # errors that stand beside any message
    "failed": "Failed to construct",  # it takes the contacts of a status for granted
}
REAL_ONES = [(kind, like) for kind in KINDS for like in kind.like]


def test_no_builder_is_forgotten() -> None:
    builders = {
        name
        for name, function in inspect.getmembers(updates, inspect.isfunction)
        if inspect.signature(function).return_annotation is Update and not name.startswith("_")
    }
    assert builders <= {kind.name.split()[0] for kind in KINDS}


def paths(value: Any, path: str = "") -> set[str]:
    """Name every field of a payload by its path."""
    if isinstance(value, dict):
        found = {f"{path}.{key}".lstrip(".") for key in value}
        return found.union(*(paths(value[key], f"{path}.{key}".lstrip(".")) for key in value))
    if isinstance(value, list):
        return {each for item in value for each in paths(item, f"{path}[]")}
    return set()


def unexplained(found: set[str], reasons: dict[str, str]) -> set[str]:
    return {path for path in found if not any(reason in path for reason in reasons)}


def shape_of(like: str) -> set[str]:
    real = orjson.loads((REAL / f"{like}.json").read_bytes())
    return paths({"object": real["object"], "entry": real["entry"]})


@pytest.mark.skipif(
    not (REAL / "pywa").exists(),
    reason="real payloads are not on this machine: put them into ../shared/payloads",
)
class TestAgainstRealPayloads:
    @pytest.mark.parametrize(
        ("kind", "like"), REAL_ONES, ids=[f"{kind.name} like {like}" for kind, like in REAL_ONES]
    )
    def test_nothing_of_a_real_payload_is_missing(self, kind: Kind, like: str) -> None:
        reasons = LEFT_OUT | (LEFT_OUT_OF_FAILURES if kind.name == "failed" else {})
        missing = shape_of(like) - paths(orjson.loads(body_of([kind.update])))
        assert unexplained(missing, reasons) == set()

    @pytest.mark.parametrize(
        "kind", [kind for kind in KINDS if kind.like], ids=lambda kind: kind.name
    )
    def test_nothing_is_added_to_real_payloads(self, kind: Kind) -> None:
        real = set().union(*(shape_of(like) for like in kind.like))
        added = paths(orjson.loads(body_of([kind.update]))) - real
        assert unexplained(added, ADDED) == set()

    def test_no_explanation_is_idle(self) -> None:
        missing: set[str] = set()
        added: set[str] = set()
        for kind in KINDS:
            ours = paths(orjson.loads(body_of([kind.update])))
            shapes = [shape_of(like) for like in kind.like]
            missing = missing.union(*(shape - ours for shape in shapes))
            added |= ours - set().union(*shapes) if shapes else set()
        for reasons, found in ((LEFT_OUT, missing), (ADDED, added)):
            assert {each for each in reasons if any(each in path for path in found)} == set(reasons)


def read_by_pywa(kind: Kind) -> tuple[list[object], list[object]]:
    """Hand a signed delivery to an app built on pywa; gives what its handlers and all else get."""
    wa = WhatsApp(token="x", server=None, app_secret=SECRET, filter_updates=False)
    typed: list[object] = []
    raw: list[object] = []
    if kind.read_by is not None:
        wa.add_handlers(kind.read_by(lambda _, update: typed.append(update)))
    wa.add_handlers(handlers.RawUpdateHandler(lambda _, update: raw.append(update)))
    body = body_of([kind.update])
    assert wa.webhook_update_validator(body, signature_of(SECRET.encode(), body)) is None
    assert wa.webhook_update_validator(body, signature_of(b"another", body)) is not None
    assert wa.webhook_update_handler(body) == ("ok", 200)
    return typed, raw


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_unmodified_sdk_reads_it(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    """Source: PYWA, v4.4.0, Aug 2026: its validator and its parser, by the public functions."""
    with caplog.at_level(logging.WARNING, logger="pywa"):
        typed, raw = read_by_pywa(kind)
    complaints = [each for each in caplog.messages if "unmatching signature" not in each]
    if kind.name in UNREAD:
        assert UNREAD[kind.name] in complaints.pop()
    assert complaints == []
    assert len(raw) == 1
    assert len(typed) == (kind.read_by is not None)
