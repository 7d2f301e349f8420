import orjson
import pytest

from gateway.emulator.errors import (
    Refusal,
    error_body,
    status_error,
    unknown_object,
    unknown_path,
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


def test_an_unknown_object_is_a_graph_error() -> None:
    error = orjson.loads(error_body(unknown_object("42"), "trace"))["error"]
    assert (error["type"], error["error_subcode"]) == ("GraphMethodException", 33)
    assert "42" in error["message"]
    assert "error_data" not in error


def test_a_throttle_may_have_another_status() -> None:
    """Source: R§12.1 row 8."""
    assert Refusal(130429, "").status_when(429) == 429
    assert Refusal(130429, "", http_status=503).status_when(429) == 503
    assert Refusal(131048, "").status_when(429) == 400


def test_an_outage_is_transient() -> None:
    """Source: OAPI GraphAPIError (R§1.10)."""
    outage = orjson.loads(error_body(Refusal(2, ""), "trace"))["error"]
    assert outage["is_transient"] is True
    lasting = orjson.loads(error_body(Refusal(2, "", is_transient=False), "trace"))["error"]
    assert lasting["is_transient"] is False


def test_an_error_of_a_template_speaks_to_a_person() -> None:
    """Source: OAPI, PYWA (R§1.10): a subcode of 100, and no error_data."""
    no = Refusal(100, "", subcode=2388019, user_title="Too many", user_message="Delete some.")
    error = orjson.loads(error_body(no, "trace"))["error"]
    assert (error["code"], error["error_subcode"]) == (100, 2388019)
    assert (error["error_user_title"], error["error_user_msg"]) == ("Too many", "Delete some.")
    assert (error["type"], "error_data" in error) == ("OAuthException", False)


def test_the_cap_of_a_user_has_a_title_of_its_own_in_statuses() -> None:
    """Source: W-STAT (R§7.8)."""
    assert "ecosystem engagement" in status_error(131049, "")["title"]


def test_an_unknown_path_is_said_in_words() -> None:
    error = orjson.loads(error_body(unknown_path("x"), "trace"))["error"]
    assert (error["code"], error["message"]) == (2500, "Unknown path components: /x")


def test_in_a_status_title_and_message_are_the_same() -> None:
    """Source: W-STAT (R§8.4)."""
    error = status_error(131047, "late")
    assert error["title"] == error["message"]
    assert error["error_data"] == {"details": "late"}
