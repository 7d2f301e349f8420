from datetime import timedelta

import pytest

from gateway.outbound.contents import Contents, unpack
from gateway.outbound.parcels import Known, Packer, Parked, Wishes, parked_row
from gateway.policy.parcel import Parcel
from gateway.policy.send_class import SendClass
from gateway.store.vault import Vault
from tests.outbound.making import parcel, submission
from tests.policy.making import APPROVED, HOUR, INSTANT, KEY, NOW, NUMBER, POOL, WABA, text

C = SendClass
VAULT = Vault("a key")
LONGEST = timedelta(days=1)
PACKER = Packer(VAULT, LONGEST)
KNOWN = Known(WABA, "/v25.0/1/messages", C.MARKETING, None, correlated=True)
CONTENTS = Contents(b"{}", [("X-Own", "a")], None)
TEN_MINUTES = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("wishes", "waits"),
    [
        (Wishes(), set()),
        (Wishes(responds_async=True), set(C)),
        (Wishes(send_at=NOW), set(C)),
        (Wishes(expires_at=NOW), set()),
        (Wishes(parks={"marketing": True, "utility": False}), {C.MARKETING}),
        (Wishes(responds_async=True, parks={"marketing": False}), set(C)),
    ],
)
def test_what_waits_is_what_was_asked_for_or_the_class_says(
    wishes: Wishes, waits: set[SendClass]
) -> None:
    assert {each for each in C if wishes.waits(each)} == waits
    assert wishes.may_wait is bool(waits)


@pytest.mark.parametrize(
    ("send_class", "wishes", "correlated", "keeps"),
    [
        (C.MARKETING, Wishes(), True, False),
        (C.MARKETING, Wishes(responds_async=True), True, True),
        (C.MARKETING, Wishes(responds_async=True), False, True),
        (C.MARKETING, Wishes(resends={"marketing": True}), True, True),
        (C.AUTHENTICATION, Wishes(), True, True),
        (C.AUTHENTICATION, Wishes(resends={"authentication": False}), True, False),
        # Without our mark no status would ever end a doubt.
        (C.AUTHENTICATION, Wishes(), False, False),
    ],
)
def test_what_may_wait_or_be_sent_once_more_is_kept(
    send_class: SendClass, wishes: Wishes, *, correlated: bool, keeps: bool
) -> None:
    assert PACKER.keeps(wishes, send_class, correlated=correlated) is keeps


@pytest.mark.parametrize("correlated", [True, False])
@pytest.mark.parametrize("responds_async", [True, False])
def test_a_parcel_holds_everything_that_is_needed_to_send_it(
    *, responds_async: bool, correlated: bool
) -> None:
    known = KNOWN._replace(send_class=C.AUTHENTICATION, valid=TEN_MINUTES, correlated=correlated)
    packed = PACKER.pack(CONTENTS, Wishes(responds_async=responds_async), known, NOW)
    assert unpack(packed.sealed, VAULT) == CONTENTS
    assert packed == Parcel(
        waba_id=WABA,
        send_class=C.AUTHENTICATION,
        path="/v25.0/1/messages",
        sealed=packed.sealed,
        expires_at=NOW + TEN_MINUTES,
        waits=responds_async,
        resends=correlated,
        attempts=1,
    )


@pytest.mark.parametrize(
    ("wishes", "valid", "after"),
    [
        (Wishes(), None, LONGEST),
        # The app's, within bounds.
        (Wishes(expires_at=NOW + HOUR), None, HOUR),
        (Wishes(expires_at=NOW + 2 * LONGEST), None, LONGEST),
        # What Meta would not deliver any more is of no use; R§6.4.
        (Wishes(), TEN_MINUTES, TEN_MINUTES),
        (Wishes(expires_at=NOW + HOUR), TEN_MINUTES, TEN_MINUTES),
        (Wishes(expires_at=NOW + INSTANT), TEN_MINUTES, INSTANT),
        (Wishes(), 30 * LONGEST, LONGEST),
        # It counts from when it is to be sent.
        (Wishes(send_at=NOW + 3 * HOUR), TEN_MINUTES, 3 * HOUR + TEN_MINUTES),
        (Wishes(send_at=NOW + 3 * HOUR), None, 3 * HOUR + LONGEST),
        (Wishes(send_at=NOW + 3 * HOUR, expires_at=NOW + 4 * HOUR), None, 4 * HOUR),
        (Wishes(send_at=NOW - 3 * HOUR), TEN_MINUTES, TEN_MINUTES),
    ],
)
def test_it_expires_when_it_is_of_no_use(
    wishes: Wishes, valid: timedelta | None, after: timedelta
) -> None:
    assert PACKER.expires_at(wishes, valid, NOW) == NOW + after


def test_the_rows_of_what_is_parked_say_what_and_why() -> None:
    asked, packed = submission(1), parcel(send_class=C.UTILITY)
    because = Parked(NOW + HOUR, "schedule", "It was asked for at this hour.")
    row = parked_row(asked, packed, APPROVED, (because, NOW))
    assert (row.pool_id, row.message_id, row.phone_number_id) == (POOL, asked.message_id, NUMBER)
    assert (row.user_id, row.app_id) == (asked.candidate.user_id, "shop")
    assert (row.send_class, row.rank) == (C.UTILITY, 2)
    assert (row.due_at, row.expires_at, row.parked_at) == (NOW + HOUR, packed.expires_at, NOW)
    assert (row.rule, row.detail, row.code) == (because.rule, because.detail, None)
    assert (row.waba_id, row.path, row.sealed) == (packed.waba_id, packed.path, packed.sealed)
    assert (row.template_name, row.template_language) == KEY
    assert (row.type, row.category, row.correlated) == ("template", "UTILITY", True)


@pytest.mark.parametrize("correlated", [True, False])
def test_the_rows_of_a_free_form_message_name_no_template(*, correlated: bool) -> None:
    asked = submission(1, message=text(), correlated=correlated)
    row = parked_row(asked, parcel(), None, (Parked(NOW, "throughput", "long"), NOW))
    assert (row.type, row.correlated) == ("text", correlated)
    assert (row.template_name, row.template_language, row.category) == (None, None, None)
