"""Checks how operators turn knobs and divide pools, and lays that over what was turned before.

A change names what is to be different, null what is to be taken away again, as in a JSON merge
patch; what it does not name stays.
"""

from collections.abc import Mapping
from math import fsum
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, create_model

from gateway.policy.decide import RULES
from gateway.policy.knobs import Knobs
from gateway.policy.send_class import SendClass
from gateway.policy.shares import Share
from gateway.policy.turning import TURNABLE, Mode, shown
from gateway.web.schemas import StrictBody
from gateway.whatsapp.number import UNLIMITED

# Replies leave inside an open service window and take no slot.
CLASSES: Final = "|".join(each for each in SendClass if each is not SendClass.REPLY)
Holder = Annotated[
    str, StringConstraints(pattern=rf"^(class:({CLASSES})|app:[A-Za-z0-9_.:-]{{1,64}})$")
]
EPSILON: Final = 1e-9
"""So much may parts that make up a whole be more than it, since they are not kept exactly."""


class ReservesError(Exception):
    """More is reserved than there is, or than its holder may have; the message says of whom."""


def _body_of(name: str, fields: Mapping[str, Any]) -> Any:
    """Make a body of what a table lists, so that nothing is listed twice."""
    return create_model(name, __base__=StrictBody, **fields)


def _knob(default: float, bounds: tuple[float, float]) -> Any:
    return type(default) | None, Field(None, ge=bounds[0], le=bounds[1])


_DEFAULTS: Final = shown(Knobs())
_RULES: Final = _body_of("Rules", dict.fromkeys(RULES, (Mode | None, None)))
_KNOBS: Final = _body_of(
    "Turnable",
    {name: _knob(_DEFAULTS[name], bounds) for name, bounds in TURNABLE.items()}
    | {"rules": (_RULES | None, None)},
)


class KnobsPatch(_KNOBS):  # type: ignore[misc, valid-type] # its fields are those of TURNABLE
    """Knobs by their names and rules by theirs; null lets the layer below count again."""


class SharePatch(StrictBody):
    """What one holder is sure of and may have at the most, as parts of the messaging limit."""

    reserve: float = Field(0.0, ge=0, le=1)
    cap: float = Field(1.0, ge=0, le=1)


class PoolPatch(StrictBody):
    """`PATCH /admin/v1/pools/{id}`; `messaging_limit` in users in 24 h, null for unlimited."""

    regime: Literal["per_number", "portfolio"] = "portfolio"
    messaging_limit: int | None = Field(None, gt=0, lt=UNLIMITED)
    headroom: float = Field(0.0, ge=0, lt=1)
    knobs: KnobsPatch = KnobsPatch()
    shares: Mapping[Holder, SharePatch | None] = {}


class NumberPatch(StrictBody):
    """`PATCH /admin/v1/numbers/{id}`; `throughput` in messages a second."""

    display_phone_number: str = Field("", pattern=r"^\+?[0-9 ().-]{5,32}$")
    throughput: int = Field(80, ge=1, le=1_000_000)
    knobs: KnobsPatch = KnobsPatch()


def laid_over(before: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return `before` as `change` leaves it; what says nothing any more is left out."""
    after = dict(before)
    for name, value in change.items():
        told = laid_over(after.get(name, {}), value) if isinstance(value, Mapping) else value
        if told is None or told == {}:
            after.pop(name, None)
        else:
            after[name] = told
    return after


def check_shares(shares: Mapping[str, Mapping[str, float]]) -> None:
    """Raise ReservesError unless every reserve can be kept."""
    divided = {holder: Share(**share) for holder, share in shares.items()}
    for holder, share in divided.items():
        if share.reserve > share.cap:
            raise ReservesError(f"shares.{holder}: reserve is more than cap")
    for kind in ("class:", "app:"):
        reserves = [each.reserve for holder, each in divided.items() if holder.startswith(kind)]
        if fsum(reserves) > 1 + EPSILON:
            raise ReservesError(f"shares: the reserves of {kind}… are more than the whole")
