"""What an account restriction forbids."""

from typing import assert_never

from gateway.whatsapp.meta_enum import MetaEnum
from gateway.whatsapp.template import TemplateCategory


class RestrictionType(MetaEnum):
    """`restriction_type` of `account_update`. Source: W-ACC, 21 May 2026 (R§6.2)."""

    RESTRICTED_BIZ_INITIATED_MESSAGING = "RESTRICTED_BIZ_INITIATED_MESSAGING"
    RESTRICTED_CUSTOMER_INITIATED_MESSAGING = "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"
    RESTRICTED_UTILITY_TEMPLATES = "RESTRICTED_UTILITY_TEMPLATES"
    RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES = "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES"
    RESTRICTED_ADD_PHONE_NUMBER_ACTION = "RESTRICTED_ADD_PHONE_NUMBER_ACTION"
    RESTRICTED_BUSINESS_INITIATED_CALLING = "RESTRICTED_BUSINESS_INITIATED_CALLING"
    RESTRICTED_USER_INITIATED_CALLING = "RESTRICTED_USER_INITIATED_CALLING"
    RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING = (
        "RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING"
    )
    RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN = (
        "RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN"
    )
    UNKNOWN = "UNKNOWN"


def blocks(
    restriction: RestrictionType,
    *,
    business_initiated: bool,
    category: TemplateCategory | None,
    direct_send: bool,
) -> bool:
    """Whether `restriction` forbids this send; `category` is the template's, None for free-form.

    A restriction that is unknown here stops business-initiated messages, as the commonest one does.
    Source: W-ACC, 21 May 2026 (R§6.2).
    """
    match restriction:
        case RestrictionType.RESTRICTED_BIZ_INITIATED_MESSAGING | RestrictionType.UNKNOWN:
            return business_initiated
        case RestrictionType.RESTRICTED_CUSTOMER_INITIATED_MESSAGING:
            return not business_initiated
        case RestrictionType.RESTRICTED_UTILITY_TEMPLATES:
            return category is TemplateCategory.UTILITY
        case RestrictionType.RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES:
            return direct_send
        case (
            RestrictionType.RESTRICTED_ADD_PHONE_NUMBER_ACTION
            | RestrictionType.RESTRICTED_BUSINESS_INITIATED_CALLING
            | RestrictionType.RESTRICTED_USER_INITIATED_CALLING
            | RestrictionType.RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING
            | RestrictionType.RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN
        ):
            return False
        case _:
            assert_never(restriction)
