"""Turns the knobs of one pool or number: what an operator has written over what is the default."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, Literal

from gateway.policy.knobs import Knobs

Mode = Literal["enforce", "shadow", "off"]

SECONDS: Final = "_s"
RULES: Final = "rules"

TURNABLE: Final[Mapping[str, tuple[float, float]]] = {
    "pair_capacity": (1, 45),
    "activity_growth": (1.0, 100.0),
    "activity_floor": (0.0, 1.0),
    "activity_floor_users": (1, 1_000_000),
    "warm_up_users": (1, 1_000_000),
    "warm_up_growth": (1.0, 10.0),
    "recovery_start": (0.01, 1.0),
    "recovery_growth": (1.0, 10.0),
    "repetition_times": (1, 1_000),
    "repetition_window_s": (1, 7 * 86_400),
    "repetition_users_hour": (1, 10_000_000),
    "quality_look_s": (60, 7 * 86_400),
    "spam_probe_s": (10, 86_400),
}
"""What may be turned over the admin API, from least to most; durations end in `_s`, in seconds."""


def turned(knobs: Knobs, *layers: Mapping[str, Any]) -> Knobs:
    """Return `knobs` as the layers have turned them, the later over the earlier.

    `rules` maps rules to `enforce`, `shadow` or `off`. What a layer does not name stays; names that
    this version does not know are passed over, for a newer one may have written them.
    """
    changes: dict[str, Any] = {}
    modes = dict.fromkeys(knobs.shadow, "shadow") | dict.fromkeys(knobs.off, "off")
    for layer in layers:
        for name, value in layer.items():
            if name == RULES:
                modes |= value
            elif name in TURNABLE:
                is_time = name.endswith(SECONDS)
                field = name.removesuffix(SECONDS) if is_time else name
                changes[field] = timedelta(seconds=value) if is_time else value
    return replace(
        knobs,
        **changes,
        shadow=frozenset(name for name, mode in modes.items() if mode == "shadow"),
        off=frozenset(name for name, mode in modes.items() if mode == "off"),
    )


def shown(knobs: Knobs) -> dict[str, Any]:
    """Return the knobs as `turned` reads them; rules that are enforced are left out."""
    values: dict[str, Any] = {}
    for name in TURNABLE:
        is_time = name.endswith(SECONDS)
        value = getattr(knobs, name.removesuffix(SECONDS) if is_time else name)
        values[name] = value.total_seconds() if is_time else value
    modes = dict.fromkeys(knobs.shadow, "shadow") | dict.fromkeys(knobs.off, "off")
    return values | {RULES: modes}
