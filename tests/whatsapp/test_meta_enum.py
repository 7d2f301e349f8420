import pytest

from gateway.whatsapp.meta_enum import MetaEnum


class Colour(MetaEnum):
    GREEN = "GREEN"
    SENT = "sent"
    UNKNOWN = "UNKNOWN"


@pytest.mark.parametrize(
    ("raw", "member"),
    [
        ("GREEN", Colour.GREEN),
        (" green ", Colour.GREEN),
        ("SENT", Colour.SENT),
        ("MAUVE", Colour.UNKNOWN),
        ("", Colour.UNKNOWN),
        (None, Colour.UNKNOWN),
        (7, Colour.UNKNOWN),
        (["GREEN"], Colour.UNKNOWN),
        ({}, Colour.UNKNOWN),
    ],
)
def test_of_takes_every_word_there_is_and_every_one_to_come(raw: object, member: Colour) -> None:
    assert Colour.of(raw) is member
