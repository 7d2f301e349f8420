"""The envelope of a send: what the gateway reads of a request body, and the one field it writes."""

import re
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from gateway.whatsapp.callback import MAX_LENGTH
from gateway.whatsapp.recipient import Recipient, RecipientKind, is_bsuid
from gateway.whatsapp.template import TemplateCategory, TemplateKey, normalise_language

INVALID_PARAMETER: Final = 100
MISSING_PARAMETER: Final = 131008
INVALID_VALUE: Final = 131009

LONGEST: Final = 512
"""Characters of any field that is kept; no id, name or code of Meta's is longer."""

LARGEST_PHONE: Final = 10**20

_FIELD: Final = b"biz_opaque_callback_data"
_FIELD_NAME: Final = _FIELD.decode()
_TEXTS: Final = (
    "messaging_product",
    "recipient",
    "recipient_type",
    "status",
    "type",
    "category",
    _FIELD_NAME,
)
"""Fields of the envelope that hold text."""
# JSON can spell a letter of the field's name in one other way: from \u005f to \u007a.
_ESCAPED_LETTER: Final = re.compile(rb"\\u00[5-7]")
_STRING: Final = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_FIRST_STRING: Final = re.compile(_FIELD + rb'"\s*:\s*(' + _STRING + rb")", re.DOTALL)
_TOKEN: Final = re.compile(_STRING + rb"|[{}\[\]:,]", re.DOTALL)
_EMPTY: Final = re.compile(rb"\s*}")


class EnvelopeError(Exception):
    """A request that cannot be sent; `code` is Meta's, `details` one sentence for a person."""

    def __init__(self, code: int, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


class Message(NamedTuple):
    """What the gateway must know of a message; its content is between the app and Meta.

    `callback_data` is the app's own value. `direct_send_category` is set for the Direct Send beta
    only: free-form content that claims a template category. Source: DIRECT, 2026 (R§1.8).
    `content` is a hash of what is said, whoever it is said to: 64 bits with a sign, the same in
    every process. `asks_to_call` marks a call permission request (R§1.9).
    """

    type: str
    recipient: Recipient
    template: TemplateKey | None
    callback_data: str | None
    direct_send_category: TemplateCategory | None
    content: int = 0
    asks_to_call: bool = False


class ReadReceipt(NamedTuple):
    """Not a message: marks an inbound one as read, perhaps with a typing indicator (R§1.6)."""

    message_id: str
    typing: bool


def parse(body: bytes) -> Message | ReadReceipt:
    """Read the envelope of a `POST /{phone_number_id}/messages`; JSON null counts as absent.

    Raises EnvelopeError with 100 for what is no JSON object of the right types, 131008 for what is
    missing and 131009 for what is empty or misplaced. Source: SEND, 21 May 2026 (R§1.2).
    """
    envelope = _read(body)
    _given(envelope.get("messaging_product"), "messaging_product")
    to, recipient = _phone(envelope.get("to")), envelope.get("recipient")
    status = envelope.get("status")
    # With a recipient it is a message whatever its status says: nobody slips past the limits.
    if status is not None and to is None and recipient is None:
        return _read_receipt(status, envelope)
    callback_data = envelope.get(_FIELD_NAME)
    if callback_data is not None and len(callback_data) > MAX_LENGTH:
        raise EnvelopeError(
            INVALID_VALUE, f"The field {_FIELD_NAME} is longer than {MAX_LENGTH} characters."
        )
    kind = envelope.get("type")
    kind = "text" if kind is None else _given(kind, "type")
    category, template = envelope.get("category"), _part(envelope, "template")
    is_template = kind == "template"
    return Message(
        type=kind,
        recipient=_recipient(to, recipient, envelope.get("recipient_type")),
        template=_template_key(template) if is_template else None,
        callback_data=callback_data,
        direct_send_category=(
            None if is_template or category is None else TemplateCategory.of(category)
        ),
        content=_content(kind, envelope.get(kind)),
        asks_to_call=kind == "interactive" and _asks_to_call(envelope.get(kind)),
    )


def _content(kind: str, said: Any) -> int:
    try:
        text = orjson.dumps([kind, said], option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        details = f"The field {kind[:40]} is nested too deeply."
        raise EnvelopeError(INVALID_PARAMETER, details) from None
    return int.from_bytes(blake2b(text, digest_size=8).digest(), signed=True)


def _asks_to_call(interactive: Any) -> bool:
    return isinstance(interactive, dict) and interactive.get("type") == "call_permission_request"


def _read(body: bytes) -> dict[str, Any]:
    try:
        envelope = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise EnvelopeError(INVALID_PARAMETER, "The request body is not readable JSON.") from None
    if not isinstance(envelope, dict):
        raise EnvelopeError(INVALID_PARAMETER, "The request body must be a JSON object.")
    for name in _TEXTS:
        value = envelope.get(name)
        if value is not None and not isinstance(value, str):
            raise _wrong_type(name)
    return envelope


def _text(part: dict[str, Any], name: str, path: str) -> str | None:
    value = part.get(name)
    if value is None or isinstance(value, str):
        return value
    raise _wrong_type(path)


def _part(part: dict[str, Any], name: str, path: str | None = None) -> dict[str, Any] | None:
    value = part.get(name)
    if value is None or isinstance(value, dict):
        return value
    raise _wrong_type(path or name)


def _phone(to: Any) -> str | None:
    """Read `to`: lenient SDKs send a JSON number; 20 digits are more than any phone has."""
    if to is None or isinstance(to, str):
        return to
    if isinstance(to, int) and not isinstance(to, bool) and 0 <= to < LARGEST_PHONE:
        return str(to)
    raise _wrong_type("to")


def _wrong_type(path: str) -> EnvelopeError:
    return EnvelopeError(INVALID_PARAMETER, f"The field {path} has the wrong JSON type.")


def _given(value: str | None, path: str) -> str:
    if value is None:
        raise EnvelopeError(MISSING_PARAMETER, f"The field {path} is missing.")
    if not value or value.isspace():
        raise EnvelopeError(INVALID_VALUE, f"The field {path} is empty.")
    if len(value) > LONGEST or "\0" in value:
        raise EnvelopeError(
            INVALID_VALUE, f"The field {path} is longer than {LONGEST} characters, or holds a NUL."
        )
    return value


def _read_receipt(status: str, envelope: dict[str, Any]) -> ReadReceipt:
    if status != "read":
        raise EnvelopeError(INVALID_VALUE, "The field status knows only the value read.")
    message_id = _given(_text(envelope, "message_id", "message_id"), "message_id")
    return ReadReceipt(message_id, typing=_part(envelope, "typing_indicator") is not None)


def _recipient(to: str | None, recipient: str | None, kind: str | None) -> Recipient:
    if to is not None:
        value = _given(to, "to")
    elif recipient is not None:
        value = _given(recipient, "recipient")
    else:
        raise EnvelopeError(MISSING_PARAMETER, "One of the fields to and recipient is required.")
    if kind == "group":
        return Recipient(RecipientKind.GROUP, value)
    if to is None:
        return Recipient(RecipientKind.BSUID, value)
    if is_bsuid(value):
        # Meta answers 200 to this and drops the message.
        raise EnvelopeError(
            INVALID_VALUE, "The field to holds a business-scoped user id: put it in `recipient`."
        )
    return Recipient(RecipientKind.PHONE, value)


def _template_key(template: dict[str, Any] | None) -> TemplateKey:
    if template is None:
        raise EnvelopeError(MISSING_PARAMETER, "The field template is missing.")
    name = _given(_text(template, "name", "template.name"), "template.name")
    language = _part(template, "language", "template.language") or {}
    code = _given(_text(language, "code", "template.language.code"), "template.language.code")
    return TemplateKey(name, normalise_language(code))


def with_callback_data(body: bytes, current: str | None, value: str) -> bytes:
    """Return `body` with `biz_opaque_callback_data` set to `value`, every other byte as it was.

    `body` is a JSON object, `current` the value `parse` read from it. Where the field is absent it
    is put in front; where it is present, even twice, exactly its value is replaced.
    """
    literal = orjson.dumps(value)
    if rb"\u00" not in body or _ESCAPED_LETTER.search(body) is None:
        count = body.count(_FIELD)
        if count == 0:
            return _inserted(body, literal)
        # A value was read, and there is only this one place where it can stand.
        if count == 1 and current is not None and (found := _FIRST_STRING.search(body)):
            return body[: found.start(1)] + literal + body[found.end(1) :]
    spans = _value_spans(body)
    if not spans:
        return _inserted(body, literal)
    pieces: list[bytes] = []
    copied = 0
    for start, end in spans:
        pieces += (body[copied:start], literal)
        copied = end
    pieces.append(body[copied:])
    return b"".join(pieces)


def _inserted(body: bytes, literal: bytes) -> bytes:
    start = body.index(b"{") + 1
    comma = b"" if _EMPTY.match(body, start) else b","
    return b"".join((body[:start], b'"', _FIELD, b'":', literal, comma, body[start:]))


def _value_spans(body: bytes) -> list[tuple[int, int]]:
    """Where the field's values stand at the top level of `body`, without white space around."""
    spans: list[tuple[int, int]] = []
    depth = 0
    key = b""
    value_start: int | None = None
    for token in _TOKEN.finditer(body):
        text = token.group()
        if text in b"{[":
            depth += 1
        elif text in b"}]":
            depth -= 1
        top = depth == 1
        if text == b":" and top and value_start is None:
            value_start = token.end()
        elif (text == b"," and top) or depth == 0:
            if value_start is not None and orjson.loads(key) == _FIELD_NAME:
                spans.append(_trimmed(body, value_start, token.start()))
            value_start = None
        elif top and value_start is None:
            key = text
    return spans


def _trimmed(body: bytes, start: int, end: int) -> tuple[int, int]:
    value = body[start:end]
    return end - len(value.lstrip()), start + len(value.rstrip())
