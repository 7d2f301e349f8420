"""Makes events as webhooks tell them."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from gateway.store.directory import Directory
from gateway.store.vault import Vault
from gateway.whatsapp.callback import wrap
from gateway.whatsapp.events import (
    DeliveryStatus,
    InboundMessage,
    StatusError,
    StatusUpdate,
    UserRef,
)
from gateway.whatsapp.ids import Wamid
from tests.policy.making import NOW, NUMBER, WABA
from tests.store.stocked import ANNA, Stock

ANNA_REF: Final = UserRef(ANNA, None)
BSUID: Final = "ES.13491208655302741918"


def status(
    message_id: UUID | None,
    kind: DeliveryStatus = DeliveryStatus.DELIVERED,
    at: datetime = NOW,
    code: int | None = None,
    **changes: Any,
) -> StatusUpdate:
    """Make a status of one of our messages, or of somebody else's."""
    errors = (StatusError(code, "No.", ""),) if code is not None else ()
    mark = wrap(message_id.hex, None) if message_id else None
    wamid = Wamid(f"wamid.{message_id.hex if message_id else 'stranger'}")
    plain = StatusUpdate(WABA, NUMBER, wamid, ANNA_REF, kind, at, mark, errors, None)
    return replace(plain, **changes)


def inbound(user: UserRef = ANNA_REF, at: datetime = NOW, **changes: Any) -> InboundMessage:
    """Make a text that a user wrote."""
    plain = InboundMessage(
        WABA,
        NUMBER,
        user,
        Wamid("wamid.inbound"),
        at,
        "text",
        opens_window=True,
        media_id=None,
    )
    return replace(plain, **changes)


async def directory_of(stock: Stock) -> Directory:
    """Return a directory of the stock."""
    directory = Directory(stock.database, Vault("a long key"))
    await directory.refresh()
    return directory
