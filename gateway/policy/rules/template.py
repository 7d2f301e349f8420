"""Refuses templates that cannot be sent, before Meta has to.

Meta's rule
    Only an APPROVED template can be sent. Low quality pauses it: for 3 hours, then for 6, then it
    is disabled; going on with it can end up affecting the number.
Source
    PAUSE (22 Oct 2025), TOVR (21 May 2026), ERR (18 Jun 2026) 132001, 132015, 132016. R§6.4.
What the gateway does
    Keeps each template's status from webhooks and the template list. A template that is not in a
    list read as a whole does not exist; while no list was read, Meta is left to judge.
Refused as
    132001 missing or not approved, 132015 paused (with the end of the pause where it is known),
    132016 disabled.
"""

from datetime import datetime

from gateway.policy.facts import Facts, TemplateFacts
from gateway.policy.knobs import Knobs
from gateway.policy.verdict import Objection, hour
from gateway.whatsapp.message import Message
from gateway.whatsapp.template import TemplateKey, TemplateStatus


def rule(message: Message, facts: Facts, _knobs: Knobs, now: datetime) -> Objection | None:
    """Object to a template that is missing, paused, disabled or not approved."""
    key = message.template
    if key is None:
        return None
    template = facts.template
    if template is None:
        if not facts.templates_known:
            return None
        return Objection("template", 132001, f"{_name(key)} does not exist in this account.")
    if template.status.sendable:
        return None
    return _not_sendable(key, template, now)


def _not_sendable(key: TemplateKey, template: TemplateFacts, now: datetime) -> Objection | None:
    if template.status is TemplateStatus.PAUSED:
        until = template.paused_until
        if until is None:
            return Objection("template", 132015, f"{_name(key)} is paused for low quality.")
        if until <= now:
            return None
        return Objection("template", 132015, f"{_name(key)} is paused until {hour(until)}.", until)
    if template.status is TemplateStatus.DISABLED:
        return Objection("template", 132016, f"{_name(key)} is disabled for good.")
    return Objection("template", 132001, f"{_name(key)} is {template.status}, not APPROVED.")


def _name(key: TemplateKey) -> str:
    return f"Template {key.name!r} in {key.language!r}"
