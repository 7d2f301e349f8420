"""Finds out whether a reaction is about a message that can be reacted to."""

from gateway.emulator.rules.case import Case, Finding
from gateway.emulator.state import State

LIFE_S = 30 * 86_400.0
_INVALID = 131009


def fate(state: State, case: Case) -> Finding | None:
    """Fail a reaction to what is unknown, older than 30 days or itself a reaction, by webhook.

    A message the journal has forgotten is unknown. Source: M/messages/reaction-messages (R§1.3).
    """
    if case.send.type != "reaction":
        return None
    target = _target(state, case.send.payload["message_id"])
    if target is None:
        return _finding("The message that was reacted to is not known.")
    kind, at = target
    if kind == "reaction":
        return _finding("The message that was reacted to is itself a reaction.")
    if case.now - at > LIFE_S:
        return _finding("The message that was reacted to is older than 30 days.")
    return None


def _target(state: State, wamid: str) -> tuple[str, float] | None:
    """Find the type of a message and when it was written, whoever wrote it."""
    received = state.inbound_wamids.get(wamid)
    if received is not None:
        return received
    sends = (each for each in reversed(state.journal.sends) if each.ending.wamid == wamid)
    return next(((each.type, each.at) for each in sends), None)


def _finding(detail: str) -> Finding:
    return Finding("reaction_target", _INVALID, detail, "async")
