"""Changes templates: their status, quality and category, with all that follows from it."""

from dataclasses import dataclass

from gateway.emulator.history import Change
from gateway.emulator.life import pacing
from gateway.emulator.registry import Template
from gateway.emulator.state import State
from gateway.emulator.steering.bodies import TemplateChange
from gateway.emulator.webhooks import updates

HOUR_S = 3600.0
# The ladder of pauses for quality; the next step disables. Source: PAUSE, 22 Oct 2025 (R§6.4).
PAUSES = (("FIRST_PAUSE", 3 * HOUR_S), ("SECOND_PAUSE", 6 * HOUR_S))
# How long ahead a change of category is announced. Source: TCAT, 14 Nov 2025 (R§6.4).
NOTICE_S = 24 * HOUR_S
_CODES = {"PAUSED": 132015, "DISABLED": 132016}
_MISSING = 132001


@dataclass(frozen=True, slots=True)
class _Step:
    """A status to be, the title of its webhook and, for the history, why."""

    status: str
    title: str | None = None
    reason: str = ""


def set_status(state: State, template: Template, status: str, now: float, reason: str = "") -> None:
    """Give a template another status and tell its owner; `reason` is for the history.

    What was held for an assessment fails when the template may not be sent any more. A template
    that comes out of a pause is rated anew (Meta is silent about it), and `unpaused_at` says since
    when.
    """
    was_unpaused = (template.status, status) == ("PAUSED", "APPROVED")
    _take(state, template, _Step(status, "UNPAUSE" if was_unpaused else None, reason), now)


def _take(state: State, template: Template, step: _Step, now: float) -> None:
    status = step.status
    old, template.status = template.status, status
    if old == status:
        return
    template.paused_until = None
    state.history.note(Change(now, template.id, "template_status", old, status, step.reason))
    state.sender.post(updates.template_status(template, status, step.title, now))
    if status == "PAUSED" and template.category == "UTILITY":
        state.pacing.utility_paused_at[template.waba_id] = now
    if status != "APPROVED":
        pacing.drop(state, template, _CODES.get(status, _MISSING), now)
    if old == "PAUSED" and status in {"APPROVED", "PENDING"}:
        template.unpaused_at = now
        pacing.begin_anew(state, template)
        if template.quality == "RED":
            set_quality(state, template, "UNKNOWN", now)


def pause_for_quality(state: State, template: Template, now: float) -> None:
    """Take a template one step up the ladder: 3 h, 6 h, disabled (R§6.4).

    While its messages are held for an assessment it fails that instead: it is paused until a
    person unpauses it. Source: PACE, 21 May 2026.
    """
    if template.status == "PAUSED":
        return
    pacing.drop_portfolio(state, template, now)
    reason = f"the quality is {template.quality}"
    if pacing.is_assessed(state, template):
        _take(state, template, _Step("PAUSED", "RATE_LIMITING_PAUSE", reason), now)
        return
    if template.pauses >= len(PAUSES):
        _take(state, template, _Step("DISABLED", reason=reason), now)
        return
    title, lasts_s = PAUSES[template.pauses]
    template.pauses += 1
    _take(state, template, _Step("PAUSED", title, reason), now)
    until = template.paused_until = now + lasts_s

    def end(due: float) -> None:
        if template.paused_until == until:
            set_status(state, template, "APPROVED", due, reason="the pause is over")

    state.schedule.at(until, end)


def set_quality(state: State, template: Template, quality: str, now: float) -> None:
    """Rate a template and tell its owner; RED pauses one that is APPROVED. Source: TQ, PAUSE."""
    old, template.quality = template.quality, quality
    if old == quality:
        return
    template.quality_at = now
    state.history.note(Change(now, template.id, "template_quality", old, quality))
    state.sender.post(updates.template_quality(template, old, now))
    if quality == "RED" and template.status == "APPROVED":
        pause_for_quality(state, template, now)
    elif quality == "GREEN":
        pacing.passes(state, template, now)
    else:
        pacing.begin_anew(state, template)


def announce_category(state: State, template: Template, category: str, now: float) -> None:
    """Say that Meta will change a category in 24 hours, and do so then. Source: W-TPC (R§6.4)."""
    due = now + NOTICE_S
    template.category_to_be = category
    state.sender.post(updates.template_category_impending(template, category, due, now))

    def change(at: float) -> None:
        if template.category_to_be == category:
            set_category(state, template, category, at)

    state.schedule.at(due, change)


def set_category(state: State, template: Template, category: str, now: float) -> None:
    """Change a category at once, as Meta does with repeat offenders, and tell the owner."""
    old, template.category = template.category, category
    template.category_to_be = None
    if old != category:
        state.sender.post(updates.template_category(template, old, now))


def review(state: State, template: Template, now: float) -> None:
    """Approve a PENDING template when its review is over, unless something else became of it."""

    def approve(due: float) -> None:
        if template.status == "PENDING":
            set_status(state, template, "APPROVED", due, reason="the review was passed")

    state.schedule.at(now + state.knobs.template_review_s, approve)


def change_templates(state: State, name: str, body: TemplateChange) -> list[Template]:
    """Change the templates of a name; LookupError when there is none."""
    found = [
        each
        for each in state.registry.templates.values()
        if each.name == name
        and body.language in {None, each.language}
        and body.waba_id in {None, each.waba_id}
    ]
    if not found:
        raise LookupError(f"name: no template {name} of this language and WABA")
    for each in found:
        _change(state, each, body)
    return found


def _change(state: State, template: Template, body: TemplateChange) -> None:
    now = state.now()
    if body.category is not None:
        change = announce_category if body.is_announced else set_category
        change(state, template, body.category, now)
    if body.quality is not None:
        set_quality(state, template, body.quality, now)
    if body.status == "PAUSED":
        pause_for_quality(state, template, now)
    elif body.status is not None:
        set_status(state, template, body.status, now, reason="set by hand")
