from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gateway.store.message_ids import MessageIds, first_id_at, made_at
from tests.policy.making import NOW

# hypothesis adds the time zone itself.
EPOCH, END = datetime(1970, 1, 1), datetime(9999, 1, 1)  # noqa: DTZ001
instants = st.datetimes(EPOCH, END, timezones=st.just(UTC))
MILLISECOND = timedelta(milliseconds=1)


def ids_of(seed: int) -> MessageIds:
    return MessageIds(Random(seed))  # noqa: S311 - ids, not secrets


def test_an_id_is_a_uuid_of_version_7() -> None:
    """Source: RFC 9562, 5.7."""
    made = ids_of(1).new(NOW)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == int(NOW.timestamp() * 1000)


@given(instants, instants, st.integers())
def test_ids_are_ordered_by_time_to_the_millisecond(
    one: datetime, other: datetime, seed: int
) -> None:
    ids = ids_of(seed)
    if abs(one - other) > MILLISECOND:
        assert (ids.new(one) < ids.new(other)) is (one < other)


@given(instants, st.integers())
def test_no_id_of_an_instant_is_below_the_first_id_at_it(at: datetime, seed: int) -> None:
    assert first_id_at(at) <= ids_of(seed).new(at)


@given(st.datetimes(EPOCH + timedelta(days=1), END, timezones=st.just(UTC)))
def test_every_id_of_a_millisecond_before_is_below_it(at: datetime) -> None:
    earlier = ids_of(1).new(at - 2 * MILLISECOND)
    assert earlier < first_id_at(at)


@given(instants, st.integers())
def test_an_id_tells_when_it_was_made_to_the_millisecond(at: datetime, seed: int) -> None:
    assert abs(at - made_at(ids_of(seed).new(at))) <= MILLISECOND


def test_before_the_epoch_every_id_is_later() -> None:
    assert first_id_at(datetime(1960, 1, 1, tzinfo=UTC)) == UUID(int=0)


def test_ids_of_one_instant_differ() -> None:
    ids = ids_of(1)
    assert len({ids.new(NOW) for _ in range(10_000)}) == 10_000


def test_processes_with_seeds_of_their_own_never_meet() -> None:
    one, other = (ids_of(seed) for seed in (1, 2))
    assert not {one.new(NOW) for _ in range(1000)} & {other.new(NOW) for _ in range(1000)}
