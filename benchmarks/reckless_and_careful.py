"""Shows what the gateway saves: two campaigns of two weeks, each straight to Meta and through it.

Meta is the emulator with a lived population (`gateway/emulator/life/temper.py` tells how people
come to complain). The same people meet the same messages on both routes.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.campaigns import CAREFUL, DAYS, RECKLESS, Careful, Diary, Reckless, play
from benchmarks.picture import draw
from benchmarks.routes import Straight, straight, through_gateway
from gateway import logs
from gateway.cli.embedded_postgres import EmbeddedPostgres

PICTURE: Final = Path(__file__).with_name("reckless_and_careful.png")
PEOPLE: Final = (1000, 6000)
STRAIGHT: Final = "direct"
THROUGH: Final = "via gateway"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one number lived through on one route."""

    campaign: str
    route: str
    diary: Diary
    complaints: int
    violations: int


async def lived(
    route: Straight, name: str, people: tuple[int, int], days: int, told: Callable[[int], None]
) -> list[Outcome]:
    """Live through both campaigns on one route; `people` are those of the reckless, the careful."""
    reckless, careful = people
    diaries = await play(route, (Reckless(reckless), Careful(careful)), days, told)
    return [
        Outcome(
            campaign,
            name,
            diaries[number],
            sum(route.state.lived.complaints.get(number, {}).values()),
            sum(each.phone_number_id == number for each in route.state.journal.violations),
        )
        for campaign, number in (("reckless", RECKLESS), ("careful", CAREFUL))
    ]


async def compare(
    database_url: str, people: tuple[int, int], days: int, told: Callable[[str, int], None]
) -> list[Outcome]:
    """Live through everything; `database_url` is an empty database."""
    async with straight() as route:
        outcomes = await lived(route, STRAIGHT, people, days, lambda day: told(STRAIGHT, day))
    async with through_gateway(database_url) as route:
        outcomes += await lived(route, THROUGH, people, days, lambda day: told(THROUGH, day))
    return outcomes


def table(outcomes: list[Outcome]) -> Table:
    """Write the outcomes as a table for a terminal."""
    shown = Table(title="Two weeks of two campaigns", title_justify="left")
    shown.add_column("", no_wrap=True)
    columns = sorted(outcomes, key=lambda each: (each.campaign != "reckless", each.route))
    for each in columns:
        shown.add_column(f"{each.campaign}\n{each.route}", justify="right", no_wrap=True)
    for title, figure in _ROWS:
        shown.add_row(title, *(figure(each) for each in columns))
    return shown


_SILENCED: Final = frozenset({"FORBIDDEN", "BANNED"})
_ROWS: tuple[tuple[str, Callable[[Outcome], str]], ...] = (
    ("asked for", lambda each: _asked_for(each.diary)),
    ("accepted by Meta", lambda each: f"{each.diary.sum.accepted:,}"),
    ("held by gateway", lambda each: f"{each.diary.sum.held:,}"),
    ("refused by Meta", lambda each: f"{each.diary.sum.refused:,}"),
    ("rules broken", lambda each: f"{each.violations:,}"),
    ("complaints", lambda each: f"{each.complaints:,}"),
    ("days rated RED", lambda each: _days(each.diary.ratings, {"RED"})),
    ("days silenced", lambda each: _days(each.diary.statuses, _SILENCED)),
    ("rating at the end", lambda each: each.diary.ratings[-1]),
    ("status at the end", lambda each: each.diary.statuses[-1]),
    ("limit at the end", lambda each: _limit(each.diary.limits[-1])),
)


def _asked_for(diary: Diary) -> str:
    total = diary.sum
    return f"{total.accepted + total.refused + total.held:,}"


def _days(hours: list[str], wanted: Collection[str]) -> str:
    return f"{sum(hour in wanted for hour in hours) / 24:.1f}"


def _limit(limit: int | None) -> str:
    return "unlimited" if limit is None else f"{limit:,}"


def main() -> None:
    """Run the demo: progress, table, picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--picture", type=Path, default=PICTURE, help="where the PNG goes")
    arguments = parser.parse_args()
    logs.configure("ERROR")
    console = Console()
    with tempfile.TemporaryDirectory() as folder, Progress(console=console) as progress:
        postgres = EmbeddedPostgres.start(Path(folder) / "postgres")
        try:
            tasks = {
                name: progress.add_task(name, total=arguments.days) for name in (STRAIGHT, THROUGH)
            }
            outcomes = asyncio.run(
                compare(
                    postgres.url,
                    PEOPLE,
                    arguments.days,
                    lambda name, day: progress.update(tasks[name], completed=day),
                )
            )
        finally:
            postgres.stop()
    console.print(table(outcomes))
    draw({(each.campaign, each.route): each.diary for each in outcomes}, arguments.picture)
    console.print(f"drawn in {arguments.picture}")


if __name__ == "__main__":
    main()
