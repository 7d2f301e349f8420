"""The words for message templates: their key, category, status and quality."""

from typing import NamedTuple

from gateway.whatsapp.meta_enum import MetaEnum


class TemplateKey(NamedTuple):
    """What names one template inside a WABA; `language` is normalised (`en_US`)."""

    name: str
    language: str


class TemplateCategory(MetaEnum):
    """What a template is for; the template's word, not the request's. Source: TOVR (R§1.3)."""

    MARKETING = "MARKETING"
    UTILITY = "UTILITY"
    AUTHENTICATION = "AUTHENTICATION"
    UNKNOWN = "UNKNOWN"


class TemplateStatus(MetaEnum):
    """The `status` of a template node. Source: OAPI v23.0, TOVR, 21 May 2026 (R§6.4)."""

    APPROVED = "APPROVED"
    PENDING = "PENDING"
    REJECTED = "REJECTED"
    PAUSED = "PAUSED"
    DISABLED = "DISABLED"
    IN_APPEAL = "IN_APPEAL"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    ARCHIVED = "ARCHIVED"
    DELETED = "DELETED"
    PENDING_DELETION = "PENDING_DELETION"
    UNKNOWN = "UNKNOWN"

    @property
    def sendable(self) -> bool:
        """Whether Meta takes sends of it: only APPROVED. Source: TOVR, 21 May 2026 (R§6.4)."""
        return self is TemplateStatus.APPROVED


class TemplateQuality(MetaEnum):
    """A template's own rating; new templates start UNKNOWN. Source: TQ, 29 Oct 2025 (R§6.4)."""

    GREEN = "GREEN"
    YELLOW = "YELLOW"
    RED = "RED"
    UNKNOWN = "UNKNOWN"


def normalise_language(code: str) -> str:
    """Return `en_US` for `en-US` and `en_US` alike: Meta writes both. Source: W-TPL (R§6.4)."""
    return code.strip().replace("-", "_")
