from gateway.emulator.rules.windows import WINDOW_S, ServiceWindows


def test_a_window_is_open_for_24_hours_from_the_last_message() -> None:
    """Source: SEND, 21 May 2026 (R§3)."""
    windows = ServiceWindows()
    assert not windows.is_open("1", "a", 0.0)
    windows.open("1", "a", 0.0)
    windows.open("1", "a", 10.0)
    assert windows.is_open("1", "a", WINDOW_S + 9.9)
    assert not windows.is_open("1", "a", WINDOW_S + 10.0)


def test_a_window_is_of_one_number_and_one_user() -> None:
    windows = ServiceWindows()
    windows.open("1", "a", 0.0)
    assert not windows.is_open("2", "a", 1.0)
    assert not windows.is_open("1", "b", 1.0)
