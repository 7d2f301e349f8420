"""The signature under every webhook delivery: made, and checked."""

import hashlib
import hmac
from collections.abc import Sequence


def sign(secret: str, body: bytes) -> str:
    """Return `X-Hub-Signature-256` over the raw bytes. Source: G-WH, 11 Sep 2026 (R§8.1)."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_valid(header: str | None, body: bytes, secrets: Sequence[str]) -> bool:
    """Whether one of `secrets` signed `body`, so that a secret can be rotated; in constant time.

    An empty secret signs nothing: a forgotten setting must not open the door.
    """
    if header is None:
        return False
    given = header.strip().lower().encode(errors="replace")
    valid = False
    for secret in filter(None, secrets):
        valid |= hmac.compare_digest(given, sign(secret, body).encode())
    return valid
