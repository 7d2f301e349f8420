"""Tells what became of the messages of a number."""

import hashlib
from typing import Any

from gateway.emulator.error_codes import meaning_of
from gateway.emulator.graph.edges import Done
from gateway.emulator.journal import Sighting
from gateway.emulator.registry import Number
from gateway.emulator.state import State


def show(state: State, node: Number, given: dict[str, Any]) -> Done:
    """List the accepted messages, latest first, or the one with `message_id`.

    Each has one event: SENT, or FAILED with what is or will be its error. Source: OAPI (R§1.1).
    """
    wanted = given.get("message_id")
    return [
        _entry(state, each)
        for each in reversed(state.journal.sends)
        if each.phone_number_id == node.id
        and each.ending.wamid is not None
        and wanted in (None, each.ending.wamid)
    ]


def _entry(state: State, sighting: Sighting) -> dict[str, Any]:
    ending = sighting.ending
    event: dict[str, Any] = {
        "id": _id_of(f"{ending.wamid}:event"),
        "delivery_status": "SENT" if ending.fails_with is None else "FAILED",
        "timestamp": int(ending.at),
        "application": {"id": state.world.app_id},
    }
    if ending.fails_with is not None:
        event["error_description"] = meaning_of(ending.fails_with).title
    if state.sender.url is not None:
        event["webhook_uri"] = state.sender.url
    return {
        "id": _id_of(str(ending.wamid)),
        "message_id": ending.wamid,
        "events": {"data": [event]},
    }


def _id_of(text: str) -> str:
    """Make the numeric id of what has no node of its own."""
    return str(int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big"))
