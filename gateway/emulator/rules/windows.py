"""Remembers since when each user's service window with each number is open."""

WINDOW_S = 86_400.0


class ServiceWindows:
    """A window opens with a user's message to a number and lasts 24 h from the last one.

    Source: SEND, 21 May 2026 (R§3). A group has one window, opened by any member.
    """

    def __init__(self) -> None:
        self._opened: dict[tuple[str, str], float] = {}

    def open(self, phone_number_id: str, user: str, at: float) -> None:
        """Open the window, or start its 24 hours anew."""
        self._opened[phone_number_id, user] = at

    def is_open(self, phone_number_id: str, user: str, now: float) -> bool:
        """Whether the number may send this user free-form messages now."""
        opened = self._opened.get((phone_number_id, user))
        return opened is not None and now < opened + WINDOW_S
