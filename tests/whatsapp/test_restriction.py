import pytest

from gateway.whatsapp.restriction import RestrictionType, blocks
from gateway.whatsapp.template import TemplateCategory

# One send of each kind: business_initiated, category, direct_send.
SENDS: dict[str, tuple[bool, TemplateCategory | None, bool]] = {
    "marketing": (True, TemplateCategory.MARKETING, False),
    "utility": (True, TemplateCategory.UTILITY, False),
    "direct": (True, None, True),
    "reply": (False, None, False),
    "utility reply": (False, TemplateCategory.UTILITY, False),
    "direct reply": (False, None, True),
}
OUTSIDE = {"marketing", "utility", "direct"}
BLOCKED: dict[RestrictionType, set[str]] = {
    RestrictionType.RESTRICTED_BIZ_INITIATED_MESSAGING: OUTSIDE,
    RestrictionType.UNKNOWN: OUTSIDE,
    RestrictionType.RESTRICTED_CUSTOMER_INITIATED_MESSAGING: set(SENDS) - OUTSIDE,
    RestrictionType.RESTRICTED_UTILITY_TEMPLATES: {"utility", "utility reply"},
    RestrictionType.RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES: {"direct", "direct reply"},
}


@pytest.mark.parametrize("restriction", RestrictionType)
def test_what_a_restriction_blocks(restriction: RestrictionType) -> None:
    blocked = {
        name
        for name, (business_initiated, category, direct_send) in SENDS.items()
        if blocks(
            restriction,
            business_initiated=business_initiated,
            category=category,
            direct_send=direct_send,
        )
    }
    assert blocked == BLOCKED.get(restriction, set())


def test_a_restriction_to_come_is_unknown() -> None:
    assert RestrictionType.of("RESTRICTED_TELEPATHY") is RestrictionType.UNKNOWN
