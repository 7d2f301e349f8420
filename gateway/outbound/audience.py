"""Stub."""

from collections.abc import Callable


class Audience:
    """Those who wait for one answer."""

    def when_gone(self, _callback: Callable[[], None]) -> Callable[[], None]:
        """Stub."""
        return _nobody

    @property
    def is_gone(self) -> bool:
        """Stub."""
        return False


def _nobody() -> None:
    """Stub."""
