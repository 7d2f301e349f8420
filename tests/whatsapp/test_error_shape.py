import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.whatsapp.error_shape import MetaError, error_body, read_error


def test_a_refusal_has_metas_shape() -> None:
    body = error_body(131048, "The pool is full until 14:00.", trace_id="T1")
    assert orjson.loads(body) == {
        "error": {
            "message": "(#131048) Spam Rate limit hit. The pool is full until 14:00.",
            "type": "OAuthException",
            "code": 131048,
            "error_data": {
                "messaging_product": "whatsapp",
                "details": "The pool is full until 14:00.",
            },
            "fbtrace_id": "T1",
        }
    }


def test_type_and_subcode_are_put_in_when_given() -> None:
    body = error_body(190, "Expired.", trace_id="T1", type_="GraphMethodException", subcode=463)
    error = orjson.loads(body)["error"]
    assert error["type"] == "GraphMethodException"
    assert error["error_subcode"] == 463


def test_what_was_written_can_be_read() -> None:
    body = error_body(131047, "The window is closed.", trace_id="T1", subcode=7)
    assert read_error(body) == MetaError(
        code=131047,
        message="(#131047) Re-engagement message. The window is closed.",
        details="The window is closed.",
        subcode=7,
        is_transient=False,
        fbtrace_id="T1",
    )


@pytest.mark.parametrize(
    ("extra", "details"),
    [
        ({"error_data": {"messaging_product": "whatsapp", "details": "a"}}, "a"),
        ({"error_data": {"messaging_product": "whatsapp"}}, ""),
        ({"error_data": "a bare string"}, "a bare string"),
        ({"error_data": None, "error_user_msg": "b"}, "b"),
        ({"error_data": [1]}, ""),
        ({}, ""),
    ],
)
def test_error_data_of_any_shape(extra: dict[str, object], details: str) -> None:
    error = read_error(orjson.dumps({"error": {"message": "m", "code": 100, **extra}}))
    assert error is not None
    assert error.details == details


def test_odd_types_are_survived() -> None:
    raw = {"code": "131056", "message": None, "is_transient": True, "error_subcode": "x"}
    assert read_error(orjson.dumps({"error": raw})) == MetaError(
        code=131056, message="", details="", subcode=None, is_transient=True, fbtrace_id=None
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502</html>",
        b"[]",
        b"null",
        b"{}",
        b'{"error":"x"}',
        b'{"error":{"message":"no code"}}',
        b'{"error":{"code":true}}',
        b'{"error":{"code":1.5}}',
        b"\xff",
    ],
)
def test_what_is_no_error_of_metas(body: bytes) -> None:
    assert read_error(body) is None


@given(st.binary())
def test_reading_never_raises(body: bytes) -> None:
    assert read_error(body) is None or body
