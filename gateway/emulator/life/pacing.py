"""Holds back most of a campaign until Meta knows how people take its first messages.

Source: PACE, 21 May 2026; PPACE, 8 Dec 2025 (R§6.4). Meta publishes no sizes and no deadlines;
those here are chosen so that all of a well-received campaign is delivered within the hour.
"""

from functools import partial

from gateway.emulator.history import Change
from gateway.emulator.life import delivery
from gateway.emulator.life.held import Campaign, Held
from gateway.emulator.registry import Restriction, Template
from gateway.emulator.rules.case import Case, Finding
from gateway.emulator.state import State
from gateway.emulator.webhooks import updates
from gateway.emulator.webhooks.updates import Sent

# So many messages of a template leave at once; the others wait for what becomes of these.
FIRST_PORTION = 100
# How long an assessment lasts: what has not turned out bad by then is good enough.
ASSESSMENT_S = 1800.0
# How long a template is watched after a pause, and utility templates after one of them was paused.
WATCHED_S = 7 * 86_400.0
# A portfolio's messages leave in portions of this size, one each assessment.
PORTFOLIO_BATCH = 100
# A portfolio with a record of so many template messages is not paced. Source: PPACE, 8 Dec 2025.
# Meta looks at 365 days, the emulator at all the time since its start.
TRUSTED_AFTER = 500_000
# A portfolio whose campaign was dropped sends no templates until it has been reviewed.
BLOCKED_S = 86_400.0
BLOCK = "RESTRICTED_BIZ_INITIATED_MESSAGING"
_PAUSED = 132015


def is_on(state: State) -> bool:
    """Whether anything is paced at all."""
    return state.knobs.template_pacing or state.knobs.portfolio_pacing


def hold(state: State, case: Case, sent: Sent, fate: Finding | None) -> bool:
    """Keep a message back, or count it among those that leave at once; True when it is held."""
    knobs = state.knobs
    if not is_on(state) or case.template is None or case.template.status != "APPROVED":
        return False
    held = Held(case, sent, fate)
    if knobs.template_pacing and _template_holds(state, case.template, held):
        return True
    return knobs.portfolio_pacing and _portfolio_holds(state, held)


def is_paced(state: State, template: Template, now: float) -> bool:
    """Whether a template is new, not GREEN or recently unpaused, and of a category that is paced.

    Utility templates are for 7 days after one of their WABA was paused.
    """
    if template.quality == "GREEN" and now - template.unpaused_at >= WATCHED_S:
        return False
    if template.category == "UTILITY":
        paused_at = state.pacing.utility_paused_at.get(template.waba_id)
        return paused_at is not None and now - paused_at < WATCHED_S
    return template.category == "MARKETING"


def _template_holds(state: State, template: Template, message: Held) -> bool:
    now = message.case.now
    if not is_paced(state, template, now):
        return False
    campaign = state.pacing.templates.setdefault(template.id, Campaign(now))
    if campaign.is_over:
        return False
    if campaign.gone < FIRST_PORTION:
        campaign.gone += 1
        return False
    if not campaign.held:
        state.schedule.at(now + ASSESSMENT_S, partial(_finish, state, campaign))
    campaign.held.append(message)
    return True


def _portfolio_holds(state: State, message: Held) -> bool:
    case = message.case
    campaign = state.pacing.portfolios.setdefault(case.number.scope, Campaign(case.now))
    campaign.seen += 1
    if campaign.seen > TRUSTED_AFTER:
        return False
    if not campaign.held and case.now - campaign.since >= ASSESSMENT_S:
        campaign.since, campaign.gone = case.now, 0
    if campaign.gone < PORTFOLIO_BATCH:
        campaign.gone += 1
        return False
    if not campaign.held:
        state.schedule.at(campaign.since + ASSESSMENT_S, partial(_next_batch, state, campaign))
    campaign.held.append(message)
    return True


def _finish(state: State, campaign: Campaign, now: float) -> None:
    campaign.is_over = True
    _release(state, campaign, len(campaign.held), now)


def _next_batch(state: State, campaign: Campaign, now: float) -> None:
    campaign.since = now
    campaign.gone = _release(state, campaign, PORTFOLIO_BATCH, now)
    if campaign.held:
        state.schedule.at(now + ASSESSMENT_S, partial(_next_batch, state, campaign))


def _release(state: State, campaign: Campaign, most: int, now: float) -> int:
    """Let the longest-held messages go; their slots stay counted from when they were accepted."""
    leaving, campaign.held = campaign.held[:most], campaign.held[most:]
    for message in leaving:
        if message.fate is None or message.fate.channel != "silent":
            _follow(state, message, message.fate, now)
    return len(leaving)


def _follow(state: State, message: Held, fate: Finding | None, now: float) -> None:
    delivery.follow(state, message.case._replace(now=now), message.sent, fate)


def is_assessed(state: State, template: Template) -> bool:
    """Whether messages of a template wait for its assessment."""
    campaign = state.pacing.templates.get(template.id)
    return campaign is not None and bool(campaign.held)


def passes(state: State, template: Template, now: float) -> None:
    """End a template's assessment well: whatever it held leaves."""
    campaign = state.pacing.templates.get(template.id)
    if campaign is not None:
        _finish(state, campaign, now)


def begin_anew(state: State, template: Template) -> None:
    """Assess a template once more, unless it is being assessed."""
    if not is_assessed(state, template):
        state.pacing.templates.pop(template.id, None)


def drop(state: State, template: Template, code: int, now: float) -> None:
    """Let every held message of a template fail, because it may not be sent any more."""
    detail = f"Template {template.name} is {template.status}; what was held is dropped."
    for campaign in (state.pacing.templates.pop(template.id, None), *_portfolios(state, template)):
        if campaign is not None:
            doomed = [each for each in campaign.held if each.case.template is template]
            campaign.held = [each for each in campaign.held if each.case.template is not template]
            _fail(state, doomed, Finding("pacing", code, detail, "async"), now)


def drop_portfolio(state: State, template: Template, now: float) -> None:
    """Drop all that a portfolio holds because one of its templates is bad, and block it."""
    finding = Finding("pacing", _PAUSED, "The portfolio's campaign was dropped.", "async")
    for scope in _scopes(state, template):
        campaign = state.pacing.portfolios.get(scope)
        if campaign is not None and campaign.held:
            doomed, campaign.held = campaign.held, []
            _fail(state, doomed, finding, now)
            _block(state, scope, now)


def _fail(state: State, doomed: list[Held], finding: Finding, now: float) -> None:
    for message in doomed:
        state.memory.ledger.release(message.case.number.pool_id, message.sent.wamid)
        _follow(state, message, finding, now)


def _block(state: State, scope: str, now: float) -> None:
    until = now + BLOCKED_S
    numbers = state.registry.numbers.values()
    for waba_id in sorted({each.waba_id for each in numbers if each.scope == scope}):
        state.registry.restrictions.append(Restriction(waba_id, BLOCK, until))
        reason = "a held campaign was dropped"
        state.history.note(Change(now, waba_id, "restriction", None, BLOCK, reason))
        state.sender.post(updates.account_restrictions(waba_id, [BLOCK], until, now))


def _portfolios(state: State, template: Template) -> list[Campaign]:
    found = (state.pacing.portfolios.get(scope) for scope in _scopes(state, template))
    return [each for each in found if each is not None]


def _scopes(state: State, template: Template) -> list[str]:
    return sorted({each.scope for each in state.registry.numbers_of(template.waba_id)})
