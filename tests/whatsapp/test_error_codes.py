import pytest

from gateway.whatsapp.error_codes import ERROR_CODES, Channel, ErrorClass, lookup

# Every code of R§7, written down a second time; a range stands for all its codes.
RULEBOOK = """
0 190 3 10 104 131005 33 803
368 131031 130497 131064 139200 131037 131045 131042 131044 134011 141002 138024 138025
4 17 32 613 80007 80008 130429 131048 131056 131208 132069 133016 138002 138005 138009 138012 131049
130472 130403 131021 131026 131030 131047 131050 131062 137000 131036
1 100 131008 131009 131051 131052 131053 131055 131063 131065 132000 132001 132005 132007 132008
132012 132015 132016 132018 132068 134100 134101 134102 135000 1752041
2388019 2388039 2388040 2388047 2388072 2388073 2388293 2388299 200005-200007 139000-139004
2 131000 131016 131057 133004 2494100 131035 131060
131020 131041 131059 131201 131202 131204 131207 131209-131215
139100-139103 133000 133005 133006 133008 133009 133010 133015 136024 2593107-2593109
138000 138001 138003 138004 138006 138007 138013 138014 138015 138017 138018 138019-138023 138038
147001-147005 2494191
"""


def codes() -> set[int]:
    found: set[int] = set()
    for word in RULEBOOK.split():
        first, _, last = word.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def test_the_table_has_every_code_of_the_rulebook_and_no_other() -> None:
    assert set(ERROR_CODES) == codes()


@pytest.mark.parametrize("code", sorted(ERROR_CODES))
def test_each_code_says_something(code: int) -> None:
    row = lookup(code)
    assert row.code == code
    assert row.title
    assert row.action
    assert row.http_status in {206, 400, 401, 403, 404, 429, 500, 503}


@pytest.mark.parametrize(
    ("code", "http_status", "channel", "cls"),
    [
        (190, 401, Channel.SYNC, ErrorClass.K),
        (3, 500, Channel.SYNC, ErrorClass.K),
        (368, 403, Channel.SYNC, ErrorClass.P),
        (130429, 400, Channel.BOTH, ErrorClass.T),
        (131048, 400, Channel.BOTH, ErrorClass.W),
        (131049, 400, Channel.ASYNC, ErrorClass.U),
        (131056, 400, Channel.BOTH, ErrorClass.T),
        (131047, 400, Channel.BOTH, ErrorClass.C),
        (132001, 404, Channel.SYNC, ErrorClass.C),
        (132015, 400, Channel.BOTH, ErrorClass.W),
        (133010, 400, Channel.SYNC, ErrorClass.K),
    ],
)
def test_rows_that_decisions_hang_on(
    code: int, http_status: int, channel: Channel, cls: ErrorClass
) -> None:
    row = lookup(code)
    assert (row.http_status, row.channel, row.cls) == (http_status, channel, cls)


@pytest.mark.parametrize("code", [1, 2, 131000, 131016])
def test_what_may_have_been_sent_is_ambiguous(code: int) -> None:
    assert lookup(code).cls is ErrorClass.X


@pytest.mark.parametrize("code", [200, 299])
def test_the_permission_range(code: int) -> None:
    row = lookup(code)
    assert (row.code, row.title, row.http_status) == (code, "API Permission", 403)
    assert row.cls is ErrorClass.K


@pytest.mark.parametrize("code", [-1, 199, 300, 999_999])
def test_an_unknown_code_is_ambiguous(code: int) -> None:
    row = lookup(code)
    assert (row.code, row.title, row.cls) == (code, "Unknown error", ErrorClass.X)
