"""Names everything about the emulator that a test may turn while it runs."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

LimitOverflow = Literal["async_131048", "sync_131048", "silent_no_status", "off"]
CountOn = Literal["accept", "sent", "delivered"]
SlotAnchor = Literal["last", "first"]
Channel = Literal["sync", "async"]
CapabilityFormat = Literal["tier", "integer", "per_phone"]
Batching = Literal["by_call", "greedy"]
Share = Field(default=0.0, ge=0.0, le=1.0)
Seconds = Field(default=0.0, ge=0.0)


class Knobs(BaseModel):
    """Settings with Meta-like defaults; what Meta leaves open is turned here (R§12.1).

    Rates are shares from 0 to 1. `answer_delay_s` and `webhook_timeout_s` are real time, every
    other duration is time of the emulator's clock. `webhook_workers` is read when it starts.

    Answers: `limit_overflow` and `window_refusal` decide how enforce mode says no where Meta
    documents neither (rows 1, 15); `throttle_http_status` carries 4, 80007, 80008, 130429 and
    131056 (row 8); `shuffle_validation` looks at the rules in another order each time (row 36).

    Counting: `count_on` is when a user takes a slot (row 2), `slot_anchor` which message of the
    last 24 hours keeps it (row 3), `inbound_counts` whether users' messages use throughput.

    Statuses: `sent` follows after `status_delay_s`, `delivered` `delivered_after_s` later, `read`
    another `read_after_s` later, each longer by up to `jitter` of itself; `reorder_rate` of the
    messages tell their statuses in another order. Failed ones have contacts only with
    `contacts_on_failures`: Meta documents none (R§8.3), but pywa 4.4 reads no status without.

    Webhooks: `batching` by_call sends what one call caused in deliveries of its own, so that the
    same calls give the same bodies; greedy fills every delivery with whatever waits. A receiver
    that does not answer 200 is tried again for `webhook_retry_horizon_s` (row 13).

    Templates: a new or edited one is approved after `template_review_s`; with `template_pacing` and
    `portfolio_pacing` most messages of a campaign wait until its first ones are judged (R§6.4).
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    limit_overflow: LimitOverflow = "async_131048"
    window_refusal: Channel = "async"
    throttle_http_status: int = Field(default=400, ge=400, le=599)
    throttle_webhook: bool = False
    shuffle_validation: bool = False
    answer_delay_s: float = Seconds
    management_cap: bool = True

    count_on: CountOn = "accept"
    slot_anchor: SlotAnchor = "last"
    inbound_counts: bool = True

    statuses: bool = True
    status_delay_s: float = Seconds
    delivered_after_s: float = Seconds
    read_after_s: float = Seconds
    jitter: float = Share
    delivered: bool = True
    read: bool = False
    reorder_rate: float = Share
    contacts_on_failures: bool = False

    drop_rate: float = Share
    duplicate_rate: float = Share
    shuffle: bool = False
    batching: Batching = "by_call"
    batch_max: int = Field(default=20, ge=1, le=1000)
    webhook_workers: int = Field(default=1, ge=1, le=64)
    webhooks_paused: bool = False
    webhook_retry_horizon_s: float = Field(default=7 * 86_400.0, ge=0.0)
    webhook_timeout_s: float = Field(default=10.0, gt=0.0)
    capability_format: CapabilityFormat = "tier"

    template_review_s: float = Seconds
    template_pacing: bool = False
    portfolio_pacing: bool = False
