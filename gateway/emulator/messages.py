"""Reads the body of a send and says what is wrong with its form."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from gateway.emulator import identity, interactive
from gateway.emulator.errors import Refusal
from gateway.emulator.registry import Number

_LONGEST_CALLBACK_DATA = 512
_LONGEST_TEXT = 4096
_LONGEST_CAPTION = 1024
_OF_GROUPS_ONLY = frozenset({"pin", "unpin"})
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
# What Direct Send and the MM API add to a message. Source: DIRECT, MM (R§1.7, R§1.8).
_OPTIONS: dict[str, tuple[type, str]] = {
    "category": (str, "string"),
    "product_policy": (str, "string"),
    "message_activity_sharing": (bool, "boolean"),
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """A read receipt or typing indicator, which travels on the same path as messages."""

    message_id: str


class Send(NamedTuple):
    """A message that is well-formed; a tuple, which is made faster than a dataclass.

    `given` is the recipient as written; `user` the same person as the emulator counts them.
    `category` is that of a Direct Send (R§1.8), `product_policy` one for the MM API (R§1.7).
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
    category: str | None = None
    product_policy: str | None = None

    @property
    def is_direct(self) -> bool:
        """Whether it is a Direct Send: utility, of a type that may be one (DIRECT, R§1.8)."""
        if self.category is None or self.category.lower() != "utility":
            return False
        return self.type == "text" or (
            self.type == "interactive" and self.payload["type"] in {"button", "cta_url"}
        )

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


class _Recipient(NamedTuple):
    user: str
    given: str
    by_bsuid: bool = False
    to_group: bool = False


def _recipient(message: dict[str, Any], number: Number, *, lenient: bool) -> _Recipient | Refusal:
    kind = message.get("recipient_type", "individual")
    if kind not in ("individual", "group"):
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
        payload = _decoded(payload)
    if not isinstance(payload, expected):
        return Refusal(100, f"The parameter {kind} has the wrong JSON type.")
    callback_data = message.get("biz_opaque_callback_data")
    problem = (
        _callback_problem(callback_data)
        or _context_problem(message)
        or _option_problem(message)
        or _group_problem(kind, recipient)
        or _problem(kind, payload)
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
        category=message.get("category"),
        product_policy=message.get("product_policy"),
    )


def _decoded(payload: object) -> object:
    """Read a payload that is JSON within a string, which some SDKs send and Graph takes."""
    if not isinstance(payload, str):
        return payload
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload


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
    if context is None:
        return None
    if not isinstance(context, dict):
        return Refusal(100, "The parameter context must be an object.")
    return _string_problem(context, "context", "message_id")


def _option_problem(message: dict[str, Any]) -> Refusal | None:
    if _OPTIONS.keys().isdisjoint(message):
        return None
    for name, (expected, what) in _OPTIONS.items():
        if not isinstance(message.get(name), expected | None):
            return Refusal(100, f"The parameter {name} must be a {what}.")
    return None


def _group_problem(kind: str, recipient: _Recipient) -> Refusal | None:
    if recipient.to_group or kind not in _OF_GROUPS_ONLY:
        return None
    return Refusal(131009, f"Messages of type {kind} are for groups only.")


def _problem(kind: str, payload: Any) -> Refusal | None:
    if kind in MEDIA_TYPES:
        return _media_problem(kind, payload)
    check = _CHECKS.get(kind)
    return None if check is None else check(payload)


def _text_problem(payload: dict[str, Any]) -> Refusal | None:
    problem = _string_problem(payload, "text", "body")
    if problem is None and len(payload["body"]) > _LONGEST_TEXT:
        return Refusal(100, "The parameter text.body is longer than 4096 characters.")
    if not isinstance(payload.get("preview_url", False), bool):
        return Refusal(100, "The parameter text.preview_url must be a boolean.")
    return problem


def _media_problem(kind: str, payload: dict[str, Any]) -> Refusal | None:
    given = [key for key in ("id", "link") if payload.get(key) is not None]
    if not given:
        return Refusal(131008, f"One of {kind}.id and {kind}.link is required.")
    if len(given) > 1:
        return Refusal(131009, f"Only one of {kind}.id and {kind}.link may be given.")
    if not isinstance(payload.get("voice", False), bool):
        return Refusal(100, f"The parameter {kind}.voice must be a boolean.")
    named = [given[0], *(key for key in ("caption", "filename") if payload.get(key) is not None)]
    problem = next((each for key in named if (each := _string_problem(payload, kind, key))), None)
    if problem is None and len(payload.get("caption") or "") > _LONGEST_CAPTION:
        return Refusal(100, f"The parameter {kind}.caption is longer than 1024 characters.")
    return problem


def _template_problem(payload: dict[str, Any]) -> Refusal | None:
    language = payload.get("language")
    if language is None:
        return Refusal(131008, "The parameter template.language is required.")
    if not isinstance(language, dict):
        return Refusal(100, "The parameter template.language must be an object.")
    if not isinstance(payload.get("components", []), list):
        return Refusal(100, "The parameter template.components must be an array.")
    if not all(isinstance(each, dict) for each in payload.get("components", ())):
        return Refusal(100, "The parameter template.components must be an array of objects.")
    return _string_problem(payload, "template", "name") or _string_problem(
        language, "template.language", "code"
    )


def _reaction_problem(payload: dict[str, Any]) -> Refusal | None:
    if not isinstance(payload.get("emoji", ""), str):  # an empty one takes the reaction back
        return Refusal(100, "The parameter reaction.emoji must be a string.")
    return _string_problem(payload, "reaction", "message_id")


def _pin_problem(payload: dict[str, Any]) -> Refusal | None:
    return _string_problem(payload, "pin", "message_id")


def _location_problem(payload: dict[str, Any]) -> Refusal | None:
    for key, most in (("latitude", 90), ("longitude", 180)):
        value = payload.get(key)
        if value is None:
            return Refusal(131008, f"The parameter location.{key} is required.")
        try:
            degrees = float(value)  # SDKs write them as text, too
        except (TypeError, ValueError):
            return Refusal(100, f"The parameter location.{key} must be a number.")
        if not -most <= degrees <= most:
            return Refusal(131009, f"The parameter location.{key} is beyond {most} degrees.")
    return None


def _contacts_problem(payload: list[Any]) -> Refusal | None:
    if not payload:
        return Refusal(131008, "The parameter contacts must name at least one contact.")
    if not all(isinstance(contact, dict) for contact in payload):
        return Refusal(100, "The parameter contacts must be an array of objects.")
    for contact in payload:
        name = contact.get("name")
        if name is None:
            return Refusal(131008, "The parameter contacts.name is required.")
        if not isinstance(name, dict):
            return Refusal(100, "The parameter contacts.name must be an object.")
        problem = _string_problem(name, "contacts.name", "formatted_name")
        if problem is not None:
            return problem
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
    "interactive": interactive.problem,
    "pin": _pin_problem,
    "unpin": _pin_problem,
    "location": _location_problem,
    "contacts": _contacts_problem,
}
