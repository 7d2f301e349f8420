"""Errors in Meta's own shape: written for apps, and read from Meta."""

from dataclasses import dataclass
from typing import Any

import orjson

from gateway.whatsapp.error_codes import lookup


@dataclass(frozen=True, slots=True)
class MetaError:
    """What Meta's refusal says; `details` is "" where it says no more than `message`."""

    code: int
    message: str
    details: str
    subcode: int | None
    is_transient: bool
    fbtrace_id: str | None


def error_body(
    code: int,
    details: str,
    *,
    trace_id: str,
    type_: str = "OAuthException",
    subcode: int | None = None,
) -> bytes:
    """Return the JSON body of a refusal in the shape of Meta's. Source: ERR, 11 Sep 2026 (R§1.10).

    `details` is one sentence; it also ends the message, because some SDKs show nothing else.
    """
    error: dict[str, Any] = {
        "message": f"(#{code}) {lookup(code).title}. {details}",
        "type": type_,
        "code": code,
    }
    if subcode is not None:
        error["error_subcode"] = subcode
    error["error_data"] = {"messaging_product": "whatsapp", "details": details}
    error["fbtrace_id"] = trace_id
    return orjson.dumps({"error": error})


def read_error(body: bytes) -> MetaError | None:
    """Read a refusal of Meta's, None if `body` is not one with a code.

    `error_data` may be an object, missing or a bare string. Source: ERR, 11 Sep 2026 (R§1.10).
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        return None
    code = _whole(error.get("code"))
    if code is None:
        return None
    return MetaError(
        code=code,
        message=_text(error.get("message")) or "",
        details=_details(error),
        subcode=_whole(error.get("error_subcode")),
        is_transient=error.get("is_transient") is True,
        fbtrace_id=_text(error.get("fbtrace_id")),
    )


def _details(error: dict[str, Any]) -> str:
    data = error.get("error_data")
    found = data.get("details") if isinstance(data, dict) else data
    return _text(found) or _text(error.get("error_user_msg")) or ""


def _text(raw: object) -> str | None:
    return raw if isinstance(raw, str) else None


def _whole(raw: object) -> int | None:
    if isinstance(raw, str) and raw.isascii() and raw.isdigit():
        return int(raw[:18])
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None
