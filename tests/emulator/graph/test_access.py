import hashlib
import hmac

import pytest

from gateway.emulator.errors import Refusal
from gateway.emulator.graph import access
from tests.emulator.conftest import FIRST, SECRET, TOKEN, WABA, Cloud, state, template


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer nobody's"])
def test_a_bad_token_is_code_190(header: str | None) -> None:
    """Source: ERR, 12 Dec 2025 (R§7.1)."""
    refusal = access.wabas_of_bearer(state(), header)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.status) == (190, 401)


def test_a_token_knows_its_wabas() -> None:
    assert access.wabas_of_bearer(state(), f"Bearer {TOKEN}") == frozenset({WABA})
    assert access.wabas_of_bearer(state(), f"bearer {TOKEN}") == frozenset({WABA})


async def test_a_token_may_stand_in_the_query(cloud: Cloud) -> None:
    """Source: docs/graph-api/guides/secure-requests (R§9)."""
    for token, status in ((TOKEN, 200), ("nobody's", 401)):
        answer = await cloud.client.get(f"/{FIRST}", params={"access_token": token})
        assert answer.status == status


async def test_a_proof_must_be_right_if_given(cloud: Cloud) -> None:
    """Source: docs/graph-api/guides/secure-requests (R§9)."""
    proof = hmac.new(SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
    assert (await cloud.get(f"/{FIRST}?appsecret_proof={proof}"))["http"] == 200
    wrong = await cloud.get(f"/{FIRST}?appsecret_proof={proof[::-1]}")
    assert (wrong["http"], wrong["error"]["code"]) == (400, 100)


def test_an_unknown_id_is_code_100_subcode_33() -> None:
    """Source: R§12.3."""
    refusal = access.find(state(), "999", frozenset({WABA}))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.subcode) == (100, 33)


async def test_answers_over_http(cloud: Cloud) -> None:
    bad = await cloud.get(f"/{FIRST}", headers={"Authorization": "Bearer wrong"})
    assert (bad["http"], bad["error"]["code"], bad["error"]["type"]) == (401, 190, "OAuthException")
    assert "error_data" not in bad["error"]
    poor = await cloud.get(f"/{FIRST}", headers={"Authorization": "Bearer poor-token"})
    assert (poor["http"], poor["error"]["code"]) == (403, 200)
    unknown = await cloud.send(template(), "999")
    assert (unknown["http"], unknown["error"]["code"]) == (400, 100)
    assert unknown["error"]["error_subcode"] == 33
    assert unknown["error"]["type"] == "GraphMethodException"
