import pytest

from gateway.whatsapp.signature import is_valid, sign

# The test vector of R§8.1.
SECRET = "test_app_secret"
BODY = b'{"object":"whatsapp_business_account","entry":[]}'
HEADER = "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756"


def test_the_published_vector() -> None:
    assert sign(SECRET, BODY) == HEADER
    assert is_valid(HEADER, BODY, [SECRET])


@pytest.mark.parametrize("secrets", [[SECRET, "new"], ["new", SECRET]])
def test_either_secret_of_a_rotation(secrets: list[str]) -> None:
    assert is_valid(HEADER, BODY, secrets)


def test_hexadecimal_in_upper_case() -> None:
    assert is_valid("sha256=" + HEADER[7:].upper(), BODY, [SECRET])


@pytest.mark.parametrize(
    ("header", "body", "secrets"),
    [
        (None, BODY, [SECRET]),
        ("", BODY, [SECRET]),
        ("sha256=", BODY, [SECRET]),
        (HEADER[7:], BODY, [SECRET]),
        ("sha256=ñ", BODY, [SECRET]),
        ("\udce9", BODY, [SECRET]),
        (HEADER, BODY + b" ", [SECRET]),
        (HEADER, BODY, ["other"]),
        (HEADER, BODY, []),
        (sign("", BODY), BODY, [""]),
    ],
)
def test_everything_else_is_refused(header: str | None, body: bytes, secrets: list[str]) -> None:
    assert not is_valid(header, body, secrets)
