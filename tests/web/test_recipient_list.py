from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web import recipient_list
from gateway.web.recipient_list import (
    LONGEST_LINE,
    RecipientList,
    TooManyError,
    Unreadable,
    first_column,
    json_value,
    user_of,
)
from gateway.whatsapp.recipient import dialling_of

SPAIN = dialling_of("+34 600 000 000")
ANA, BEN = "34600000001", "34600000002"


async def in_chunks(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def read(
    body: bytes, entry: Callable[[bytes], str] = first_column, size: int = 7
) -> RecipientList:
    listed = RecipientList(SPAIN)
    await listed.read(in_chunks(body, size), entry)
    return listed


@pytest.mark.parametrize(
    ("value", "user"),
    [
        ("+34 600 000 001", ANA),
        ("0034600000001", ANA),
        ("600000001", ANA),
        ("(600) 000-001", ANA),
        (ANA, ANA),
        ("+49 151 12345678", "4915112345678"),
        ("es.1349", "ES.1349"),
        ("ES.ENT.1181", "ES.ENT.1181"),
        ("Ana", None),
        ("", None),
        ("12345", None),
        ("+1234567890123456", None),
        ("٣٤٦٠٠٠٠٠٠٠٠١", None),
        ("34600\x000001", None),
    ],
)
def test_a_recipient_is_a_number_or_a_business_scoped_id(value: str, user: str | None) -> None:
    assert user_of(value, SPAIN) == user


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"+34600000001,Ana,gold\r", "+34600000001"),
        (b'"+34 600 000 001","Ana"', "+34 600 000 001"),
        (b"  600000001 ; x", "600000001"),
        (b"600000001\tx", "600000001"),
        (b",", ""),
        (b"\xff1", "\ufffd1"),
    ],
)
def test_the_first_column_is_the_recipient(line: bytes, value: str) -> None:
    assert first_column(line) == value


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b'"+34600000001"', "+34600000001"),
        (b"34600000001", "34600000001"),
        (b'{"to": "+34600000001", "name": "Ana"}', "+34600000001"),
        (b'{"recipient": "ES.1349"}', "ES.1349"),
        (b'{"name": "Ana"}', ""),
        (b"true", ""),
        (b"[1]", ""),
        (b"{", ""),
    ],
)
def test_a_line_of_json_is_a_recipient_or_an_object_with_one(line: bytes, value: str) -> None:
    assert json_value(line) == value


async def test_each_user_is_there_once_and_the_rest_is_counted() -> None:
    body = b"\xef\xbb\xbfphone;name\r\n+34600000001;Ana\r\n\r\n600000001\r\nnobody\n+34600000002"
    listed = await read(body)
    assert listed.users == {ANA, BEN}
    assert (listed.total, listed.duplicates, listed.unreadable) == (4, 1, 1)
    assert listed.examples == [Unreadable(5, "nobody")]


async def test_only_a_first_line_of_letters_is_a_header() -> None:
    assert (await read(b"12\n+34600000001\n")).examples == [Unreadable(1, "12")]
    assert (await read(b"\n\nwa_id\n+34600000001\n")).unreadable == 0
    assert (await read(b"+34600000001\nphone\n")).examples == [Unreadable(2, "phone")]
    assert (await read(b"ES.1349\n")).users == {"ES.1349"}


async def test_the_first_ten_that_cannot_be_read_are_shown_in_part() -> None:
    listed = await read(b"1\n" * 3 + b"9" * 100 + b"\n" + b"2\n" * 20)
    assert listed.unreadable == 24
    assert [each.line for each in listed.examples] == list(range(1, 11))
    assert listed.examples[3].text == "9" * 64


async def test_a_line_without_an_end_is_not_kept() -> None:
    long = b"+34600000001" + b" " * LONGEST_LINE
    listed = await read(b"+34600000002\n" + long + b"\n+34600000003\n", size=11)
    assert (listed.users, listed.unreadable) == ({BEN, "34600000003"}, 1)
    endless = recipient_list._Rest()  # noqa: SLF001 - what it keeps is the point
    for _ in range(100):
        assert endless.lines(b"x" * 10_000) == []
    assert len(endless.lines(b"\n")[0]) == LONGEST_LINE + 1


async def test_a_list_of_json_is_taken_over_in_its_order() -> None:
    listed = RecipientList(SPAIN)
    await listed.take(["+34600000001", "Ana", "600000001"])
    assert (listed.users, listed.duplicates) == ({ANA}, 1)
    assert listed.examples == [Unreadable(2, "Ana")]


async def test_a_list_that_is_too_long_is_refused_before_it_is_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recipient_list, "MOST", 2)
    given = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            given.append(b"+34600000001\n")
            yield given[-1]

    with pytest.raises(TooManyError):
        await RecipientList(SPAIN).read(endless(), first_column)
    assert len(given) == 3
    with pytest.raises(TooManyError):
        await RecipientList(SPAIN).take(["1", "2", "3"])


@given(st.lists(st.integers(0, 99)), st.integers(1, 40), st.sampled_from([b"\n", b"\r\n"]))
async def test_however_a_body_is_cut_it_says_the_same(
    users: list[int], size: int, end: bytes
) -> None:
    body = end.join(b"+346000000%02d" % user for user in users)
    listed = await read(body, size=size)
    assert listed.users == {f"346000000{user:02}" for user in users}
    assert (listed.total, listed.unreadable) == (len(users), 0)
