import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest

from gateway.outbound.standard_webhooks import key_of, secret_of, signed

KEY = bytes(range(32))
EVENT = UUID("00000000-0000-4000-8000-00000000abcd")
AT = datetime(2026, 11, 26, 12, 0, 0, 999_000, tzinfo=UTC)


def test_a_secret_is_shown_and_read() -> None:
    secret = secret_of(KEY)
    assert secret.startswith("whsec_")
    assert key_of(secret) == key_of(secret.removeprefix("whsec_")) == KEY


@pytest.mark.parametrize("length", [23, 65])
def test_a_key_that_is_too_short_or_too_long_is_none(length: int) -> None:
    with pytest.raises(ValueError, match="24 to 64"):
        key_of(secret_of(bytes(length)))


def test_what_is_no_base64_is_no_secret() -> None:
    with pytest.raises(ValueError, match="Only base64 data"):
        key_of("whsec_%%%%")


def test_the_signature_covers_id_time_and_body() -> None:
    # The digest was worked out by `openssl dgst -sha256 -mac HMAC`.
    headers = signed(secret_of(KEY), EVENT, AT, b"{}")
    assert headers["webhook-id"] == str(EVENT)
    assert headers["webhook-timestamp"] == "1795694400"
    version, _, digest = headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert len(base64.b64decode(digest)) == 32
    assert digest == "pMDe+wG7Th+H7umX9wUcJWVBtc2I82LcSE0P7aevErE="
    others = (
        signed(secret_of(KEY), EVENT, AT, b"{ }"),
        signed(secret_of(KEY), UUID(int=1), AT, b"{}"),
        signed(secret_of(KEY), EVENT, AT.replace(second=1), b"{}"),
        signed(secret_of(KEY[::-1]), EVENT, AT, b"{}"),
    )
    signatures = {each["webhook-signature"] for each in (headers, *others)}
    assert len(signatures) == 5
