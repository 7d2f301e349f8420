from datetime import datetime

import pytest

from gateway.policy.facts import TemplateFacts
from gateway.policy.rules.template import rule
from gateway.whatsapp.template import TemplateCategory, TemplateStatus
from tests.policy.making import HOUR, INSTANT, KNOBS, NOW, facts, template, text

CODES = {
    TemplateStatus.APPROVED: None,
    TemplateStatus.PAUSED: 132015,
    TemplateStatus.DISABLED: 132016,
}


def known(status: TemplateStatus, paused_until: datetime | None = None) -> TemplateFacts:
    return TemplateFacts(TemplateCategory.UTILITY, status, paused_until)


@pytest.mark.parametrize("status", TemplateStatus)
@pytest.mark.parametrize("window_open", [True, False])
def test_only_an_approved_template_is_sent_inside_the_window_or_outside(
    status: TemplateStatus,
    window_open: bool,  # noqa: FBT001 - a table
) -> None:
    objection = rule(template(), facts(template=known(status), window_open=window_open), KNOBS, NOW)
    assert (objection.code if objection else None) == CODES.get(status, 132001)
    if objection is not None:
        assert objection.until is None
        assert "'order_update' in 'en_US'" in objection.details


def test_a_free_form_message_has_no_template() -> None:
    assert rule(text(), facts(template=known(TemplateStatus.DISABLED)), KNOBS, NOW) is None


@pytest.mark.parametrize(("templates_known", "code"), [(True, 132001), (False, None)])
def test_a_template_is_missing_only_if_the_whole_list_was_read(
    templates_known: bool,  # noqa: FBT001 - a table
    code: int | None,
) -> None:
    unknown = facts(template=None, templates_known=templates_known)
    objection = rule(template(), unknown, KNOBS, NOW)
    assert (objection.code if objection else None) == code


@pytest.mark.parametrize(
    ("paused_until", "refused"), [(NOW + HOUR, True), (NOW + INSTANT, True), (NOW, False)]
)
def test_a_pause_ends_by_itself_at_its_instant(paused_until: datetime, refused: bool) -> None:  # noqa: FBT001
    paused = facts(template=known(TemplateStatus.PAUSED, paused_until))
    objection = rule(template(), paused, KNOBS, NOW)
    assert (objection is not None) is refused
    if objection is not None:
        assert (objection.code, objection.until) == (132015, paused_until)
