from io import StringIO
from typing import Any

from rich.console import Console

from gateway.cli.plan_view import show

FOUND: dict[str, Any] = {
    "recipients": 12_345,
    "new": 12_000,
    "counted": 345,
    "left_out": {"unreadable": 1, "duplicate": 2_000, "stopped": 0, "capped": 0},
    "unreadable": [{"line": 7, "text": "[bold]nobody"}],
    "now": 345,
    "last_at": "2026-11-24T10:00:00.5Z",
    "unplanned": 0,
    "reason": None,
    "slices": [
        {
            "at": "2026-11-23T10:00:00Z",
            "until": "2026-11-23T10:00:09.123Z",
            "count": 345,
            "rule": "throughput",
            "sentence": "The number sends 76.4 messages a second.",
        },
        {
            "at": "2026-11-24T09:00:00Z",
            "until": "2026-11-24T10:00:00.5Z",
            "count": 12_000,
            "rule": "share",
            "sentence": "Of the messaging limit of 250 users class:marketing may use 80% of it.",
        },
    ],
    "days": [{"day": "2026-11-23", "count": 345}, {"day": "2026-11-24", "count": 12_000}],
}


def shown(found: dict[str, Any], *, is_terminal: bool) -> list[str]:
    file = StringIO()
    console = Console(
        file=file,
        force_terminal=is_terminal,
        width=160,
        highlight=False,
        markup=False,
        color_system=None,
        _environ={},
    )
    show(found, console)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_where_it_is_no_terminal_everything_is_a_plain_line() -> None:
    lines = shown(FOUND, is_terminal=False)
    assert lines[:5] == [
        "12,345 recipients: 12,000 new, 345 counted already",
        "left out: 1 unreadable, 2,000 duplicate",
        "  line 7: [bold]nobody",
        "now: 345",
        "the last: 2026-11-24 10:00:00 UTC",
    ]
    assert lines[8] == (
        "2026-11-24 09:00:00  2026-11-24 10:00:00     12,000  share            "
        "Of the messaging limit of 250 users class:marketing may use 80% of it."
    )
    assert lines[-2:] == [
        f"Mon 23 Nov 2026  {'#':40}        345",
        f"Tue 24 Nov 2026  {'#' * 40}     12,000",
    ]
    assert all(line.isascii() for line in lines)


def test_a_terminal_gets_a_table_and_bars() -> None:
    lines = shown(FOUND, is_terminal=True)
    assert any("─" in line for line in lines)
    assert lines[-1] == f"Tue 24 Nov 2026  {'█' * 40}     12,000"


def test_what_never_goes_is_told_with_its_reason() -> None:
    reason = {"rule": "account", "sentence": "Meta has banned this number."}
    nothing = {"now": 0, "last_at": None, "unplanned": 3, "reason": reason}
    lines = shown(FOUND | nothing | {"slices": [], "days": []}, is_terminal=False)
    assert lines[-1] == "never: 3 (account: Meta has banned this number.)"


def test_a_year_of_days_is_not_drawn_to_its_end() -> None:
    days = [{"day": "2026-11-23", "count": 1}] * 366
    assert shown(FOUND | {"days": days}, is_terminal=False)[-1] == "… and 326 days more"
