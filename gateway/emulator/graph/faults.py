"""Chooses which requests go wrong, and how."""

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.emulator.errors import Refusal

Action = Literal[
    "error",
    "timeout",
    "reset",
    "accept_then_reset",
    "accept_then_timeout",
    "accept_then_fail",
    "value_error",
    "delay",
    "half_answer",
]


class FaultMatch(BaseModel):
    """Which requests are meant; what is not given matches anything, `path` is a substring."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phone_number_id: str | None = None
    user: str | None = None
    type: str | None = None
    path: str | None = None
    method: str | None = None
    template: str | None = None


class Fault(BaseModel):
    """One way of going wrong: `times` None is for ever, `delay_s` is real time.

    `error` answers with `code` (131000 when absent) and its HTTP status or `http_status`, and with
    whatever of `subcode` to `retry_after_s` is given; a Retry-After is not Meta's (R§12.1 row 9).
    `accept_then_fail` accepts, and has a failed status with `code` follow; `value_error` accepts,
    and tells of `code` in the `errors` of a webhook's value. The fault holds from `after_s` to
    `until_s`, in seconds of the emulator's clock since it was armed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    match: FaultMatch = FaultMatch()
    action: Action
    code: int = 131000
    http_status: int | None = Field(default=None, ge=400, le=599)
    subcode: int | None = None
    details: str = "An armed fault."
    is_transient: bool | None = None
    error_user_title: str | None = None
    error_user_msg: str | None = None
    retry_after_s: float | None = Field(default=None, ge=0.0)
    delay_s: float = Field(default=1.0, ge=0.0)
    after_s: float = Field(default=0.0, ge=0.0)
    until_s: float | None = Field(default=None, gt=0.0)
    times: int | None = Field(default=None, ge=1)
    probability: float = Field(default=1.0, ge=0.0, le=1.0)

    def refusal(self) -> Refusal:
        """Build the error answer of this fault."""
        return Refusal(
            self.code,
            self.details,
            subcode=self.subcode,
            http_status=self.http_status,
            user_title=self.error_user_title,
            user_message=self.error_user_msg,
            is_transient=self.is_transient,
            retry_after_s=self.retry_after_s,
        )


@dataclass(frozen=True, slots=True)
class Occasion:
    """A request, as far as faults can tell one from another."""

    path: str
    phone_number_id: str | None = None
    user: str | None = None
    type: str | None = None
    method: str = "POST"
    template: str | None = None


@dataclass(slots=True)
class _Armed:
    fault: Fault
    left: int | None
    begins_at: float
    ends_at: float


class Faults:
    """The armed faults, asked in the order in which they were armed."""

    def __init__(self, rng: random.Random, now: Callable[[], float]) -> None:
        self._rng = rng
        self._now = now
        self._armed: dict[str, _Armed] = {}
        self._ids = itertools.count(1)

    @property
    def is_empty(self) -> bool:
        """Whether nothing can go wrong."""
        return not self._armed

    def arm(self, fault: Fault) -> str:
        """Add a fault and return its id."""
        fault_id = f"fault-{next(self._ids)}"
        now = self._now()
        ends_at = math.inf if fault.until_s is None else now + fault.until_s
        self._armed[fault_id] = _Armed(fault, fault.times, now + fault.after_s, ends_at)
        return fault_id

    def disarm_all(self) -> None:
        """Let everything go right again."""
        self._armed.clear()

    def armed(self) -> list[tuple[str, Fault, int | None]]:
        """List id, fault and how many times are left."""
        return [(fault_id, each.fault, each.left) for fault_id, each in self._armed.items()]

    def strike(self, occasion: Occasion) -> Fault | None:
        """Return the fault that hits this request, if any, and count it."""
        now = self._now()
        for fault_id, each in list(self._armed.items()):
            if now >= each.ends_at:
                del self._armed[fault_id]
                continue
            if now < each.begins_at or not _matches(each.fault.match, occasion):
                continue
            if each.fault.probability < 1 and self._rng.random() >= each.fault.probability:
                continue
            if each.left is not None:
                each.left -= 1
                if each.left == 0:
                    del self._armed[fault_id]
            return each.fault
        return None


def _matches(match: FaultMatch, occasion: Occasion) -> bool:
    return (
        match.phone_number_id in {None, occasion.phone_number_id}
        and match.user in {None, occasion.user}
        and match.type in {None, occasion.type}
        and match.method in {None, occasion.method}
        and match.template in {None, occasion.template}
        and (match.path is None or match.path in occasion.path)
    )
