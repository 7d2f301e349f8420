"""Reads from a request what its app wishes for a message that cannot go at once."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from aiohttp import web
from multidict import MultiMapping

from gateway.outbound.parcels import Wishes
from gateway.web.auth import Caller
from gateway.whatsapp.message import INVALID_VALUE, EnvelopeError

PREFERENCE: Final = re.compile(r'([^\s,;="]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]*))?')
SECONDS: Final = re.compile(r"[0-9]{1,6}")
LONGEST_AHEAD: Final = timedelta(days=30)
SEND_AT: Final = "Gateway-Send-At"
EXPIRES_AT: Final = "Gateway-Expires-At"


def read_wishes(request: web.BaseRequest, caller: Caller, now: datetime) -> Wishes:
    """Return what is wished; EnvelopeError 131009 where an instant makes no sense.

    Instants are ISO 8601 with an offset, or HTTP dates. Nothing can be scheduled for more than 30
    days ahead.
    """
    headers = request.headers
    if "Prefer" not in headers and SEND_AT not in headers and EXPIRES_AT not in headers:
        return caller.wishes
    send_at = _instant(headers.get(SEND_AT), SEND_AT)
    expires_at = _instant(headers.get(EXPIRES_AT), EXPIRES_AT)
    if send_at is not None and send_at > now + LONGEST_AHEAD:
        details = f"The header {SEND_AT} is more than {LONGEST_AHEAD.days} days ahead."
        raise EnvelopeError(INVALID_VALUE, details)
    if expires_at is not None and expires_at <= max(now, send_at or now):
        details = f"The header {EXPIRES_AT} is over before the message could be sent."
        raise EnvelopeError(INVALID_VALUE, details)
    preferred = _preferences(headers)
    wait = preferred.get("wait", "")
    return caller.wishes._replace(
        responds_async="respond-async" in preferred,
        send_at=send_at,
        expires_at=expires_at,
        wait_s=float(wait) if SECONDS.fullmatch(wait) else caller.wishes.wait_s,
    )


def _preferences(headers: MultiMapping[str]) -> Mapping[str, str]:
    """Return what is preferred: names in lower case, with values, '' where there is none.

    Of one that is named twice the first counts. A parameter is taken for a preference of its own,
    which it is likely to be meant for. Source: RFC 7240 (June 2014).
    """
    found: dict[str, str] = {}
    for line in headers.getall("Prefer", ()):
        for name, value in PREFERENCE.findall(line):
            found.setdefault(name.lower(), value.strip('"'))
    return found


def _instant(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            instant = read(text.strip())
            if instant.tzinfo is not None:
                return instant.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    details = f"The header {name} is no instant such as 2026-11-25T19:00:00Z."
    raise EnvelopeError(INVALID_VALUE, details)
