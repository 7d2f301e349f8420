"""Names everything about the emulator that a test may turn while it runs."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

LimitOverflow = Literal["async_131048", "sync_131048", "silent_no_status", "off"]
WindowRefusal = Literal["sync", "async"]
Share = Field(default=0.0, ge=0.0, le=1.0)


class Knobs(BaseModel):
    """Settings with Meta-like defaults.

    Rates are shares from 0 to 1. `status_delay_s` is virtual, `answer_delay_s` is real time.
    `webhook_workers` is read when the emulator starts. `limit_overflow` and `window_refusal`
    decide how enforce mode says no: Meta documents neither (R§12.1 rows 1 and 15).
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    statuses: bool = True
    status_delay_s: float = Field(default=0.0, ge=0.0)
    delivered: bool = True
    read: bool = False
    drop_rate: float = Share
    duplicate_rate: float = Share
    shuffle: bool = False
    batch_max: int = Field(default=20, ge=1, le=1000)
    webhook_workers: int = Field(default=1, ge=1, le=64)
    webhooks_paused: bool = False
    limit_overflow: LimitOverflow = "async_131048"
    window_refusal: WindowRefusal = "async"
    answer_delay_s: float = Field(default=0.0, ge=0.0)
