"""Reads from a request what its app wishes for a message that cannot go at once."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from aiohttp import web

from gateway.outbound.parcels import Wishes
from gateway.web.auth import Caller
from gateway.whatsapp.message import INVALID_VALUE, EnvelopeError

ASYNC: Final = re.compile(r"(?:^|[,;\s])respond-async(?:$|[,;\s])")
SEND_AT: Final = "Gateway-Send-At"
EXPIRES_AT: Final = "Gateway-Expires-At"


def read_wishes(request: web.BaseRequest, caller: Caller) -> Wishes:
    """Return what is wished; EnvelopeError 131009 where an instant cannot be read.

    `Prefer: respond-async` is of RFC 7240 (June 2014). Instants are ISO 8601 with an offset, or
    HTTP dates.
    """
    headers = request.headers
    prefer = headers.get("Prefer")
    asked = prefer is not None and ASYNC.search(prefer) is not None
    return Wishes(
        responds_async=asked or caller.responds_async,
        send_at=_instant(headers.get(SEND_AT), SEND_AT),
        expires_at=_instant(headers.get(EXPIRES_AT), EXPIRES_AT),
        resends=caller.resends,
    )


def _instant(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            instant = read(text.strip())
        except ValueError:
            continue
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    details = f"The header {name} is no instant such as 2026-11-25T19:00:00Z."
    raise EnvelopeError(INVALID_VALUE, details)
