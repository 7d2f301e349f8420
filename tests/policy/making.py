"""Makes messages and facts for tests of the decision; every part can be replaced by name."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from gateway.policy.facts import Facts, NumberFacts, PoolFacts, TemplateFacts, UserFacts
from gateway.policy.fold import BatchFacts, Candidate, PoolState
from gateway.policy.knobs import Knobs
from gateway.whatsapp.ids import PhoneNumberId, PoolId, UserId, WabaId
from gateway.whatsapp.message import Message
from gateway.whatsapp.number import NumberStatus, Regime
from gateway.whatsapp.recipient import Recipient, RecipientKind
from gateway.whatsapp.template import TemplateCategory, TemplateKey, TemplateStatus

NOW: Final = datetime(2026, 11, 23, 10, tzinfo=UTC)
INSTANT: Final = timedelta(microseconds=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(hours=24)
# The guard has tests of its own; those of the other rules send bursts, which it would spread out.
KNOBS: Final = Knobs(off=frozenset({"activity"}))
NUMBER: Final = PhoneNumberId("200000000000001")
SECOND_NUMBER: Final = PhoneNumberId("200000000000002")
POOL: Final = PoolId("300000000000001")
SECOND_POOL: Final = PoolId("300000000000002")
WABA: Final = WabaId("100000000000001")
KEY: Final = TemplateKey("order_update", "en_US")
APPROVED: Final = TemplateFacts(TemplateCategory.UTILITY, TemplateStatus.APPROVED)
MARKETING: Final = TemplateFacts(TemplateCategory.MARKETING, TemplateStatus.APPROVED)
Record = TypeVar("Record")


def changed(record: Record, **changes: Any) -> Record:
    """Return a record with other fields, be it a data class or a named tuple."""
    if isinstance(record, tuple):
        return type(record)(**{**record._asdict(), **changes})  # type: ignore[attr-defined]
    return replace(record, **changes)  # type: ignore[type-var]


def template(kind: RecipientKind = RecipientKind.PHONE) -> Message:
    """Make a template message."""
    return Message("template", Recipient(kind, "+34600000001"), KEY, None, None)


def text(kind: RecipientKind = RecipientKind.PHONE) -> Message:
    """Make a free-form message."""
    return Message("text", Recipient(kind, "+34600000001"), None, None, None)


def direct_send() -> Message:
    """Make a free-form message that claims a template category."""
    return changed(text(), direct_send_category=TemplateCategory.UTILITY)


def number(**changes: Any) -> NumberFacts:
    """Make a connected number."""
    return changed(NumberFacts(NUMBER, POOL, WABA, NumberStatus.CONNECTED), **changes)


def pool(**changes: Any) -> PoolFacts:
    """Make a pool of the per-number regime that lets 100 users through, with nobody counted."""
    return changed(PoolFacts(POOL, Regime.PER_NUMBER, 100, 0.0), **changes)


def facts(**changes: Any) -> Facts:
    """Make facts that nothing speaks against."""
    nothing = Facts(number(), pool(), UserFacts(), template=APPROVED, templates_known=True)
    return changed(nothing, **changes)


def state(**changes: Any) -> PoolState:
    """Make the state of a pool with two numbers."""
    numbers = {each: number(phone_number_id=each) for each in (NUMBER, SECOND_NUMBER)}
    plain = PoolState(
        Regime.PER_NUMBER, 100, 0.0, numbers, {}, {(WABA, KEY): APPROVED}, frozenset({WABA})
    )
    return changed(plain, **changes)


def candidate(user: int = 1, message: Message | None = None, **changes: Any) -> Candidate:
    """Make a candidate to the user with this number; `changes` as for `Candidate`."""
    plain = Candidate(NUMBER, POOL, UserId(f"346{user:08d}"), message or template())
    return changed(plain, **changes)


def batch_facts(users: list[UserFacts], counted: int = 0, **changes: Any) -> BatchFacts:
    """Make what is known about a batch in one pool; `changes` are of the pool's state."""
    return BatchFacts({POOL: state(**changes)}, {POOL: counted}, {POOL: None}, users)
