import pytest
from multidict import CIMultiDict

from gateway.whatsapp.usage import regain_s

ACCOUNT = "100000000000001"
BUSINESS = "X-Business-Use-Case-Usage"
APP = "X-App-Usage"


def usage(*minutes: object, account: str = ACCOUNT) -> str:
    entries = ",".join(
        f'{{"type":"whatsapp","call_count":100,"estimated_time_to_regain_access":{each}}}'
        for each in minutes
    )
    return f'{{"{account}":[{entries}]}}'


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({BUSINESS: usage(0)}, None),
        ({BUSINESS: usage(5)}, 300),
        ({BUSINESS: usage(5, 12, 0)}, 720),
        ({BUSINESS: usage('"7"')}, 420),
        ({BUSINESS.lower(): usage(5)}, 300),
        ({BUSINESS: usage(5, account="9")}, 300),
        ({BUSINESS: '{"9":[{"estimated_time_to_regain_access":9}],' + usage(5)[1:]}, 300),
        ({APP: '{"call_count":100,"total_cputime":25,"total_time":25}'}, None),
        ({APP: '{"call_count":100,"estimated_time_to_regain_access":2}'}, 120),
        ({APP: '{"estimated_time_to_regain_access":2}', BUSINESS: usage(3)}, 180),
        ({"Content-Type": usage(5)}, None),
        ({BUSINESS: usage(10**9)}, 86_400),
    ],
)
def test_the_longest_time_that_is_named_counts(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert regain_s(headers, ACCOUNT) == seconds
    assert regain_s(CIMultiDict(headers), ACCOUNT) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "5",
        '{"100000000000001":null}',
        '{"100000000000001":[null,5,"x",[]]}',
        usage(-5),
        usage("null"),
        usage("true"),
        usage('"soon"'),
        "\ud800",
        "[" * 5000,
    ],
)
def test_what_cannot_be_read_names_no_time(text: str) -> None:
    assert regain_s({BUSINESS: text, APP: text}, ACCOUNT) is None


def test_rubbish_beside_it_does_not_hide_a_time() -> None:
    text = f'{{"{ACCOUNT}":[null,{{"estimated_time_to_regain_access":4}},"x"]}}'
    assert regain_s({APP: "{", BUSINESS: text}, ACCOUNT) == 240
