"""Says what a message costs, and that it fails when nobody can pay for it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.emulator.rules.case import Case, Finding

# Since when service messages, and utility templates in a window, are charged (R§10, R§13).
CHARGED_SINCE = datetime(2026, 10, 1, tzinfo=UTC).timestamp()
REGULAR, ENTRY_POINT = "regular", "free_entry_point"
FREE_SERVICE, FREE_GROUP_SERVICE = "free_customer_service", "free_group_customer_service"


@dataclass(frozen=True, slots=True)
class Price:
    """The `pricing.type` of a message; everything but `regular` is free.

    `free_until` is the end of a free entry point.
    """

    type: str
    free_until: float | None = None


_REGULAR = Price(REGULAR)


def price(case: Case) -> Price:
    """Price a message by its kind, its window and the date.

    Source: W-STAT, 14 Sep 2026; PRICE-NT, 1 Jul 2026; in-window utility templates are charged
    (R§8.4, R§10, R§12.1 row 20). Reactions are never charged.
    """
    send = case.send
    until = case.memory.entry_points.free_until((case.number.id, send.user), case.now)
    if until is not None:
        return Price(ENTRY_POINT, until)
    is_service = send.type != "template" and not send.is_direct
    is_free = is_service and _is_free_service(case)
    if case.now < CHARGED_SINCE and case.is_reply:
        is_free = is_free or send.is_direct or _is_utility(case)
    if not is_free:
        return _REGULAR
    return Price(FREE_GROUP_SERVICE if send.to_group else FREE_SERVICE)


def _is_free_service(case: Case) -> bool:
    if case.now < CHARGED_SINCE or case.send.type == "reaction":
        return True
    return case.memory.free_tier.has_room(case.number.id, case.now)


def _is_utility(case: Case) -> bool:
    return case.template is not None and case.template.category == "UTILITY"


def fate(case: Case, cost: Price) -> Finding | None:
    """Fail what costs something and has nobody to pay for it, after it was accepted.

    Meta confirms neither the code nor the channel (R§7.2, R§10, R§12.1 row 21). Test numbers need
    no payment method (R§2.1).
    """
    if cost.type != REGULAR or case.number.is_test_number:
        return None
    waba = case.registry.wabas.get(case.number.waba_id)
    if waba is None or waba.has_payment_method:
        return None
    return Finding("payment", 131042, "The account has no payment method.", "async")


def charge(case: Case, cost: Price) -> None:
    """Count an accepted message that is not bound to fail."""
    if cost.free_until is not None:
        case.memory.entry_points.answered((case.number.id, case.send.user), cost.free_until)
    elif cost.type in {FREE_SERVICE, FREE_GROUP_SERVICE} and _takes_a_place(case):
        case.memory.free_tier.take(case.number.id, case.now)


def _takes_a_place(case: Case) -> bool:
    """Whether it is one of the thousand: not a reaction, not to somebody whom it cannot reach."""
    if case.now < CHARGED_SINCE or case.send.type == "reaction":
        return False
    person = case.people.get(case.send.user)
    return person is None or not person.has_blocked(case.number.id)
