import orjson
import pytest

from gateway.emulator.errors import (
    Refusal,
    error_body,
    meaning_of,
    status_error,
    unknown_object,
)


def test_a_messaging_error_has_error_data() -> None:
    """Source: ERR, 12 Dec 2025 (R§1.10)."""
    error = orjson.loads(error_body(Refusal(131056, "why"), "trace"))["error"]
    assert error == {
        "message": "(#131056) (Business Account, Consumer Account) pair rate limit hit",
        "type": "OAuthException",
        "code": 131056,
        "error_data": {"messaging_product": "whatsapp", "details": "why"},
        "fbtrace_id": "trace",
    }


@pytest.mark.parametrize("code", [190, 200, 10, 4])
def test_an_error_of_access_has_none(code: int) -> None:
    assert "error_data" not in orjson.loads(error_body(Refusal(code, "why"), "trace"))["error"]


@pytest.mark.parametrize(
    ("code", "status"),
    [(132001, 404), (368, 403), (131031, 403), (190, 401), (130429, 400), (131000, 500), (2, 503)],
)
def test_the_http_status_of_a_code(code: int, status: int) -> None:
    """Source: ERR, 12 Dec 2025 (R§7)."""
    assert Refusal(code, "").status == status


def test_a_refusal_may_have_its_own_status() -> None:
    assert Refusal(131000, "", http_status=429).status == 429


def test_an_unlisted_code_is_still_sayable() -> None:
    assert meaning_of(987654).http_status == 400


def test_an_unknown_object_is_a_graph_error() -> None:
    error = orjson.loads(error_body(unknown_object("42"), "trace"))["error"]
    assert (error["type"], error["error_subcode"]) == ("GraphMethodException", 33)
    assert "42" in error["message"]


def test_in_a_status_title_and_message_are_the_same() -> None:
    """Source: W-STAT (R§8.4)."""
    error = status_error(131047, "late")
    assert error["title"] == error["message"]
    assert error["error_data"] == {"details": "late"}
