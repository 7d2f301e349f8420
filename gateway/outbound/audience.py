"""Knows whether anybody still waits for an answer."""

from collections.abc import Callable


class AbandonedError(ConnectionError):
    """Everybody has hung up before it was the message's turn; nothing has left."""

    def __init__(self) -> None:
        super().__init__("the caller left before its turn")


class Audience:
    """Those who wait for one answer: the caller, and whoever repeats its request meanwhile."""

    __slots__ = ("_callbacks", "_joined", "_waiting")

    def __init__(self) -> None:
        self._joined = False
        self._waiting = 0
        self._callbacks: dict[object, Callable[[], None]] = {}

    @property
    def is_gone(self) -> bool:
        """Whether somebody has waited, and nobody does any more."""
        return self._joined and self._waiting == 0

    def join(self) -> None:
        """Wait for the answer; who comes when all others have left makes the audience whole."""
        self._joined = True
        self._waiting += 1

    def leave(self) -> None:
        """Wait no longer: to be called at most once after each `join`."""
        self._waiting -= 1
        if self.is_gone:
            callbacks, self._callbacks = self._callbacks, {}
            for callback in callbacks.values():
                callback()

    def when_gone(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called once, as soon as all have left: at once if they have.

        The function that is returned takes the callback back.
        """
        if self.is_gone:
            callback()
            return _nothing
        place = object()
        self._callbacks[place] = callback

        def take_back() -> None:
            self._callbacks.pop(place, None)

        return take_back


def _nothing() -> None:
    """Take back what has been called already."""
