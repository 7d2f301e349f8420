"""Shows a preflight's plan on a terminal: a table of slices and a bar for each day."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

BAR: Final = 40  # characters of the fullest day
MOST_DAYS: Final = 40
ROW: Final = "{at:19}  {until:19}  {count:>9}  {rule:15}  {sentence}"


def show(found: Mapping[str, Any], console: Console) -> None:
    """Print the answer of `POST /admin/v1/preflight`; plain lines where it is no terminal."""
    for line in _summary(found):
        console.print(line, soft_wrap=True)
    if found["slices"]:
        console.print()
        _show_slices(found["slices"], console)
        console.print()
    for line in _bars(found["days"], "█" if console.is_terminal else "#"):
        console.print(line, soft_wrap=True)


def _summary(found: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{found['recipients']:,} recipients: {found['new']:,} new, "
        f"{found['counted']:,} counted already"
    )
    left_out = {name: count for name, count in found["left_out"].items() if count}
    if left_out:
        listed = ", ".join(f"{count:,} {name}" for name, count in left_out.items())
        yield f"left out: {listed}"
    for unreadable in found["unreadable"]:
        yield f"  line {unreadable['line']}: {unreadable['text']}"
    yield f"now: {found['now']:,}"
    if found["last_at"] is not None:
        yield f"the last: {_hour(found['last_at'])} UTC"
    if found["reason"] is not None:
        reason = found["reason"]
        yield f"never: {found['unplanned']:,} ({reason['rule']}: {reason['sentence']})"


def _show_slices(slices: list[Mapping[str, Any]], console: Console) -> None:
    rows = [
        {
            "at": _hour(each["at"]),
            "until": _hour(each["until"]),
            "count": f"{each['count']:,}",
            "rule": each["rule"],
            "sentence": each["sentence"],
        }
        for each in slices
    ]
    heads = {"at": "from (UTC)", "until": "until", "count": "messages", "rule": "held by"}
    heads["sentence"] = "why"
    if not console.is_terminal:
        for row in (heads, *rows):
            console.print(ROW.format(**row), soft_wrap=True)
        return
    table = Table(box=SIMPLE_HEAD)
    for name, head in heads.items():
        table.add_column(head, justify="right" if name == "count" else "left")
    for row in rows:
        table.add_row(*row.values())
    console.print(table)


def _bars(days: list[Mapping[str, Any]], stroke: str) -> Iterator[str]:
    fullest = max((day["count"] for day in days), default=0)
    for day in days[:MOST_DAYS]:
        bar = stroke * max(round(day["count"] / fullest * BAR), 1)
        yield f"{date.fromisoformat(day['day']):%a %d %b %Y}  {bar:{BAR}}  {day['count']:>9,}"
    if len(days) > MOST_DAYS:
        yield f"… and {len(days) - MOST_DAYS} days more"


def _hour(instant: str) -> str:
    return f"{datetime.fromisoformat(instant):%Y-%m-%d %H:%M:%S}"
