"""Writes the report as tables for a terminal."""

from collections.abc import Iterable, Sequence
from typing import Any


def of(report: dict[str, Any]) -> str:
    """Write a report, as `report.of` makes it, for people to read."""
    scenario = report["scenario"]
    parts = [
        f"{scenario['name'] or 'emulator'}  mode {report['mode']}  seed {report['seed']}",
        f"from {report['started_at']} to {report['now']}",
        _table("rules", ("rule", "applied", "kept", "broken", "source"), report["rules"]),
        _table("numbers", _NUMBER, (each | each["sends"] for each in report["numbers"])),
        _table("pools", ("pool_id", "messaging_limit", "counted_users"), report["pools"]),
        _table(
            "templates",
            ("name", "language", "waba_id", "category", "status", "quality"),
            report["templates"],
        ),
        _table("history", ("at", "of", "kind", "old", "new", "reason"), _history(report)),
        _table("events", ("at", "event", "outcome"), scenario["events"]),
        _table("webhooks", ("delivered", "pending", "given_up"), [report["webhooks"]]),
    ]
    return "\n".join(part for part in parts if part) + "\n"


_NUMBER = (
    "phone_number_id", "status", "quality_rating", "messaging_limit", "counted_users",
    "accepted", "refused", "failed",
)  # fmt: skip


def _history(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Merge all histories; a change of a shared pool is told once for each of its numbers."""
    named = [(each["phone_number_id"], each["history"]) for each in report["numbers"]]
    named += [(each["name"], each["history"]) for each in report["templates"]]
    rows = [{"of": name} | change for name, changes in named for change in changes]
    return sorted(rows, key=lambda row: str(row["at"]))


def _table(title: str, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    cells = [[_cell(column, row[column]) for column in columns] for row in rows]
    if not cells:
        return ""
    lines = [list(columns), *cells]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    written = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
    return "\n".join(["", title.upper(), *written])


def _cell(column: str, value: Any) -> str:
    if value is None:
        return "unlimited" if column == "messaging_limit" else "-"
    return str(value)
