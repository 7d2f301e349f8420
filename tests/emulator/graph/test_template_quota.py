from typing import Any

import pytest

from gateway.emulator import Emulator
from gateway.emulator.graph import template_quota
from gateway.emulator.graph.template_quota import DAY_S, HOUR_S, TemplateQuota
from gateway.emulator.registry import Registry, Template
from tests.emulator.conftest import PORTFOLIO, WABA, StillClock, world

NEW = (WABA, "fresh", "en_US")
NOW = 1_800_000_000.0


def registry(**changes: Any) -> Registry:
    return Emulator(world(**changes), clock=StillClock()).state.registry


def template(name: str = "fresh") -> Template:
    return Template("1", WABA, name, "en_US", "UTILITY", "APPROVED", [])


def subcode(quota: TemplateQuota, key: tuple[str, str, str], now: float) -> int | None:
    problem = quota.creation_problem(registry(), key, now)
    return None if problem is None else problem.subcode


def test_a_hundred_creations_an_hour() -> None:
    """Source: TOVR (R§5.3)."""
    quota = TemplateQuota()
    for _ in range(99):
        quota.created(WABA, NOW)
    assert quota.creation_problem(registry(), NEW, NOW) is None
    quota.created(WABA, NOW + 1)
    problem = quota.creation_problem(registry(), NEW, NOW + 1)
    assert problem is not None
    assert problem.code == 80008
    assert quota.creation_problem(registry(), ("another", *NEW[1:]), NOW + 1) is None
    assert quota.creation_problem(registry(), NEW, NOW + HOUR_S) is None


def test_a_template_exists_once_in_a_language() -> None:
    assert subcode(TemplateQuota(), (WABA, "promo", "en-US"), NOW) == 2388024
    assert subcode(TemplateQuota(), (WABA, "promo", "es"), NOW) is None


def test_the_name_of_a_deleted_template_rests_for_30_days() -> None:
    """Source: TMAN, 2 Jul 2026 (R§5.3)."""
    quota = TemplateQuota()
    quota.reserve(template(), NOW, in_all_languages=False)
    assert subcode(quota, NEW, NOW) == 2388023
    assert subcode(quota, (WABA, "fresh", "es"), NOW) is None
    quota.reserve(template(), NOW, in_all_languages=True)
    assert subcode(quota, (WABA, "fresh", "es"), NOW + 30 * DAY_S - 1) == 2388023
    assert subcode(quota, (WABA, "fresh", "es"), NOW + 30 * DAY_S) is None


def test_an_account_has_250_templates_or_6000() -> None:
    """Source: TOVR, 21 May 2026 (R§6.4, R§12.1 row 26)."""
    many = registry()
    for at in range(248):
        many.add_template(template(f"t{at}"))
    problem = TemplateQuota().creation_problem(many, NEW, NOW)
    assert problem is not None
    assert (problem.code, problem.subcode) == (100, 2388019)
    verified = registry(portfolios=[{"id": PORTFOLIO, "messaging_limit": 2, "verified": True}])
    assert template_quota.limit_of(verified, WABA) == 6000


@pytest.mark.parametrize(("days", "is_refused"), [(0.9, True), (1.0, False)])
def test_one_edit_a_day(days: float, *, is_refused: bool) -> None:
    """Source: TMAN, 2 Jul 2026 (R§5.3)."""
    quota = TemplateQuota()
    quota.edited(template(), NOW)
    assert (quota.edit_problem(template(), NOW + days * DAY_S) is not None) is is_refused


def test_ten_edits_in_30_days() -> None:
    """Source: TMAN, 2 Jul 2026 (R§5.3)."""
    quota = TemplateQuota()
    for day in range(10):
        assert quota.edit_problem(template(), NOW + day * DAY_S) is None
        quota.edited(template(), NOW + day * DAY_S)
    assert quota.edit_problem(template(), NOW + 20 * DAY_S) is not None
    assert quota.edit_problem(template(), NOW + 30 * DAY_S) is None
