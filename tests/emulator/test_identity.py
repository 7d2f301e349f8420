import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.emulator import identity

PHONES = st.from_regex(r"\A[1-9][0-9]{6,14}\Z")


@pytest.mark.parametrize(
    ("to", "wa_id"),
    [
        ("+34600000001", "34600000001"),
        ("+34 (600) 000-001", "34600000001"),
        ("34600000001", "34600000001"),
        ("6505551234", "16505551234"),
        ("+4512345678", "4512345678"),
        ("{{Recipient-Phone-Number}}", None),
        ("", None),
        ("+1234", None),
    ],
)
def test_recipients_become_whatsapp_digits(to: str, wa_id: str | None) -> None:
    """Source: SEND, 21 May 2026 (R§1.2)."""
    assert identity.wa_id_of(to, "1") == wa_id


@pytest.mark.parametrize(
    ("display", "code"),
    [("+1 555-000-1111", "1"), ("+34 900 000 333", "34"), ("+972123456789", "972")],
)
def test_the_calling_code_of_a_number(display: str, code: str) -> None:
    assert identity.calling_code_of(display) == code


@given(PHONES)
def test_a_bsuid_can_be_read_back(phone: str) -> None:
    bsuid = identity.bsuid_of(phone, "400000000000004")
    assert identity.is_bsuid(bsuid)
    assert identity.phone_of_bsuid(bsuid, "400000000000004") == phone


def test_a_bsuid_is_scoped_to_one_business() -> None:
    """Source: BSUID, 15 Sep 2026 (R§1.4)."""
    one, other = (identity.bsuid_of("34600000001", scope) for scope in ("4004", "4005"))
    assert one != other
    assert one.startswith("ES.")


@pytest.mark.parametrize("other", ["US.1234", "US.ENT.11815799212886844830", "ES.abc"])
def test_another_bsuid_has_no_phone(other: str) -> None:
    assert identity.is_bsuid(other)
    assert identity.phone_of_bsuid(other, "4004") is None


@pytest.mark.parametrize("text", ["", "34600000001", "us.123", "US.", "US.!"])
def test_what_is_no_bsuid(text: str) -> None:
    assert not identity.is_bsuid(text)
