"""Judges one message by each of Meta's rules on its own."""

import random
from collections.abc import Callable, Sequence

from gateway.emulator.messages import Send
from gateway.emulator.rules.allow_list import allow_list
from gateway.emulator.rules.authentication import authentication
from gateway.emulator.rules.call_permission import call_permission
from gateway.emulator.rules.case import Case, Channel, Finding
from gateway.emulator.rules.direct_send import direct_send
from gateway.emulator.rules.marketing_api import marketing_api
from gateway.emulator.rules.template_parameters import template_parameters
from gateway.emulator.rules.thread_owner import thread_owner

SENDING_STATUSES = frozenset({"CONNECTED", "FLAGGED", "RESTRICTED", "RATE_LIMITED"})
REPLIES_ONLY_STATUSES = frozenset({"RESTRICTED", "RATE_LIMITED"})
_MARKETING_STOPPED = 131050


def account(case: Case) -> Finding | None:
    """Let a number send nothing that is not registered and connected.

    Source: ERR, 18 Jun 2026 (R§4.2, R§7.2, R§7.7).
    """
    if not case.number.is_registered:
        return Finding("account", 133010, "The phone number is not registered.")
    if case.number.status in SENDING_STATUSES:
        return None
    return Finding("account", 131031, f"The number's status is {case.number.status}.")


def block_list(case: Case) -> Finding | None:
    """Refuse users whom the business itself has blocked. Source: BLOCK, 2026 (R§6.5)."""
    if case.send.user not in case.number.blocked_users:
        return None
    return Finding("block_list", 130403, "The business has blocked this user.")


def template(case: Case) -> Finding | None:
    """Let only APPROVED templates be sent. Source: TOVR 21 May, ERR 12 Dec 2025 (R§6.4)."""
    found = case.template
    if case.send.type != "template" or (found is not None and found.status == "APPROVED"):
        return None
    name = f"{case.send.template_name} ({case.send.template_language})"
    if found is None:
        return Finding("template", 132001, f"Template {name} does not exist.")
    match found.status:
        case "PAUSED":
            return Finding("template", 132015, f"Template {name} is paused.")
        case "DISABLED":
            return Finding("template", 132016, f"Template {name} is disabled.")
        case other:
            return Finding("template", 132001, f"Template {name} is {other}, not APPROVED.")


def restriction(case: Case) -> Finding | None:
    """Hold a restricted number or WABA to what its restriction names.

    Source: W-ACC, 21 May 2026 and LIM-UP, 26 Oct 2025 (R§4.3, R§6.2).
    """
    number = case.number
    if number.status in REPLIES_ONLY_STATUSES and not case.is_reply:
        return Finding("restriction", 368, f"The number is {number.status}: replies only.")
    for each in case.registry.restrictions_of(number.waba_id, case.now):
        if _covers(each.restriction_type, case):
            return Finding("restriction", 368, f"The account is under {each.restriction_type}.")
    return None


def _covers(restriction_type: str, case: Case) -> bool:
    match restriction_type:
        case "RESTRICTED_CUSTOMER_INITIATED_MESSAGING":
            return case.is_reply
        case "RESTRICTED_UTILITY_TEMPLATES":
            return case.template is not None and case.template.category == "UTILITY"
        case (
            "RESTRICTED_BUSINESS_INITIATED_CALLING"
            | "RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING"
        ):
            return _asks_to_call(case.send)
        case (
            "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES"
            | "RESTRICTED_ADD_PHONE_NUMBER_ACTION"
            | "RESTRICTED_USER_INITIATED_CALLING"
            | "RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN"
        ):
            return False
        case _:  # RESTRICTED_BIZ_INITIATED_MESSAGING, and what Meta may invent, read as that
            return not case.is_reply


def _asks_to_call(send: Send) -> bool:
    return send.type == "interactive" and send.payload["type"] == "call_permission_request"


def spam_limit(case: Case) -> Finding | None:
    """Stop what a number starts while too many people complain of it.

    Source: ERR, 18 Jun 2026; how long it lasts is not published (R§2.4, R§4.1).
    """
    if case.is_reply or case.now >= case.number.spam_limited_until:
        return None
    return Finding("spam_limit", 131048, "Too many people blocked or reported this number.")


def maintenance(case: Case) -> Finding | None:
    """Say no while a number's throughput is being raised. Source: THR, 17 Jun 2026 (R§5.1)."""
    if case.now >= case.number.maintenance_until:
        return None
    return Finding("maintenance", 131057, "The throughput of this number is being raised.")


def service_window(case: Case) -> Finding | None:
    """Let only templates, and Direct Sends, leave outside the 24 h window.

    Source: SEND, 21 May 2026 (R§3); DIRECT, 2026 (R§1.8).
    """
    if case.is_reply or case.send.type == "template" or case.send.is_direct:
        return None
    detail = "More than 24 hours have passed since the user last wrote to this number."
    return Finding("service_window", 131047, detail, case.knobs.window_refusal)


def throughput(case: Case) -> Finding | None:
    """Hold a number to its messages per second. Source: THR, 17 Jun 2026 (R§5.1)."""
    level = case.number.throughput
    if not case.memory.throughput.is_full(case.number.id, level, case.now):
        return None
    return Finding("throughput", 130429, f"More than {level} messages within one second.")


def pair_rate(case: Case) -> Finding | None:
    """Hold a number to one message per 6 s to a user, 45 in advance.

    Source: ABOUT, 4 Aug 2026 (R§5.2). Undocumented for groups, hence not held against them.
    """
    send = case.send
    if send.to_group or not case.memory.pair_rate.is_full(case.number.id, send.user, case.now):
        return None
    return Finding("pair_rate", 131056, "Too many messages to this user in a short time.")


def messaging_limit(case: Case) -> Finding | None:
    """Hold a pool to its unique users in a moving 24 h. Source: LIM, 8 May 2026 (R§2).

    Meta documents no code for it; `limit_overflow` chooses (R§12.1 row 1).
    """
    limit = case.registry.limit_of(case.number)
    if limit is None or not case.is_counted_kind:
        return None
    pool, ledger = case.number.pool_id, case.memory.ledger
    if ledger.count(pool, case.now) < limit or ledger.counts(pool, case.send.user, case.now):
        return None
    detail = f"The pool {pool} has reached its limit of {limit} unique users in 24 hours."
    channels: dict[str, Channel] = {
        "async_131048": "async",
        "sync_131048": "sync",
        "silent_no_status": "silent",
        "off": "none",
    }
    return Finding("messaging_limit", 131048, detail, channels[case.knobs.limit_overflow])


def marketing_preference(case: Case) -> Finding | None:
    """Fail, after accepting it, marketing to a user who pressed stop.

    Source: ERR 18 Jun 2026, W-PREF 2026 (R§6.5).
    """
    if case.template is None or case.template.category != "MARKETING":
        return None
    person = case.people.get(case.send.user)
    has_stopped = person is not None and person.marketing_stopped
    if not has_stopped and (case.number.scope, case.send.user) not in case.memory.marketing_stopped:
        return None
    detail = "The user has stopped marketing messages from this business."
    return Finding("marketing_preference", _MARKETING_STOPPED, detail, "async")


# The order of R§12.3; Meta's own may change at any time (FAQ).
RULES: tuple[Callable[[Case], Finding | None], ...] = (
    account,
    allow_list,
    block_list,
    template,
    template_parameters,
    authentication,
    marketing_api,
    direct_send,
    restriction,
    spam_limit,
    maintenance,
    throughput,
    pair_rate,
    call_permission,
    thread_owner,
    service_window,
    messaging_limit,
    marketing_preference,
)


# Rules that have nothing to say of a template, or of anything else, are not asked.
_NEVER_OF_TEMPLATES = frozenset({direct_send, thread_owner, service_window})
_ONLY_OF_TEMPLATES = frozenset({template, template_parameters, authentication})
OF_TEMPLATES = tuple(rule for rule in RULES if rule not in _NEVER_OF_TEMPLATES)
OF_OTHERS = tuple(rule for rule in RULES if rule not in _ONLY_OF_TEMPLATES)


def _shuffled(case: Case) -> list[Callable[[Case], Finding | None]]:
    memory = case.memory
    memory.judged += 1
    order = random.Random(f"{memory.seed}:order:{memory.judged}")  # noqa: S311 - repeatable
    return order.sample(RULES, len(RULES))


def judge(case: Case) -> list[Finding]:
    """List every broken rule, in the order in which Meta would look.

    With the knob `shuffle_validation` the order is another for every message (R§12.1 row 36).
    """
    rules: Sequence[Callable[[Case], Finding | None]]
    if case.knobs.shuffle_validation:
        rules = _shuffled(case)
    else:
        rules = OF_TEMPLATES if case.send.type == "template" else OF_OTHERS
    return [finding for rule in rules if (finding := rule(case)) is not None]
