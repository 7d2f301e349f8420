import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.outbound.contents import Contents, pack, unpack
from gateway.store.vault import Vault, VaultError
from gateway.whatsapp.message import Message, parse
from tests.builders import text_body

VAULT = Vault("a key")
TOKEN = "Bearer EAAG-of-the-app"
CONTENTS = Contents(b'{"to": "+34600000001"}', [("Content-Type", "application/json")], TOKEN)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def round_trip(contents: Contents) -> Contents:
    return unpack(pack(contents, VAULT), VAULT)


@given(value=JSON, is_ascii=st.booleans(), indent=st.sampled_from([None, 1]))
def test_any_json_comes_out_as_it_went_in(
    value: object, *, is_ascii: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii, indent=indent)
    body = text.encode("utf-8", "surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:
        return  # half a character is no JSON that a send may have
    assert round_trip(CONTENTS._replace(body=body)).body == body


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":2}',
        b' {"a" : 1.0E+2 ,\r\n\t"b":-0 } ',
        '{"a":"\\u00e9é\\u0000😀\\ud83d\\ude00"}'.encode(),
        b'{"a":"\x7f\\\\\\"\\/"}',
        b"{}",
    ],
    ids=["a name twice", "white space", "escapes", "signs", "nothing"],
)
def test_bytes_are_kept_however_they_are_written(body: bytes) -> None:
    assert round_trip(CONTENTS._replace(body=body)).body == body


def test_what_can_be_read_before_can_be_read_after() -> None:
    body = json.dumps(text_body("+34600000001", "Olé 😀")).encode()
    message = parse(round_trip(CONTENTS._replace(body=body)).body)
    assert isinstance(message, Message)
    assert message == parse(body)


@pytest.mark.parametrize("own_token", [TOKEN, None, "Bearer caf\udce9"])
def test_headers_and_token_are_kept(own_token: str | None) -> None:
    """Twice the same one too, and bytes that are no UTF-8, as aiohttp has them."""
    headers = [("X-Own", "a"), ("X-Own", "b"), ("x-odd", "caf\udce9 \udcff"), ("X-Empty", "")]
    contents = CONTENTS._replace(headers=headers, own_token=own_token)
    assert round_trip(contents) == contents


def test_nothing_of_it_can_be_read_in_the_database() -> None:
    sealed = pack(CONTENTS, VAULT)
    for secret in (TOKEN.encode(), b"EAAG", b"34600000001", b"Content-Type"):
        assert secret not in sealed
    assert sealed != pack(CONTENTS, VAULT)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(VaultError):
        unpack(pack(CONTENTS, VAULT), Vault("another key"))


def test_what_was_changed_is_not_opened() -> None:
    sealed = bytearray(pack(CONTENTS, VAULT))
    sealed[len(sealed) // 2] ^= 1
    with pytest.raises(VaultError):
        unpack(bytes(sealed), VAULT)
