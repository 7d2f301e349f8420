import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.whatsapp.recipient import (
    Dialling,
    Recipient,
    RecipientKind,
    dialling_of,
    is_bsuid,
    user_id,
)

SPAIN = "+34 600 00 00 01"
USA = "15550001111"
BRAZIL = "+5511900000001"
ITALY = "+390600000001"
GERMANY = "+4915100000001"
NOWHERE = "unlisted"


@pytest.mark.parametrize(
    ("own", "to", "expected"),
    [
        # With a plus, or with 00, the number says its country itself.
        (SPAIN, "+34600000001", "34600000001"),
        (SPAIN, "+34 600-00.00(01)", "34600000001"),
        (SPAIN, "(+34) 600 000 001", "34600000001"),
        (SPAIN, "+1 (555) 000-1111", "15550001111"),
        (SPAIN, "0034600000001", "34600000001"),
        (NOWHERE, "0034600000001", "34600000001"),
        # The own country code is there already.
        (SPAIN, "34600000001", "34600000001"),
        (USA, "15550001111", "15550001111"),
        (BRAZIL, "5511900000001", "5511900000001"),
        # It is not there: Meta prepends it.
        (SPAIN, "600000001", "34600000001"),
        (SPAIN, "600 000 001", "34600000001"),
        (USA, "(555) 000-1111", "15550001111"),
        (BRAZIL, "11900000001", "5511900000001"),
        (GERMANY, "015100000001", "4915100000001"),
        (ITALY, "0600000001", "390600000001"),
        # A national number that begins like the own country code.
        (BRAZIL, "55900000001", "5555900000001"),
        # A whole number of another country: SDKs send wa_id digits.
        (SPAIN, "15550001111", "15550001111"),
        (USA, "34600000001", "34600000001"),
        (NOWHERE, "600000001", "600000001"),
        # It begins like an exit code of its own country, and leads nowhere.
        (USA, "0119990001", "0119990001"),
        # No phone number at all.
        (SPAIN, "{{Recipient-Phone-Number}}", "{{RecipientPhoneNumber}}"),
        (SPAIN, "٦٠٠٠٠٠٠٠١", "٦٠٠٠٠٠٠٠١"),
        (SPAIN, "+", "+"),
        (SPAIN, "00", "00"),
        (SPAIN, "---", "---"),
    ],
)
def test_a_phone_number_is_read_as_meta_reads_it(own: str, to: str, expected: str) -> None:
    assert user_id(Recipient(RecipientKind.PHONE, to), dialling_of(own)) == expected


def test_a_bsuid_stays_but_for_its_country() -> None:
    recipient = Recipient(RecipientKind.BSUID, "us.1349aB")
    assert user_id(recipient, dialling_of(SPAIN)) == "US.1349aB"


def test_a_group_stays() -> None:
    assert user_id(Recipient(RecipientKind.GROUP, "600000001"), dialling_of(SPAIN)) == "600000001"


@given(to=st.text(min_size=1), own=st.sampled_from([SPAIN, USA, BRAZIL, NOWHERE]))
def test_every_text_has_an_id(to: str, own: str) -> None:
    assert user_id(Recipient(RecipientKind.PHONE, to), dialling_of(own))


@pytest.mark.parametrize(
    ("display", "dialling"),
    [
        ("+34 600 00 00 01", Dialling("34", "ES", frozenset({9}))),
        ("34600000001", Dialling("34", "ES", frozenset({9}))),
        ("+1 555-000-1111", Dialling("1", "US", frozenset({10}))),
        ("15550001111", Dialling("1", "US", frozenset({10}))),
        ("+80000000001", Dialling("800", "001", frozenset())),
        ("<DISPLAY_PHONE_NUMBER>", None),
        ("", None),
        ("+999", None),
    ],
)
def test_dialling_of_a_business_number(display: str, dialling: Dialling | None) -> None:
    assert dialling_of(display) == dialling


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("US.13491208655302741918", True),
        ("es.1a", True),
        ("US.ENT.11815799212886844830", True),
        ("US." + "1" * 128, True),
        ("US." + "1" * 129, False),
        ("US.", False),
        ("USA.1", False),
        ("12.34", False),
        ("US.1-2", False),
        ("US.1\n", False),
        ("+34600000001", False),
    ],
)
def test_what_a_bsuid_looks_like(value: str, expected: bool) -> None:  # noqa: FBT001 - a table
    assert is_bsuid(value) is expected
