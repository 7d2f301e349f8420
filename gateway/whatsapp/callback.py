"""The gateway's mark in `biz_opaque_callback_data`, around the app's own value."""

import re
from typing import Final, NewType

CorrelationId = NewType("CorrelationId", str)
"""The gateway's id of a message, as it comes back in status webhooks. Has no dot in it."""

MAX_LENGTH: Final = 512
"""Characters Meta takes (256 before 26 Jan 2024). Source: CHLOG, OAPI v23.0 (R§1.2)."""

_MARK: Final = re.compile(r"gw1\.([A-Za-z0-9_-]+)\.(.*)", re.ASCII | re.DOTALL)


def wrap(message_id: str, app_value: str | None) -> str | None:
    """Return `gw1.<id>.<app value>`, or None if Meta would find that too long."""
    wrapped = f"gw1.{message_id}.{app_value or ''}"
    return wrapped if len(wrapped) <= MAX_LENGTH else None


def unwrap(value: str | None) -> tuple[CorrelationId | None, str | None]:
    """Return the gateway's id and the app's own value; of a stranger's value `(None, value)`.

    An app value that was empty comes back as None.
    """
    mark = _MARK.fullmatch(value) if value else None
    if mark is None:
        return None, value
    return CorrelationId(mark[1]), mark[2] or None
