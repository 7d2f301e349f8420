"""Draws the diaries of numbers: what was sent each day, under which rating and status."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from benchmarks.campaigns import Diary

RATINGS: Final = {"GREEN": "#7cc48d", "YELLOW": "#f2cf63", "RED": "#dd6b66"}
STATUSES: Final = {
    "CONNECTED": "#dfe6ea",
    "FLAGGED": "#f0a35e",
    "LIMIT REACHED": "#9db7d5",
    "FORBIDDEN": "#7a4a8c",
    "BANNED": "#222222",
}
BARS: Final = (
    ("accepted", "accepted by Meta", "#3c7a89"),
    ("refused", "refused by Meta", "#c0392b"),
    ("held", "held by the gateway", "#b8c4cc"),
)
_NO_COLOUR: Final = "#ffffff"


def draw(diaries: Mapping[tuple[str, str], Diary], path: Path) -> None:
    """Draw one panel a campaign and route, side by side, into a PNG file."""
    campaigns = list(dict.fromkeys(campaign for campaign, _ in diaries))
    routes = list(dict.fromkeys(route for _, route in diaries))
    figure, grid = plt.subplots(
        len(campaigns), len(routes), figsize=(12, 7.5), sharex=True, squeeze=False
    )
    for row, campaign in zip(grid, campaigns, strict=True):
        top = max(_highest(diaries[campaign, route]) for route in routes)
        for axes, route in zip(row, routes, strict=True):
            _panel(axes, diaries[campaign, route], top)
            axes.set_title(f"{campaign}, {route}", loc="left", fontsize=11)
        row[0].set_ylabel("messages a day")
    for axes in grid[-1]:
        axes.set_xlabel("day")
    _legend(figure)
    figure.tight_layout(rect=(0, 0.09, 1, 1))
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _highest(diary: Diary) -> int:
    return max(day.accepted + day.refused + day.held for day in diary.days)


def _panel(axes: Axes, diary: Diary, top: int) -> None:
    days = range(len(diary.days))
    bottom = [0] * len(diary.days)
    for name, _, colour in BARS:
        heights = [getattr(day, name) for day in diary.days]
        axes.bar([day + 0.5 for day in days], heights, 0.8, bottom, color=colour)
        bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
    strip = top * 0.05
    for index, (hours, colours) in enumerate(
        ((diary.ratings, RATINGS), (diary.statuses, STATUSES))
    ):
        low = top * 1.05 + index * 1.3 * strip
        for hour, value in enumerate(hours):
            colour = colours.get(value, _NO_COLOUR)
            axes.add_patch(Rectangle((hour / 24, low), 1 / 24, strip, color=colour, lw=0))
        end = len(diary.days) * 1.01
        axes.text(end, low, ("rating", "status")[index], fontsize=8, clip_on=False)
    _limits(axes, diary, top * 1.05 + 2.8 * strip)
    axes.set_xlim(0, len(diary.days))
    axes.set_ylim(0, top * 1.32)
    axes.spines[["top", "right"]].set_visible(False)


def _limits(axes: Axes, diary: Diary, height: float) -> None:
    """Write the messaging limit where it changes."""
    before: int | None = -1
    for hour, limit in enumerate(diary.limits):
        if limit != before:
            text = "unlimited" if limit is None else f"{limit:,}"
            axes.text(hour / 24, height, text, fontsize=8)
        before = limit
    axes.text(len(diary.days) * 1.01, height, "limit", fontsize=8)


def _legend(figure: Figure) -> None:
    handles = [Patch(color=colour, label=label) for _, label, colour in BARS]
    handles += [Patch(color=colour, label=f"rated {name}") for name, colour in RATINGS.items()]
    handles += [Patch(color=colour, label=name.lower()) for name, colour in STATUSES.items()]
    figure.legend(handles=handles, loc="lower center", ncol=6, frameon=False, fontsize=9)
