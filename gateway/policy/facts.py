"""Names everything a decision may know about number, pool, template and user."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from gateway.policy.knobs import Knobs
from gateway.policy.paces import Activity
from gateway.policy.send_class import SendClass
from gateway.policy.shares import DEFAULT, Holder, Share
from gateway.whatsapp.ids import PhoneNumberId, PoolId, WabaId
from gateway.whatsapp.number import UNLIMITED, NumberStatus, QualityRating, Regime
from gateway.whatsapp.restriction import RestrictionType
from gateway.whatsapp.template import TemplateCategory, TemplateStatus


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """One business number; the two clocks of the per-number regime stand beside its status.

    `active_since`: since when a new number sends; `recovering_since`: since when it climbs back.
    `usual_*`: the most of the trailing 7 days. `spam_step`: how often in a row Meta has answered
    131048; until `spam_until` the number starts no conversation, then one, as a probe.
    """

    phone_number_id: PhoneNumberId
    pool_id: PoolId
    waba_id: WabaId
    status: NumberStatus
    quality_rating: QualityRating = QualityRating.UNKNOWN
    flagged_until: datetime | None = None
    restricted_until: datetime | None = None
    restricted_by: str | None = None
    active_since: datetime | None = None
    recovering_since: datetime | None = None
    usual_users_hour: int = 0
    usual_users_day: int = 0
    usual_sends_10m: int = 0
    spam_step: int = 0
    spam_until: datetime | None = None


@dataclass(slots=True)
class PoolFacts:
    """The numbers that share one messaging limit; what is counted grows while a batch is folded.

    `counted` is the number of users in the ledger; `next_slot_at` the instant at which the oldest
    of them leaves it (known only when the pool is nearly full). `usage` says how many of them are
    on whose account, `shares` what each holder may have and is sure of, `next_share_at` when the
    oldest slot of a holder at its cap comes free.
    """

    pool_id: PoolId
    regime: Regime
    messaging_limit: int
    headroom: float
    counted: int = 0
    next_slot_at: datetime | None = None
    shares: Mapping[Holder, Share] = field(default_factory=lambda: DEFAULT)
    usage: dict[Holder, int] = field(default_factory=dict)
    next_share_at: Mapping[Holder, datetime] = field(default_factory=dict)

    @property
    def allowance(self) -> int:
        """Unique users this gateway lets through in 24 hours."""
        return allowance_of(self.messaging_limit, self.headroom)


def allowance_of(messaging_limit: int, headroom: float) -> int:
    """Return the unique users let through in 24 hours: the limit less the headroom."""
    if messaging_limit >= UNLIMITED:
        return UNLIMITED
    return int(messaging_limit * (1 - headroom))


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """One template in one language."""

    category: TemplateCategory
    status: TemplateStatus
    paused_until: datetime | None = None
    ttl_s: int | None = None


@dataclass(frozen=True, slots=True)
class RestrictionFacts:
    """A policy restriction on the WABA; `until` None means that no end was announced."""

    type: RestrictionType
    until: datetime | None


class Said(NamedTuple):
    """How often the same content went to one user, and since when."""

    content: int
    times: int
    since: datetime


class UserFacts(NamedTuple):
    """One user as seen by one number and its pool.

    `reached_at` is the last business-initiated send of the pool to this user, None when the
    ledger has no row; `pair_tat` the theoretical arrival time of the pair rate; `capped_until` the
    end of the rest that Meta's cap on marketing asks for; `recent` what was said lately.
    """

    reached_at: datetime | None = None
    last_inbound_at: datetime | None = None
    pair_tat: datetime | None = None
    marketing_stopped: bool = False
    capped_until: datetime | None = None
    recent: tuple[Said, ...] = ()

    def has_open_window(self, knobs: Knobs, now: datetime) -> bool:
        """Tell whether the service window is open at `now`, our margin taken off."""
        opened = self.last_inbound_at
        return (
            opened is not None and now < opened + knobs.service_window - knobs.service_window_margin
        )

    def counts(self, knobs: Knobs, now: datetime) -> bool:
        """Tell whether the user holds a slot of the messaging limit at `now`."""
        return self.reached_at is not None and self.reached_at > now - knobs.limit_window


class Facts(NamedTuple):
    """All that is known when one message is decided.

    `template` is None for other types and for a template nobody has told us of;
    `templates_known` tells whether the WABA's list was read as a whole, so that absence is proof.
    `activity` is what the number may start and how far it has got; `spread` to how many users of
    the pool this content went in the last hour.
    """

    number: NumberFacts
    pool: PoolFacts
    user: UserFacts
    restrictions: tuple[RestrictionFacts, ...] = ()
    template: TemplateFacts | None = None
    templates_known: bool = False
    window_open: bool = False
    send_class: SendClass = SendClass.OTHER
    app_id: str = ""
    activity: Activity | None = None
    spread: int = 0
