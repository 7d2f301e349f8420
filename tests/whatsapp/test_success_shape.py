import json

import pytest

from gateway.whatsapp.ids import UserId
from gateway.whatsapp.recipient import Recipient, RecipientKind
from gateway.whatsapp.success_shape import success_body

PLAIN = {"id": "wamid.X"}


@pytest.mark.parametrize(
    ("recipient", "contact", "message"),
    [
        (
            Recipient(RecipientKind.PHONE, "+34 600-000-001"),
            {"input": "+34 600-000-001", "wa_id": "34600000001"},
            PLAIN,
        ),
        (Recipient(RecipientKind.BSUID, "ES.1"), {"input": "ES.1", "user_id": "ES.1"}, PLAIN),
        (
            Recipient(RecipientKind.GROUP, "group-1"),
            {"input": "group-1"},
            PLAIN | {"group_id": "group-1"},
        ),
    ],
    ids=["phone", "business-scoped id", "group"],
)
def test_a_success_says_who_was_meant_and_which_message_it_is(
    recipient: Recipient, contact: dict[str, str], message: dict[str, str]
) -> None:
    assert json.loads(success_body(recipient, UserId("34600000001"), "wamid.X")) == {
        "messaging_product": "whatsapp",
        "contacts": [contact],
        "messages": [message],
    }
