"""Says which messages go first where not all can go at once."""

from enum import StrEnum
from typing import Final

from gateway.whatsapp.message import Message
from gateway.whatsapp.template import TemplateCategory


class SendClass(StrEnum):
    """The classes of sends, first served first (R§12.2)."""

    AUTHENTICATION = "authentication"
    REPLY = "reply"
    UTILITY = "utility"
    OTHER = "other"
    MARKETING = "marketing"


CLASS_OF_CATEGORY: Final = {
    TemplateCategory.AUTHENTICATION: SendClass.AUTHENTICATION,
    TemplateCategory.UTILITY: SendClass.UTILITY,
    TemplateCategory.MARKETING: SendClass.MARKETING,
    # What Meta may invent could be advertising: it is not let past what is known to matter.
    TemplateCategory.UNKNOWN: SendClass.MARKETING,
}


def class_of(message: Message, category: TemplateCategory | None) -> SendClass:
    """Return the class of a message; `category` is its template's, None where nobody knows it.

    Free-form messages leave inside an open service window only, so they answer somebody.
    """
    category = message.direct_send_category or category
    if message.template is None and message.direct_send_category is None:
        return SendClass.OTHER if message.asks_to_call else SendClass.REPLY
    return SendClass.OTHER if category is None else CLASS_OF_CATEGORY[category]
