"""The answer to a message that Meta has taken, in Meta's own shape."""

import orjson

from gateway.whatsapp.ids import UserId
from gateway.whatsapp.recipient import Recipient, RecipientKind


def success_body(recipient: Recipient, user_id: UserId, wamid: str) -> bytes:
    """Return the JSON body. Source: OAPI v23.0; BSUID, 15 Sep 2026 (R§1.5).

    `user_id` is who a phone number was found to be. Of a template's `message_status`, which text
    messages lack too, nothing is known.
    """
    contact = {"input": recipient.value}
    message = {"id": wamid}
    match recipient.kind:
        case RecipientKind.PHONE:
            contact["wa_id"] = user_id
        case RecipientKind.BSUID:
            contact["user_id"] = recipient.value
        case RecipientKind.GROUP:
            message["group_id"] = recipient.value
    return orjson.dumps(
        {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]}
    )
