"""Reads the body of a send and says what is wrong with its form."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.emulator import identity
from gateway.emulator.errors import Refusal
from gateway.emulator.registry import Number

_LONGEST_CALLBACK_DATA = 512
_LONGEST_TEXT = 4096
MEDIA_TYPES = frozenset({"image", "video", "audio", "document", "sticker"})
# Every documented type and the JSON type of its payload. Source: OAPI, SEND, GRP (R§1.3).
_PAYLOADS: dict[str, type] = {
    "text": dict,
    "image": dict,
    "video": dict,
    "audio": dict,
    "document": dict,
    "sticker": dict,
    "location": dict,
    "contacts": list,
    "reaction": dict,
    "interactive": dict,
    "template": dict,
    "address": dict,
    "pin": dict,
    "unpin": dict,
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """A read receipt or typing indicator, which travels on the same path as messages."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Send:
    """A message that is well-formed.

    `given` is the recipient as written; `user` the same person as the emulator counts them.
    """

    user: str
    given: str
    by_bsuid: bool
    to_group: bool
    type: str
    payload: Any
    template_name: str | None
    template_language: str | None
    callback_data: str | None

    @property
    def text(self) -> str | None:
        """The body of a text message."""
        return str(self.payload["body"]) if self.type == "text" else None


def parse(body: bytes, number: Number, *, lenient: bool) -> Send | Receipt | Refusal:
    """Read one POST to `/messages`; `lenient` accepts a recipient that is no phone number.

    The order is that of R§12.3: product, recipient, type and payload.
    """
    message = _envelope(body)
    if isinstance(message, Refusal):
        return message
    if "status" in message and "type" not in message:
        return _receipt(message)
    recipient = _recipient(message, number, lenient=lenient)
    if isinstance(recipient, Refusal):
        return recipient
    return _message(message, recipient)


def _envelope(body: bytes) -> dict[str, Any] | Refusal:
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Refusal(100, "The body is not valid JSON.")
    if not isinstance(message, dict):
        return Refusal(100, "The body must be a JSON object.")
    product = message.get("messaging_product")
    if product != "whatsapp":
        what = "is required" if product is None else "must be whatsapp"
        return Refusal(100, f"The parameter messaging_product {what}.")
    return message


def _receipt(message: dict[str, Any]) -> Receipt | Refusal:
    if message["status"] != "read":
        return Refusal(131009, "The parameter status must be read.")
    message_id = message.get("message_id")
    if message_id is None:
        return Refusal(131008, "The parameter message_id is required.")
    if not isinstance(message_id, str):
        return Refusal(100, "The parameter message_id must be a string.")
    return Receipt(message_id)


@dataclass(frozen=True, slots=True)
class _Recipient:
    user: str
    given: str
    by_bsuid: bool = False
    to_group: bool = False


def _recipient(message: dict[str, Any], number: Number, *, lenient: bool) -> _Recipient | Refusal:
    kind = message.get("recipient_type", "individual")
    if kind not in {"individual", "group"}:
        return Refusal(100, "The parameter recipient_type must be individual or group.")
    to = message.get("to")
    if to is None:
        return _bsuid_recipient(message.get("recipient"), number)
    if not isinstance(to, str):
        return Refusal(100, "The parameter to must be a string.")
    if kind == "group":
        return _group_recipient(to)
    return _phone_recipient(to, number, lenient=lenient)


def _group_recipient(to: str) -> _Recipient | Refusal:
    if identity.is_group_id(to):
        return _Recipient(to, to, to_group=True)
    return Refusal(131009, f"The group id {to!r} is not valid.")


def _phone_recipient(to: str, number: Number, *, lenient: bool) -> _Recipient | Refusal:
    wa_id = identity.wa_id_of(to, number.calling_code)
    if wa_id is None and not lenient:
        return Refusal(131009, f"The recipient {to!r} is not a phone number.")
    if wa_id == number.digits:
        return Refusal(131021, "Sender and recipient are the same number.")
    return _Recipient(wa_id or to, to)


def _bsuid_recipient(recipient: object, number: Number) -> _Recipient | Refusal:
    if recipient is None:
        return Refusal(131008, "One of the parameters to and recipient is required.")
    if not isinstance(recipient, str):
        return Refusal(100, "The parameter recipient must be a string.")
    if not identity.is_bsuid(recipient):
        return Refusal(131009, f"The recipient {recipient!r} is no business-scoped user id.")
    user = identity.phone_of_bsuid(recipient, number.scope) or recipient
    return _Recipient(user, recipient, by_bsuid=True)


def _message(message: dict[str, Any], recipient: _Recipient) -> Send | Refusal:
    kind = message.get("type")
    if kind is None:
        kind = _type_by_payload(message)
    if not isinstance(kind, str):
        return Refusal(100, "The parameter type must be a string.")
    expected = _PAYLOADS.get(kind)
    if expected is None:
        return Refusal(131051, f"The message type {kind!r} is not supported.")
    payload = message.get(kind)
    if payload is None:
        return Refusal(131008, f"The parameter {kind} is required for messages of type {kind}.")
    if not isinstance(payload, expected):
        return Refusal(100, f"The parameter {kind} has the wrong JSON type.")
    callback_data = message.get("biz_opaque_callback_data")
    problem = (
        _callback_problem(callback_data) or _context_problem(message) or _problem(kind, payload)
    )
    if problem is not None:
        return problem
    template: Any = payload if kind == "template" else {}
    return Send(
        user=recipient.user,
        given=recipient.given,
        by_bsuid=recipient.by_bsuid,
        to_group=recipient.to_group,
        type=kind,
        payload=payload,
        template_name=template.get("name"),
        template_language=template.get("language", {}).get("code"),
        callback_data=callback_data,
    )


def _type_by_payload(message: dict[str, Any]) -> str:
    """Guess an absent type: text, unless only another payload is there (R§1.2)."""
    if "text" in message:
        return "text"
    return next((kind for kind in _PAYLOADS if kind in message), "text")


def _callback_problem(callback_data: object) -> Refusal | None:
    if callback_data is None:
        return None
    if not isinstance(callback_data, str):
        return Refusal(100, "The parameter biz_opaque_callback_data must be a string.")
    if len(callback_data) > _LONGEST_CALLBACK_DATA:
        return Refusal(100, "The parameter biz_opaque_callback_data is longer than 512 characters.")
    return None


def _context_problem(message: dict[str, Any]) -> Refusal | None:
    context = message.get("context")
    if context is not None and not isinstance(context, dict):
        return Refusal(100, "The parameter context must be an object.")
    return None


def _problem(kind: str, payload: Any) -> Refusal | None:
    if kind in MEDIA_TYPES:
        return _media_problem(kind, payload)
    check = _CHECKS.get(kind)
    return None if check is None else check(payload)


def _text_problem(payload: dict[str, Any]) -> Refusal | None:
    problem = _string_problem(payload, "text", "body")
    if problem is None and len(payload["body"]) > _LONGEST_TEXT:
        return Refusal(100, "The parameter text.body is longer than 4096 characters.")
    return problem


def _media_problem(kind: str, payload: dict[str, Any]) -> Refusal | None:
    given = [key for key in ("id", "link") if payload.get(key) is not None]
    if not given:
        return Refusal(131008, f"One of {kind}.id and {kind}.link is required.")
    if len(given) > 1:
        return Refusal(131009, f"Only one of {kind}.id and {kind}.link may be given.")
    return _string_problem(payload, kind, given[0])


def _template_problem(payload: dict[str, Any]) -> Refusal | None:
    language = payload.get("language")
    if language is None:
        return Refusal(131008, "The parameter template.language is required.")
    if not isinstance(language, dict):
        return Refusal(100, "The parameter template.language must be an object.")
    if not isinstance(payload.get("components", []), list):
        return Refusal(100, "The parameter template.components must be an array.")
    return _string_problem(payload, "template", "name") or _string_problem(
        language, "template.language", "code"
    )


def _reaction_problem(payload: dict[str, Any]) -> Refusal | None:
    return _string_problem(payload, "reaction", "message_id")


def _interactive_problem(payload: dict[str, Any]) -> Refusal | None:
    return _string_problem(payload, "interactive", "type")


def _location_problem(payload: dict[str, Any]) -> Refusal | None:
    missing = [key for key in ("latitude", "longitude") if payload.get(key) is None]
    if missing:
        return Refusal(131008, f"The parameter location.{missing[0]} is required.")
    return None


def _contacts_problem(payload: list[Any]) -> Refusal | None:
    if not payload:
        return Refusal(131008, "The parameter contacts must name at least one contact.")
    if not all(isinstance(contact, dict) for contact in payload):
        return Refusal(100, "The parameter contacts must be an array of objects.")
    return None


def _string_problem(payload: dict[str, Any], where: str, key: str) -> Refusal | None:
    value = payload.get(key)
    if value is None:
        return Refusal(131008, f"The parameter {where}.{key} is required.")
    if not isinstance(value, str):
        return Refusal(100, f"The parameter {where}.{key} must be a string.")
    return None


_CHECKS: dict[str, Callable[[Any], Refusal | None]] = {
    "text": _text_problem,
    "template": _template_problem,
    "reaction": _reaction_problem,
    "interactive": _interactive_problem,
    "location": _location_problem,
    "contacts": _contacts_problem,
}
