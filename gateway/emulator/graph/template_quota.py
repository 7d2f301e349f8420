"""Counts how often templates are created and edited, and which names must rest.

Source: TOVR, 21 May 2026; TMAN, 2 Jul 2026 (R§5.3, R§6.4).
"""

from collections import deque
from dataclasses import dataclass, field

from gateway.emulator.errors import Refusal
from gateway.emulator.registry import Registry, Template, TemplateKey, template_key
from gateway.emulator.rules.template_definition import refused

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
MOST_CREATIONS_PER_HOUR = 100
MOST_EDITS_PER_DAY, MOST_EDITS_PER_MONTH, MONTH_S = 1, 10, 30 * DAY_S
RESERVED_S = 30 * DAY_S
# More when the portfolio is verified (R§12.1 row 26).
MOST_TEMPLATES, MOST_TEMPLATES_OF_VERIFIED = 250, 6000
_EXISTS, _IS_RESERVED, _TOO_MANY = 2388024, 2388023, 2388019
_TOO_MANY_CALLS = 80008


def limit_of(registry: Registry, waba_id: str) -> int:
    """Say how many templates an account may have."""
    portfolios = {each.portfolio_id for each in registry.numbers_of(waba_id)}
    return MOST_TEMPLATES_OF_VERIFIED if portfolios & registry.verified else MOST_TEMPLATES


@dataclass(slots=True)
class TemplateQuota:
    """What accounts have done to their templates; instants are seconds since 1970."""

    _creations: dict[str, deque[float]] = field(default_factory=dict)
    _edits: dict[str, deque[float]] = field(default_factory=dict)
    _reserved: dict[TemplateKey, float] = field(default_factory=dict)

    def creation_problem(self, registry: Registry, key: TemplateKey, now: float) -> Refusal | None:
        """Say why an account may not have a template of this key now, if so."""
        waba_id, name, language = key
        if len(_since(self._creations, waba_id, now - HOUR_S)) >= MOST_CREATIONS_PER_HOUR:
            text = f"More than {MOST_CREATIONS_PER_HOUR} templates were created within one hour."
            return Refusal(_TOO_MANY_CALLS, text)
        if template_key(*key) in registry.templates:
            text = f"There is already {language} content for this template."
            return refused("Content in this language already exists", text, _EXISTS)
        if self._is_reserved(key, now):
            text = f"The name {name} was deleted less than 30 days ago. Use another one."
            return refused("Message template is being deleted", text, _IS_RESERVED)
        limit = limit_of(registry, waba_id)
        if len(registry.templates_of(waba_id)) >= limit:
            text = f"This account has {limit} templates, which is as many as it may have."
            return refused("Message template limit exceeded", text, _TOO_MANY)
        return None

    def created(self, waba_id: str, now: float) -> None:
        """Count a creation."""
        _since(self._creations, waba_id, now - HOUR_S).append(now)

    def edit_problem(self, template: Template, now: float) -> Refusal | None:
        """Say why an approved template may not be edited now, if so."""
        edits = _since(self._edits, template.id, now - MONTH_S)
        lately = sum(at > now - DAY_S for at in edits)
        if lately < MOST_EDITS_PER_DAY and len(edits) < MOST_EDITS_PER_MONTH:
            return None
        text = "An approved template can be edited once in 24 hours and 10 times in 30 days."
        return refused("Template edited too often", text)

    def edited(self, template: Template, now: float) -> None:
        """Count an edit of an approved template."""
        _since(self._edits, template.id, now - MONTH_S).append(now)

    def reserve(self, template: Template, now: float, *, in_all_languages: bool) -> None:
        """Let the name of a deleted template rest for 30 days, in its language or in all."""
        language = "" if in_all_languages else template.language
        key = template_key(template.waba_id, template.name, language)
        self._reserved[key] = now + RESERVED_S

    def _is_reserved(self, key: TemplateKey, now: float) -> bool:
        waba_id, name, _ = key
        keys = template_key(*key), template_key(waba_id, name, "")
        return any(self._reserved.get(each, 0.0) > now for each in keys)


def _since(instants: dict[str, deque[float]], whose: str, horizon: float) -> deque[float]:
    """Find somebody's instants after a horizon, and forget earlier ones."""
    found = instants.setdefault(whose, deque())
    while found and found[0] <= horizon:
        found.popleft()
    return found
