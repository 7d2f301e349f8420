"""Signs events for apps the way of Standard Webhooks, for which most languages have a library.

Source: github.com/standard-webhooks/standard-webhooks, spec 1.0.0.
"""

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Final
from uuid import UUID

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
SHORTEST: Final = 24
LONGEST: Final = 64


def secret_of(key: bytes) -> str:
    """Return a key as it is shown to people: `whsec_` and base64."""
    return PREFIX + base64.b64encode(key).decode()


def key_of(secret: str) -> bytes:
    """Return the key of a secret; ValueError where it is none of 24 to 64 bytes in base64."""
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError("a secret has 24 to 64 bytes")
    return key


def signed(secret: str, event_id: UUID, now: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of an event."""
    timestamp = str(int(now.timestamp()))
    content = f"{event_id}.{timestamp}.".encode() + body
    digest = hmac.new(key_of(secret), content, hashlib.sha256).digest()
    return {
        "webhook-id": str(event_id),
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
