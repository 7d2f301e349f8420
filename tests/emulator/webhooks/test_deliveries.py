import random

import orjson
import pytest

from gateway.emulator import Knobs
from gateway.emulator.webhooks.deliveries import (
    FIRST_RETRY_S,
    LARGEST_BODY,
    SLOWEST_RETRY_S,
    Deliveries,
    Delivery,
    body_of,
)
from gateway.emulator.webhooks.updates import Update


def update(name: str = "x", waba: str = "1", time: int | None = None) -> Update:
    return Update(waba, "messages", {"name": name}, time)


def fresh(knobs: Knobs | None = None, seed: int = 3) -> Deliveries:
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    return Deliveries(knobs or Knobs(), rng)


def names_of(delivery: Delivery) -> str:
    body = orjson.loads(delivery.body)
    return "".join(c["value"]["name"] for each in body["entry"] for c in each["changes"])


def taken(deliveries: Deliveries) -> list[str]:
    """Take everything; gives the names of the updates of each delivery."""
    bodies = []
    while (each := deliveries.next(0.0)) is not None:
        deliveries.was_taken(each)
        bodies.append(names_of(each))
    return bodies


def test_neighbours_of_one_account_share_an_entry() -> None:
    """Source: R§8.3: time on account fields, none on messages."""
    body = body_of([update("a"), update("b"), update("c", time=5), update("d", waba="2")])
    assert body == (
        b'{"object":"whatsapp_business_account","entry":['
        b'{"id":"1","changes":[{"field":"messages","value":{"name":"a"}},'
        b'{"field":"messages","value":{"name":"b"}}]},'
        b'{"id":"1","time":5,"changes":[{"field":"messages","value":{"name":"c"}}]},'
        b'{"id":"2","changes":[{"field":"messages","value":{"name":"d"}}]}]}'
    )


def test_by_call_each_call_has_bodies_of_its_own() -> None:
    deliveries = fresh(Knobs(batch_max=3))
    for call in ("ab", "", "cdefg"):
        for name in call:
            deliveries.add(update(name))
        deliveries.seal()
    deliveries.add(update("h"))
    assert deliveries.pending == 8
    assert taken(deliveries) == ["ab", "cde", "fg"]
    deliveries.seal()
    assert taken(deliveries) == ["h"]
    assert deliveries.pending == 0


def test_greedily_a_body_is_filled_with_whatever_waits() -> None:
    deliveries = fresh(Knobs(batching="greedy", batch_max=3))
    for call in ("ab", "cdefg"):
        for name in call:
            deliveries.add(update(name))
        deliveries.seal()
    assert taken(deliveries) == ["abc", "def", "g"]


@pytest.mark.parametrize("batching", ["by_call", "greedy"])
def test_a_body_is_no_larger_than_three_megabytes(batching: str) -> None:
    """Source: W-OVR, 17 Jun 2026 (R§8.1)."""
    deliveries = fresh(Knobs.model_validate({"batching": batching}))
    parts = [letter * 1_000_000 for letter in "abcdefg"]
    for part in parts:
        deliveries.add(update(part))
    deliveries.seal()
    bodies = []
    while (each := deliveries.next(0.0)) is not None:
        assert len(each.body) <= LARGEST_BODY
        bodies.append(names_of(each))
    assert "".join(bodies) == "".join(parts)
    assert len(bodies) == 4


def test_one_update_that_is_too_large_goes_out_all_the_same() -> None:
    deliveries = fresh()
    deliveries.add(update("a" * (LARGEST_BODY + 1)))
    deliveries.seal()
    assert len(taken(deliveries)) == 1


@pytest.mark.parametrize("batching", ["by_call", "greedy"])
def test_updates_are_lost_and_doubled_by_the_rates(batching: str) -> None:
    for rates, pending in (({"drop_rate": 1}, 0), ({"duplicate_rate": 1}, 20), ({}, 10)):
        deliveries = fresh(Knobs.model_validate({"batching": batching} | rates))
        for _ in range(10):
            deliveries.add(update())
        deliveries.seal()
        assert deliveries.pending == pending
        assert len("".join(taken(deliveries))) == pending


@pytest.mark.parametrize("batching", ["by_call", "greedy"])
def test_a_shuffle_loses_nothing_and_is_the_same_for_a_seed(batching: str) -> None:
    def shuffled(seed: int) -> list[str]:
        knobs = Knobs.model_validate({"batching": batching, "shuffle": True, "batch_max": 2})
        deliveries = fresh(knobs, seed)
        for call in ("abcd", "efgh", "ijkl"):
            for name in call:
                deliveries.add(update(name))
            deliveries.seal()
        return taken(deliveries)

    usual = "abcdefghijkl"
    assert "".join(sorted("".join(shuffled(3)))) == usual != "".join(shuffled(3))
    assert shuffled(3) == shuffled(3) != shuffled(4)


def test_by_call_a_shuffle_mixes_no_two_calls() -> None:
    deliveries = fresh(Knobs(shuffle=True))
    for call in ("abcd", "efgh", "ijkl"):
        for name in call:
            deliveries.add(update(name))
        deliveries.seal()
    assert {"".join(sorted(each)) for each in taken(deliveries)} == {"abcd", "efgh", "ijkl"}


def test_a_retry_comes_later_and_later() -> None:
    """Source: W-OVR, 17 Jun 2026 (R§8.1): at once, then with decreasing frequency."""
    deliveries = fresh()
    deliveries.add(update())
    deliveries.seal()
    now, waits = 0.0, []
    for _ in range(14):
        delivery = deliveries.next(now)
        assert delivery is not None
        assert deliveries.failed(delivery, now)
        assert deliveries.next(deliveries.soonest - 0.01) is None
        waits.append(round(deliveries.soonest - now, 3))
        now = deliveries.soonest
    assert waits == sorted(waits)
    assert waits[:2] == [FIRST_RETRY_S, 2 * FIRST_RETRY_S]
    assert waits[-1] == SLOWEST_RETRY_S


def test_a_delivery_is_given_up_after_the_horizon() -> None:
    """Source: W-OVR, 21 Apr 2026 (R§8.1, R§12.1 row 13)."""
    deliveries = fresh(Knobs(webhook_retry_horizon_s=100))
    for name in "ab":
        deliveries.add(update(name))
    deliveries.seal()
    delivery = deliveries.next(1000.0)
    assert delivery is not None
    assert deliveries.failed(delivery, 1099.0)
    assert deliveries.next(1100.0) is delivery
    assert not deliveries.failed(delivery, 1100.0)
    assert (deliveries.given_up, deliveries.pending) == (2, 0)


def test_a_hurried_retry_is_due_now() -> None:
    deliveries = fresh()
    deliveries.add(update())
    deliveries.seal()
    delivery = deliveries.next(50.0)
    assert delivery is not None
    deliveries.failed(delivery, 50.0)
    assert deliveries.next(50.0) is None
    deliveries.hurry()
    assert deliveries.next(50.0) is delivery


@pytest.mark.parametrize("batching", ["by_call", "greedy"])
def test_what_is_being_sent_is_not_forgotten(batching: str) -> None:
    deliveries = fresh(Knobs.model_validate({"batching": batching, "batch_max": 1}))
    for name in "abcd":
        deliveries.add(update(name))
        deliveries.seal()
    deliveries.add(update("e"))
    sending, failing = deliveries.next(0.0), deliveries.next(0.0)
    assert sending is not None
    assert failing is not None
    deliveries.failed(failing, 0.0)
    deliveries.forget()
    assert deliveries.pending == 1
    deliveries.was_taken(sending)
    assert deliveries.pending == 0
    assert deliveries.next(1e9) is None
