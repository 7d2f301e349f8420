"""Webhook fields about templates: their status, quality and category."""

from typing import Final

from gateway.whatsapp.events import (
    TemplateCategoryUpdate,
    TemplateQualityUpdate,
    TemplateStatusUpdate,
)
from gateway.whatsapp.json_fields import Fields, nested, required_text, text
from gateway.whatsapp.template import (
    TemplateCategory,
    TemplateKey,
    TemplateQuality,
    TemplateStatus,
    normalise_language,
)
from gateway.whatsapp.webhook_change import Change

_SENDABLE_AGAIN: Final = frozenset({"APPROVED", "UNARCHIVED", "REINSTATED"})


def read_status(change: Change) -> None:
    """Read field `message_template_status_update`. Source: W-TPL, 11 Sep 2026 (R§6.4)."""
    value = change.value
    if "new_quality_score" in value and "event" not in value:
        # The sample on Meta's page of the quality field carries this field's name.
        read_quality(change)
        return
    event = required_text(value, "event")
    title = text(nested(value, "other_info"), "title")
    category = text(value, "message_template_category")
    change.events.append(
        TemplateStatusUpdate(
            waba_id=change.waba_id,
            template_id=required_text(value, "message_template_id"),
            key=_key(value),
            status=_status(event.upper(), (title or "").upper()),
            raw_event=event,
            title=title,
            category=TemplateCategory.of(category) if category else None,
            at=change.at,
        )
    )


def _status(event: str, title: str) -> TemplateStatus:
    if event == "PAUSED" and title == "UNPAUSE":
        return TemplateStatus.APPROVED
    if event == "PAUSED" and title == "DISABLED":
        return TemplateStatus.DISABLED
    if event in _SENDABLE_AGAIN:
        return TemplateStatus.APPROVED
    return TemplateStatus.of(event)


def read_quality(change: Change) -> None:
    """Read field `message_template_quality_update`. Source: W-TPQ, late 2025 (R§6.4)."""
    value = change.value
    change.events.append(
        TemplateQualityUpdate(
            waba_id=change.waba_id,
            template_id=required_text(value, "message_template_id"),
            key=_key(value),
            previous=TemplateQuality.of(value.get("previous_quality_score")),
            current=TemplateQuality.of(required_text(value, "new_quality_score")),
            at=change.at,
        )
    )


def read_category(change: Change) -> None:
    """Read field `template_category_update`: `new_category` is in force. Source: W-TPC (R§6.4)."""
    _read_category(change, "new_category")


def read_detected_category(change: Change) -> None:
    """Read field `template_correct_category_detection`. Source: DIRECT, 2026 (R§1.8)."""
    _read_category(change, "category")


def _read_category(change: Change, key: str) -> None:
    value = change.value
    correct = text(value, "correct_category")
    change.events.append(
        TemplateCategoryUpdate(
            waba_id=change.waba_id,
            template_id=required_text(value, "message_template_id"),
            key=_key(value),
            category=TemplateCategory.of(required_text(value, key)),
            correct_category=TemplateCategory.of(correct) if correct else None,
            at=change.at,
        )
    )


def _key(value: Fields) -> TemplateKey:
    language = required_text(value, "message_template_language")
    return TemplateKey(required_text(value, "message_template_name"), normalise_language(language))
