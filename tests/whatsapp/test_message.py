from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.whatsapp.message import (
    EnvelopeError,
    Message,
    ReadReceipt,
    parse,
    with_callback_data,
)
from gateway.whatsapp.recipient import Recipient, RecipientKind
from gateway.whatsapp.template import TemplateCategory, TemplateKey
from tests.payloads import OWN_SENDS, REAL_SENDS

ANA = Recipient(RecipientKind.PHONE, "+34600000001")
GROUP = Recipient(RecipientKind.GROUP, "GROUP0000001")
ORDER_INFO = TemplateKey("order_info", "en_US")
PROMO = TemplateKey("promo_autumn", "es")
FIELD = "biz_opaque_callback_data"


def plain(kind: str, recipient: Recipient = ANA, template: TemplateKey | None = None) -> Message:
    return Message(kind, recipient, template, None, None)


def read(request_body: bytes) -> Message | ReadReceipt:
    """Parse a request; what `content` is has tests of its own."""
    message = parse(request_body)
    return message._replace(content=0) if isinstance(message, Message) else message


EXPECTED: dict[str, Message | ReadReceipt] = {
    **{
        name: plain(name)
        for name in (
            *("text", "image", "video", "audio", "document", "sticker", "location", "contacts"),
            *("reaction", "address"),
        )
    },
    "text_reply": plain("text"),
    "template": plain("template", template=ORDER_INFO),
    "template_named_parameters": plain("template", template=ORDER_INFO),
    "template_marketing_messages": plain("template", template=PROMO),
    "template_bsuid": Message(
        "template",
        Recipient(RecipientKind.BSUID, "US.10000000000000000001"),
        ORDER_INFO,
        "order-17",
        None,
    ),
    "text_group": plain("text", GROUP),
    "pin": plain("pin", GROUP),
    "unpin": plain("unpin", GROUP),
    "text_direct_send": Message("text", ANA, None, None, TemplateCategory.UTILITY),
    "read_receipt": ReadReceipt("wamid.EX_IN_0001", typing=False),
    "typing_indicator": ReadReceipt("wamid.EX_IN_0001", typing=True),
}


@pytest.mark.parametrize("path", sorted(OWN_SENDS.glob("*.json")), ids=lambda path: path.stem)
def test_every_documented_request_is_read(path: Path) -> None:
    expected = EXPECTED.get(path.stem)
    if path.stem.startswith("interactive_"):
        asks_to_call = path.stem == "interactive_call_permission_request"
        expected = plain("interactive")._replace(asks_to_call=asks_to_call)
    assert read(path.read_bytes()) == expected


def test_no_expectation_without_its_payload() -> None:
    assert set(EXPECTED) <= {path.stem for path in OWN_SENDS.glob("*.json")}


def test_the_shared_requests_are_read() -> None:
    if not REAL_SENDS.exists():
        pytest.skip("the shared payloads are not here")
    rows = [orjson.loads(line) for line in REAL_SENDS.read_bytes().splitlines()]
    requests = [row["request"] for row in rows if row["request"] is not None]
    assert requests
    for request in requests:
        assert isinstance(parse(orjson.dumps(request)), Message | ReadReceipt)


def body(**fields: object) -> bytes:
    return orjson.dumps({"messaging_product": "whatsapp", "to": "+34600000001", **fields})


@pytest.mark.parametrize(
    ("request_body", "expected"),
    [
        (body(to=34600000001), plain("text", Recipient(RecipientKind.PHONE, "34600000001"))),
        (body(recipient="US.1"), plain("text")),
        (body(type=None, recipient_type=None, recipient=None, template=None), plain("text")),
        (body(type="hologram"), plain("hologram")),
        (body(biz_opaque_callback_data="x" * 512), Message("text", ANA, None, "x" * 512, None)),
        (body(biz_opaque_callback_data=""), Message("text", ANA, None, "", None)),
        (body(type="text", template={"name": "t"}), plain("text")),
        (body(category="x"), Message("text", ANA, None, None, TemplateCategory.UNKNOWN)),
        # Whoever names a recipient sends a message, whatever else the body claims to be.
        (body(status="read", message_id="wamid.1"), plain("text")),
    ],
)
def test_lenient_requests_are_read(request_body: bytes, expected: Message) -> None:
    assert read(request_body) == expected


def test_a_template_has_no_direct_send_category() -> None:
    template = {"name": "t", "language": {"code": "es"}}
    message = read(body(type="template", template=template, category="utility"))
    assert message == plain("template", template=TemplateKey("t", "es"))


def template_body(template: object) -> bytes:
    return body(type="template", template=template)


WHATSAPP = {"messaging_product": "whatsapp"}
ENGLISH = {"code": "en"}


@pytest.mark.parametrize(
    ("request_body", "code", "words"),
    [
        (b"", 100, "not readable JSON"),
        (b"{", 100, "not readable JSON"),
        (b'{"a":"\xff"}', 100, "not readable JSON"),
        (b"[" * 100_000, 100, "not readable JSON"),
        (
            b'{"messaging_product":"whatsapp","x":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
            100,
            "not readable JSON",
        ),
        (b"[]", 100, "must be a JSON object"),
        (b'"text"', 100, "must be a JSON object"),
        (b"null", 100, "must be a JSON object"),
        (body(messaging_product=1), 100, "messaging_product has the wrong"),
        (body(to=True), 100, "field to has the wrong"),
        (body(to=1.5), 100, "field to has the wrong"),
        (body(to=-1), 100, "field to has the wrong"),
        (body().replace(b'"+34600000001"', b"9" * 100), 100, "field to has the wrong"),
        (body().replace(b'"+34600000001"', b"9" * 5_000), 100, "not readable JSON"),
        (body(to=["+34600000001"]), 100, "field to has the wrong"),
        (body(type={}), 100, "field type has the wrong"),
        (body(biz_opaque_callback_data=7), 100, f"{FIELD} has the wrong"),
        (template_body("order_info"), 100, "field template has the wrong"),
        (template_body({"name": "t", "language": "en"}), 100, "template.language has the wrong"),
        (template_body({"name": 1}), 100, "template.name has the wrong"),
        (b"{}", 131008, "messaging_product is missing"),
        (orjson.dumps(WHATSAPP), 131008, "to and recipient is required"),
        (body(to=None), 131008, "to and recipient is required"),
        (template_body(None), 131008, "template is missing"),
        (template_body({"language": ENGLISH}), 131008, "template.name is missing"),
        (template_body({"name": "t"}), 131008, "template.language.code is missing"),
        (template_body({"name": "t", "language": {}}), 131008, "template.language.code is missing"),
        (orjson.dumps({**WHATSAPP, "status": "read"}), 131008, "message_id is missing"),
        (body(messaging_product=""), 131009, "messaging_product is empty"),
        (body(to=""), 131009, "field to is empty"),
        (body(to="  ", recipient="US.1"), 131009, "field to is empty"),
        (orjson.dumps({**WHATSAPP, "recipient": ""}), 131009, "recipient is empty"),
        (body(type=""), 131009, "type is empty"),
        (template_body({"name": "", "language": ENGLISH}), 131009, "template.name is empty"),
        (body(to="US.13491208655302741918"), 131009, "put it in `recipient`"),
        (body(biz_opaque_callback_data="x" * 513), 131009, "longer than 512"),
        (orjson.dumps({**WHATSAPP, "status": "seen"}), 131009, "only the value read"),
        (orjson.dumps({**WHATSAPP, "status": "read", "message_id": ""}), 131009, "is empty"),
    ],
)
def test_a_bad_request_is_refused_by_the_field(request_body: bytes, code: int, words: str) -> None:
    with pytest.raises(EnvelopeError) as caught:
        parse(request_body)
    assert caught.value.code == code
    assert words in caught.value.details
    assert caught.value.details.endswith(".")


def test_a_refusal_does_not_echo_the_body() -> None:
    with pytest.raises(EnvelopeError) as caught:
        parse(body(to={"secret": "s3cr3t"}))
    assert "s3cr3t" not in str(caught.value)


def content(request_body: bytes) -> int:
    message = parse(request_body)
    assert isinstance(message, Message)
    return message.content


def order_body(number: str = "17", **more: object) -> dict[str, object]:
    parameter = {"type": "text", "text": number}
    component = {"type": "body", "parameters": [parameter]}
    template = {"name": "t", "language": ENGLISH, "components": [component]}
    return {**WHATSAPP, "to": "34600000001", "type": "template", "template": template, **more}


ORDER = content(orjson.dumps(order_body()))
HI = -3_497_282_310_215_743_678


@pytest.mark.parametrize(
    "fields",
    [
        order_body(to="34600000002"),
        order_body(to=None, recipient="US.1"),
        order_body(biz_opaque_callback_data="order-17"),
        order_body(category="utility"),
        dict(reversed(order_body().items())),
        order_body(template=dict(reversed(order_body()["template"].items()))),  # type: ignore[attr-defined]
    ],
    ids=["another user", "by another name", "callback data", "category", "order", "order inside"],
)
def test_the_same_content_is_the_same_whoever_gets_it(fields: dict[str, object]) -> None:
    assert content(orjson.dumps(fields)) == ORDER
    assert content(orjson.dumps(fields, option=orjson.OPT_INDENT_2)) == ORDER


@pytest.mark.parametrize(
    "fields",
    [
        order_body("18"),
        order_body(template={"name": "t", "language": ENGLISH}),
        order_body(type="text", text={"body": "17"}),
        order_body(type="image", image=order_body()["template"]),
    ],
    ids=["another parameter", "none", "another text", "another type"],
)
def test_other_content_is_another(fields: dict[str, object]) -> None:
    assert content(orjson.dumps(fields)) != ORDER


def test_what_a_message_is_not_made_of_is_no_content() -> None:
    said = body(type="text", text={"body": "hi"})
    quoted = body(type="text", text={"body": "hi"}, context={"message_id": "wamid.1"}, image={})
    assert content(said) == content(quoted)


def test_content_is_the_same_in_every_process_and_fits_into_the_database() -> None:
    assert content(body(type="text", text={"body": "hi"})) == HI
    assert -(2**63) <= HI < 2**63


@pytest.mark.parametrize("depth", [300, 1000])
def test_what_is_nested_too_deeply_is_refused(depth: int) -> None:
    def nested(depth: int) -> bytes:
        return body(type="text", text=1).replace(b"1}", b"[" * depth + b"]" * depth + b"}")

    assert content(nested(100)) != content(nested(101))
    with pytest.raises(EnvelopeError) as caught:
        parse(nested(depth))
    assert caught.value.code == 100
    assert "text is nested too deeply" in caught.value.details


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.text()
    | st.sampled_from(["whatsapp", "template", "read", FIELD, f'"{FIELD}":"x"']),
    lambda children: st.lists(children) | st.dictionaries(st.text() | st.just(FIELD), children),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["messaging_product", "to", "recipient", "type", "template", "status", "category", FIELD]
)
OBJECTS = st.dictionaries(KEYS | st.text(), JSON)


@given(st.binary() | OBJECTS.map(orjson.dumps))
def test_nothing_but_an_envelope_error_is_ever_raised(raw: bytes) -> None:
    try:
        message = parse(raw)
    except EnvelopeError as error:
        assert error.code in {100, 131008, 131009}  # noqa: PT017 - either outcome is right
    else:
        assert isinstance(message, Message | ReadReceipt)


PARTS = st.sampled_from(["text", "template", "to", "type", "messaging_product", "x"])


@given(PARTS, PARTS, st.integers(0, 1200), st.sampled_from(["[]", '{"a":}']), st.booleans())
def test_no_nesting_raises_anything_else(
    part: str,
    kind: str,
    depth: int,
    pair: str,
    closed: bool,  # noqa: FBT001 - drawn
) -> None:
    opening, closing = pair[:-1], pair[-1]
    nested = opening * depth + "1" + closing * (depth if closed else depth // 2)
    fields = {"messaging_product": '"whatsapp"', "to": '"346"', "type": f'"{kind}"', part: nested}
    raw = "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"
    try:
        message = parse(raw.encode())
    except EnvelopeError as error:
        assert error.code in {100, 131008, 131009}  # noqa: PT017 - either outcome is right
    else:
        assert isinstance(message, Message)


def spelled(value: object, spaces: str, *, escape: bool) -> str:
    """Write JSON with white space everywhere and, if asked, with every letter escaped."""
    match value:
        case dict():
            members = (
                spelled(key, spaces, escape=escape)
                + f"{spaces}:{spaces}"
                + spelled(member, spaces, escape=escape)
                for key, member in value.items()
            )
            return "{" + spaces + f"{spaces},{spaces}".join(members) + spaces + "}"
        case list():
            members = (spelled(member, spaces, escape=escape) for member in value)
            return "[" + spaces + f"{spaces},{spaces}".join(members) + spaces + "]"
        case str() if escape and value.isascii():
            return '"' + "".join(f"\\u{ord(letter):04x}" for letter in value) + '"'
        case _:
            return orjson.dumps(value).decode()


@given(
    fields=OBJECTS,
    value=st.text(),
    spaces=st.sampled_from(["", " ", "\n\t "]),
    escape=st.booleans(),
)
def test_callback_data_is_set_in_any_object(
    fields: dict[str, object], value: str, spaces: str, *, escape: bool
) -> None:
    raw = (spaces + spelled(fields, spaces, escape=escape) + spaces).encode()
    current = fields.get(FIELD)
    changed = with_callback_data(raw, current if isinstance(current, str) else None, value)
    assert orjson.loads(changed) == {**fields, FIELD: value}
    literal = orjson.dumps(value)
    if FIELD not in fields:
        comma = b"," if fields else b""
        start = raw.index(b"{") + 1
        inserted = b'"' + FIELD.encode() + b'":' + literal + comma
        assert changed == raw[:start] + inserted + raw[start:]
    else:
        old = spelled(current, spaces, escape=escape).encode()
        places = [
            start
            for start in range(len(raw))
            if raw.startswith(old, start)
            and changed == raw[:start] + literal + raw[start + len(old) :]
        ]
        assert places


@pytest.mark.parametrize(
    ("before", "current", "after"),
    [
        ('{"a":1}', None, '{"F":"new","a":1}'),
        ("{}", None, '{"F":"new"}'),
        (" { } ", None, ' {"F":"new" } '),
        ('{"F":"old"}', "old", '{"F":"new"}'),
        ('{"F" : "old" ,"a":1}', "old", '{"F" : "new" ,"a":1}'),
        ('{"F":null}', None, '{"F":"new"}'),
        ('{"F":"a","x":2,"F":"b"}', "b", '{"F":"new","x":2,"F":"new"}'),
        ('{"t":{"F":"a"}}', None, '{"F":"new","t":{"F":"a"}}'),
        ('{"t":{"F":"a"},"F":"b"}', "b", '{"t":{"F":"a"},"F":"new"}'),
        ('{"t":[{"F":"a"}],"F":"b"}', "b", '{"t":[{"F":"a"}],"F":"new"}'),
        (r'{"t":"\"F\":\"a\"","F":"b"}', "b", r'{"t":"\"F\":\"a\"","F":"new"}'),
        ('{"t":"F","F":"b"}', "b", '{"t":"F","F":"new"}'),
        ('{"F":"F"}', "F", '{"F":"new"}'),
        (r'{"F":"\\"}', "\\", '{"F":"new"}'),
        (r'{"F":"caf\u00e9"}', "café", '{"F":"new"}'),
        (r'{"\u0062iz_opaque_callback_data":"a"}', "a", r'{"\u0062iz_opaque_callback_data":"new"}'),
        (r'{"biz\u005Fopaque_callback_data":"a"}', "a", r'{"biz\u005Fopaque_callback_data":"new"}'),
        (r'{"t":"\u0061"}', None, r'{"F":"new","t":"\u0061"}'),
    ],
)
def test_only_the_value_changes(before: str, current: str | None, after: str) -> None:
    raw = before.replace("F", FIELD) if "u005F" not in before else before
    expected = after.replace("F", FIELD) if "u005F" not in after else after
    assert with_callback_data(raw.encode(), current, "new").decode() == expected


def test_the_value_is_written_as_json() -> None:
    changed = with_callback_data(b'{"a":1}', None, 'gw1.1."é\n')
    assert orjson.loads(changed) == {FIELD: 'gw1.1."é\n', "a": 1}
