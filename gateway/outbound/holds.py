"""Knows by heart what Meta has told to wait, and what of it the store does not know yet."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from gateway.policy.throttling import Hold, Refusal, later, number_scope, scope_of, scopes, struck
from gateway.store import lines as store


class Held(NamedTuple):
    """Meta has told to wait: for so many seconds more, because of this code."""

    seconds: float
    code: int


class Holds:
    """The holds of all numbers, accounts and apps."""

    def __init__(self) -> None:
        self._holds: dict[str, Hold] = {}
        self._unsaved: set[str] = set()

    @property
    def are_none(self) -> bool:
        """Whether Meta has told nobody to wait."""
        return not self._holds

    @property
    def are_saved(self) -> bool:
        """Whether the store knows all of them."""
        return not self._unsaved

    def strike(self, refused: Refusal, now: datetime) -> bool:
        """Hold what a refusal of Meta's says must wait; tell whether there is anything."""
        scope = scope_of(refused)
        if scope is None:
            return False
        self._holds[scope] = struck(scope, self._holds.get(scope), refused, now)
        self._unsaved.add(scope)
        return True

    def of_message(
        self, phone_number_id: str, waba_id: str, app_id: str, now: datetime
    ) -> Held | None:
        """Return what holds up such a message the longest, None when nothing does."""
        found = [self._holds.get(scope) for scope in scopes(phone_number_id, waba_id, app_id)]
        held = [hold for hold in found if hold is not None and hold.held_until > now]
        if not held:
            return None
        longest = max(held, key=lambda hold: hold.held_until)
        return Held((longest.held_until - now).total_seconds(), longest.code)

    def of_number(self, phone_number_id: str, now: datetime) -> float:
        """Return the seconds for which a number still waits as a whole."""
        hold = self._holds.get(number_scope(phone_number_id))
        return 0.0 if hold is None else max((hold.held_until - now).total_seconds(), 0.0)

    async def save(self, connection: Any) -> None:
        """Have the store remember what it does not know yet."""
        saved = {scope: self._holds[scope] for scope in self._unsaved}
        if saved:
            await store.hold(connection, saved.values())
            # What was struck again meanwhile is saved the next time.
            self._unsaved -= {scope for scope, hold in saved.items() if self._holds[scope] is hold}

    def remember(self, known: Iterable[Hold]) -> None:
        """Take over what the store knows; what it does not mention any more is over."""
        holds = {scope: self._holds[scope] for scope in self._unsaved}
        for hold in known:
            holds[hold.scope] = later(hold, holds.get(hold.scope))
        self._holds = holds
