import random
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.rate_shares import (
    GRACE,
    LEASE,
    Grant,
    Share,
    alone,
    capacity,
    fair,
    fill,
    grant_of,
    settle,
)
from tests.policy.making import NOW, changed
from tests.policy.shared_number import LEASE_S, SQUEEZED_S, World, after, fullest, world_of

ONE, TWO = UUID(int=1), UUID(int=2)
GRACE_S = GRACE.total_seconds()
PLENTY = 10_000.0


def share(who: UUID, demand: float | None, granted: float = 0.0, inbound: float = 0.0) -> Share:
    """Make a share that was settled just now."""
    ends = NOW + LEASE
    return Share(who, demand, inbound, granted, ends, ends if granted else None)


def granted(level: float, own: Share, *others: Share, at: datetime = NOW) -> float:
    return settle(level, own, others, at).granted


def settled(level: float, *demands: float, rounds: int = 3) -> list[float]:
    """Return what processes with these demands have after some rounds, sorted as they are given."""
    shares = [share(UUID(int=place + 1), demand) for place, demand in enumerate(demands)]
    for second in range(rounds):
        # Whoever comes first in one round comes last in the next.
        for place in sorted(range(len(shares)), reverse=bool(second % 2)):
            others = shares[:place] + shares[place + 1 :]
            shares[place] = settle(level, shares[place], others, NOW)
    return [each.granted for each in shares]


# --- the bucket


def test_a_bucket_saves_up_ten_milliseconds() -> None:
    assert grant_of(80.0) == Grant(80.0, 1.8)
    assert grant_of(0.0) == Grant(0.0, 1.0)
    assert grant_of(80 + 1e-9) == grant_of(80.0)


@pytest.mark.parametrize(
    ("level", "percent"),
    [
        (1000, [95.5, 95.5, 95.5, 95.5, 95.5]),
        (80, [95.5, 95.5, 95.1, 93.9, 92.7]),
        (20, [95.5, 92.7, 87.8, 82.9, 78.0]),
    ],
)
def test_each_holder_costs_a_message_a_second(level: int, percent: list[float]) -> None:
    used = [round(capacity(level, holders) / level * 100, 1) for holders in range(1, 6)]
    assert used == percent
    assert alone(level) == grant_of(capacity(level, 1))


def test_more_holders_than_messages_can_send_nothing() -> None:
    assert capacity(3, 4) == 0
    assert capacity(3, 40) == 0


def bucket(grant: Grant, end_s: float, first_s: float) -> list[float]:
    """Return when a bucket lets through what it can, from a moment on at which it is full."""
    times, tokens, at = [], grant.burst, first_s
    while at < end_s:
        times.append(at)
        tokens -= 1
        wait_s = max((1 - tokens) / grant.rate, 0.0)
        tokens = min(tokens + wait_s * grant.rate, grant.burst)
        at += wait_s
    return times


@pytest.mark.parametrize("holders", [1, 2, 3, 5])
@pytest.mark.parametrize("level", [20, 80, 1000])
def test_full_buckets_never_overrun_a_squeezed_second(level: int, holders: int) -> None:
    rng = random.Random(level + holders)  # noqa: S311 - phases
    grant = grant_of(capacity(level, holders) / holders)
    for _ in range(50):
        starts = [5 + rng.random() / level * rng.choice([0, 1, 3]) for _ in range(holders)]
        times = sorted(at for start in starts for at in bucket(grant, 9.0, start))
        assert fullest(times, SQUEEZED_S) <= level
        if (level, holders) not in {(20, 2), (20, 3), (20, 5), (80, 5)}:
            assert len(times) / 4 >= 0.95 * level - holders


# --- one settlement


@pytest.mark.parametrize("level", [20, 80, 1000])
@pytest.mark.parametrize("demand", [0.0, 1.0, PLENTY])
def test_who_is_alone_has_it_all(level: int, demand: float) -> None:
    after_it = settle(level, share(ONE, demand), [], NOW)
    assert after_it.granted == pytest.approx(capacity(level, 1))
    assert after_it.leased_until == after_it.held_until == NOW + LEASE


@pytest.mark.parametrize("level", [20, 80, 1000])
@pytest.mark.parametrize("busy", [1, 2, 3, 5])
def test_the_busy_divide_it_evenly(level: int, busy: int) -> None:
    found = settled(level, *[PLENTY] * busy, rounds=6)
    assert found == pytest.approx([capacity(level, busy) / busy] * busy)


def test_who_wants_less_gets_what_it_wants_and_the_others_the_rest() -> None:
    small, one, other = settled(80, 8.0, 500.0, 90.0)
    assert small == pytest.approx(10.0)
    assert one == other == pytest.approx((capacity(80, 3) - 10) / 2)


def test_who_wants_nothing_has_nothing_once_it_is_scarce() -> None:
    assert settled(80, 0.0, PLENTY, 0.0) == pytest.approx([0, capacity(80, 1), 0])


def test_while_there_is_plenty_the_idle_hold_a_share_too() -> None:
    idle, busy = settled(80, 0.0, 20.0)
    assert idle == pytest.approx((capacity(80, 2) - 22) / 2)
    assert busy == pytest.approx(22 + idle)


def test_who_takes_no_part_has_nothing() -> None:
    assert granted(80, share(ONE, None)) == 0
    assert granted(80, share(ONE, 0.0), share(TWO, None)) == pytest.approx(capacity(80, 1))


def test_nobody_takes_what_another_holds() -> None:
    held = share(TWO, 0.0, capacity(80, 1))
    assert granted(80, share(ONE, PLENTY), held) == 0
    half = changed(held, granted=40.0)
    assert granted(80, share(ONE, PLENTY), half) == pytest.approx(capacity(80, 2) - 40)


def test_what_was_given_up_costs_its_message_for_a_moment() -> None:
    gone = changed(share(TWO, 0.0), held_until=NOW)
    assert granted(20, share(ONE, PLENTY), gone) == pytest.approx(capacity(20, 2))
    until = NOW + GRACE
    assert granted(20, share(ONE, PLENTY), gone, at=until) == pytest.approx(capacity(20, 1))


def test_giving_up_is_remembered() -> None:
    holding = share(ONE, 0.0, 30.0)
    busy = share(TWO, PLENTY)
    after_it = settle(80, holding, [busy], after(1))
    assert (after_it.granted, after_it.held_until) == (0, after(1))
    again = settle(80, after_it, [busy], after(2))
    assert again.held_until == after(1)
    assert not again.holds(after(1 + GRACE_S))


def test_the_share_of_the_dead_is_free_within_ten_seconds() -> None:
    dead = share(TWO, PLENTY, capacity(80, 1))
    almost, over = LEASE_S + GRACE_S - 0.001, LEASE_S + GRACE_S
    assert granted(80, share(ONE, PLENTY), dead, at=after(almost)) == 0
    assert granted(80, share(ONE, PLENTY), dead, at=after(over)) == pytest.approx(76.4)
    assert over < 10


def test_inbound_of_all_processes_is_left_out() -> None:
    own, other = share(ONE, PLENTY, inbound=10.0), share(TWO, None, inbound=20.4)
    assert granted(80, own, other) == pytest.approx(capacity(49, 1))
    assert granted(80, own, other, at=after(6)) == pytest.approx(capacity(70, 1))


def test_however_much_users_write_one_message_a_second_may_be_answered() -> None:
    assert granted(80, share(ONE, PLENTY, inbound=500.0)) == pytest.approx(capacity(1, 1))


def test_a_lower_level_is_followed_at_once() -> None:
    assert granted(40.9, share(ONE, PLENTY, 76.4)) == pytest.approx(capacity(40, 1))


def test_where_not_one_message_a_second_is_left_for_each_the_busiest_have_it_all() -> None:
    found = settled(4, 3.0, 50.0, 60.0, 2.0, rounds=6)
    assert found == pytest.approx([0, capacity(4, 2) / 2, capacity(4, 2) / 2, 0])


@pytest.mark.parametrize(
    ("needs", "parts"),
    [
        ([10, 10], [50, 50]),
        ([90, 90], [50, 50]),
        ([10, 200], [10, 90]),
        ([10, 30, 200, 300], [10, 30, 30, 30]),
        ([0, 40], [30, 70]),
    ],
)
def test_it_is_divided_max_min_fair(needs: list[float], parts: list[float]) -> None:
    names = [UUID(int=place + 1) for place in range(len(needs))]
    assert list(fill(100.0, dict(zip(names, needs, strict=True))).values()) == pytest.approx(parts)


def test_nothing_is_divided_among_nobody() -> None:
    assert fill(100.0, {}) == {}


# --- what may be reckoned with


@pytest.mark.parametrize("demand", [None, 0.0, 1.0, PLENTY])
def test_whoever_wants_little_yet_may_reckon_with_as_much_as_the_busy_have(
    demand: float | None,
) -> None:
    busy = [share(UUID(int=place), PLENTY, 38.0) for place in (2, 3)]
    assert fair(80, share(ONE, demand), busy, NOW) == pytest.approx(capacity(80, 3) / 3)


def test_what_the_others_do_not_need_may_be_reckoned_with() -> None:
    others = [share(TWO, 8.0, 10.0), share(UUID(int=3), None)]
    assert fair(80, share(ONE, 0.0), others, NOW) == pytest.approx(capacity(80, 2) - 10)
    assert fair(80, share(ONE, 0.0), [], NOW) == pytest.approx(capacity(80, 1))


# --- many settlements


PLACES = st.integers(0, 4)
DEEDS = st.one_of(
    st.tuples(st.just("settle"), PLACES),
    st.tuples(st.just("begin"), PLACES),
    st.tuples(st.just("finish"), PLACES),
    st.tuples(st.just("replace"), PLACES),
    st.tuples(st.just("wait"), st.sampled_from([0.05, 0.25, 0.25, 1.0, 3.0, 7.0])),
    st.tuples(st.just("want"), st.tuples(PLACES, st.sampled_from([0.0, 1.0, 10.0, 90.0, 5000.0]))),
)
SKEWS = st.lists(st.floats(-0.49, 0.49), min_size=5, max_size=5)


def live(world: World, deeds: Sequence[tuple[str, object]]) -> None:
    for deed, what in deeds:
        match deed, what:
            case "want", (int(place), float(demand)):
                world.processes[place].demand = demand
            case _:
                getattr(world, deed)(what)
        world.check()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([3, 20, 80, 1000]), SKEWS, st.lists(DEEDS, max_size=60))
def test_the_sum_never_exceeds_and_becomes_fair(
    level: int, skews: Sequence[float], deeds: Sequence[tuple[str, object]]
) -> None:
    world = world_of(level, skews)
    live(world, deeds)
    # Whatever has happened: when the dead are forgotten, a few rounds make it fair.
    world.wait(LEASE_S + GRACE_S + 1)
    wanting = [each for each in world.processes if each.demand > 0]
    for _ in range(16):
        for place in range(5):
            world.settle(place)
            world.check()
        world.wait(0.25)
    rates = [each.granted for each in wanting]
    if level >= 20 and sum(each.demand for each in wanting) > 2 * level:
        total = capacity(level, len(wanting))
        assert sum(each.granted for each in world.processes) == pytest.approx(total)
        # Max-min: who has less than another has as much as it needs.
        for each in wanting:
            assert each.granted >= min(max(rates), each.demand + 2) - 0.001


@pytest.mark.parametrize("level", [20, 80])
def test_buckets_that_follow_a_wild_history_never_overrun_a_squeezed_second(level: int) -> None:
    rng = random.Random(level)  # noqa: S311 - a history
    world = world_of(level, [rng.uniform(-0.49, 0.49) for _ in range(5)])
    for _ in range(4000):
        place = rng.randrange(5)
        deed = rng.choices(["settle", "want", "replace", "wait"], [60, 10, 1, 30])[0]
        if deed == "wait":
            world.wait(rng.uniform(0.01, 0.4))
        elif deed == "want":
            world.processes[place].demand = rng.choice([0.0, 0.0, 5.0, PLENTY])
        else:
            getattr(world, deed)(place)
        world.check()
    times = world.sent()
    assert len(times) > 0.6 * level * world.now_s
    assert fullest(times, SQUEEZED_S - 0.001) <= level


def test_an_idle_share_is_the_busy_ones_after_a_round_of_each() -> None:
    world = world_of(80, [0.0] * 2)
    for place in (0, 1, 0, 1):
        world.settle(place)
    assert [each.granted for each in world.processes] == pytest.approx([38.2, 38.2])
    world.processes[0].demand = PLENTY
    for place in (0, 1, 0):
        world.settle(place)
    assert [each.granted for each in world.processes] == pytest.approx([76.4, 0])
