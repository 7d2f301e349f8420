from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.outbound.parcels import Wishes
from gateway.web.auth import Caller
from gateway.web.wishes import EXPIRES_AT, SEND_AT, read_wishes
from gateway.whatsapp.message import EnvelopeError
from tests.policy.making import INSTANT, NOW

CALLER = Caller("shop", None)
MONTH = timedelta(days=30)


def wishes(*headers: tuple[str, str], caller: Caller = CALLER) -> Wishes:
    request = make_mocked_request("POST", "/1/messages", CIMultiDict(headers))
    return read_wishes(request, caller, NOW)


def assert_refused(header: str, text: str, names: str, *more: tuple[str, str]) -> None:
    with pytest.raises(EnvelopeError, match=names) as refused:
        wishes((header, text), *more)
    assert refused.value.code == 131009
    assert header in refused.value.details


def test_who_wishes_nothing_is_refused_what_cannot_go_at_once() -> None:
    assert wishes() == Wishes()
    assert not wishes().may_wait


@pytest.mark.parametrize(
    "prefer",
    [
        ["respond-async"],
        ["RESPOND-ASYNC"],
        ["Respond-Async"],
        ["respond-async, wait=10"],
        ["wait=10, respond-async"],
        ["wait=10,respond-async"],
        ["wait=10;respond-async"],
        ["\trespond-async ;foo"],
        ["handling=lenient", "respond-async"],
        ["respond-async", "handling=lenient"],
        ['foo="a, b", respond-async'],
    ],
)
def test_respond_async_is_a_preference_however_it_is_written(prefer: list[str]) -> None:
    assert wishes(*(("Prefer", line) for line in prefer)).responds_async


@pytest.mark.parametrize(
    "prefer",
    [
        "",
        "wait=10",
        "return=minimal",
        "respond-asynchronously",
        "x-respond-async",
        "no-respond-async",
        "respond-async.not",
        'foo="respond-async"',
        'foo="a, respond-async, b"',
        r'foo="a\", respond-async"',
        "foo=respond-async",
    ],
)
def test_what_only_looks_like_it_is_none(prefer: str) -> None:
    assert not wishes(("Prefer", prefer)).responds_async


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (["wait=0"], 0),
        (["Wait=7"], 7),
        (["respond-async, wait=12"], 12),
        (["respond-async", "wait=12"], 12),
        (["wait=3; x=1"], 3),
        (['wait="3"'], 3),
        (["wait = 3"], 3),
        (["wait=3, wait=5"], 3),
        (["await=3"], None),
        (["wait=soon"], None),
        (["wait=-1"], None),
        (["wait=٣"], None),
        (["wait=1234567"], None),
        (["wait"], None),
        (['x="wait=3"'], None),
        ([], None),
    ],
)
def test_the_wait_is_read_from_the_preferences(prefer: list[str], seconds: int | None) -> None:
    assert wishes(*(("Prefer", line) for line in prefer)).wait_s == seconds


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-25T19:00:00Z",
        "2026-11-25T19:00:00+00:00",
        "2026-11-25T20:00:00+01:00",
        "2026-11-25T11:00:00-08:00",
        "20261125T190000Z",
        "2026-11-25 19:00Z",
        " 2026-11-25T19:00:00.000Z ",
        "Wed, 25 Nov 2026 19:00:00 GMT",
        "Wed, 25 Nov 2026 20:00:00 +0100",
    ],
)
def test_an_instant_is_read_in_whatever_zone_it_is_written(text: str) -> None:
    at = datetime(2026, 11, 25, 19, tzinfo=UTC)
    read = wishes((SEND_AT, text), (EXPIRES_AT, "2026-11-26T19:00:00Z"))
    assert (read.send_at, read.expires_at) == (at, at + timedelta(days=1))
    assert read.send_at is not None
    assert read.send_at.tzinfo is UTC
    assert wishes((EXPIRES_AT, text)).expires_at == at


@pytest.mark.parametrize("header", [SEND_AT, EXPIRES_AT])
@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "tomorrow",
        "1795633200",
        "2026-11-25",
        "2026-11-25T19:00:00",
        "2026-02-30T19:00:00Z",
        "2026-11-25T25:00:00Z",
        "Wed, 25 Nov 2026 19:00:00",
        "Wed, 25 Nov 2026 19:00:00 -0000",
        "0001-01-01T00:00:00+12:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_what_is_no_instant_is_refused_with_an_example(header: str, text: str) -> None:
    assert_refused(header, text, "is no instant such as 2026-11-25T19:00:00Z")


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\0")))
def test_nonsense_is_refused_and_nothing_worse(text: str) -> None:
    try:
        assert wishes((EXPIRES_AT, text), ("Prefer", text)).expires_at is not None
    except EnvelopeError as refused:
        assert refused.code == 131009  # noqa: PT017 - either is right, anything else is not


def test_a_month_ahead_is_the_most() -> None:
    latest = NOW + MONTH
    assert wishes((SEND_AT, latest.isoformat())).send_at == latest
    assert_refused(SEND_AT, (latest + INSTANT).isoformat(), "more than 30 days ahead")


def test_what_was_to_be_sent_before_now_is_sent_now() -> None:
    read = wishes((SEND_AT, "2001-01-01T00:00:00Z"))
    assert read.send_at == datetime(2001, 1, 1, tzinfo=UTC)
    assert read.may_wait


@pytest.mark.parametrize(
    ("send_at", "least"), [(None, NOW), (NOW - MONTH, NOW), (NOW + MONTH,) * 2]
)
def test_it_must_not_have_expired_before_it_could_be_sent(
    send_at: datetime | None, least: datetime
) -> None:
    more = [] if send_at is None else [(SEND_AT, send_at.isoformat())]
    in_time = least + INSTANT
    assert wishes((EXPIRES_AT, in_time.isoformat()), *more).expires_at == in_time
    assert_refused(EXPIRES_AT, least.isoformat(), "over before the message could be sent", *more)


def test_what_is_of_use_for_ever_is_for_the_packer_to_bound() -> None:
    far = datetime(9999, 12, 31, tzinfo=UTC)
    assert wishes((EXPIRES_AT, far.isoformat())).expires_at == far


def test_what_an_app_has_said_once_and_for_all_is_passed_on() -> None:
    usual = Wishes(parks={"marketing": True}, resends={"utility": True})
    caller = CALLER._replace(wishes=usual)
    read = wishes(caller=caller)
    assert (read.parks, read.resends) == ({"marketing": True}, {"utility": True})
    assert (read.may_wait, read.responds_async) == (True, False)
