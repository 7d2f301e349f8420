from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.facts import RestrictionFacts
from gateway.policy.knobs import Knobs
from gateway.policy.lanes import Sender
from gateway.policy.paces import Paces
from gateway.policy.preflight import MOST_SLICES, Campaign, Course, Plan, plan
from gateway.policy.send_class import SendClass
from gateway.policy.shares import DEFAULT, Share
from gateway.policy.slots import MICROSECOND, Leaving, Supply
from gateway.whatsapp.number import UNLIMITED, NumberStatus, QualityRating, Regime
from gateway.whatsapp.restriction import RestrictionType
from gateway.whatsapp.template import TemplateStatus
from tests.policy.brute_force import BruteForce
from tests.policy.making import (
    DAY,
    HOUR,
    INSTANT,
    KEY,
    MARKETING,
    NOW,
    SECOND_NUMBER,
    number,
)

INSTANTLY = 1_000_000_000
QUIET = Knobs(off=frozenset({"activity"}))
MINUTE = timedelta(minutes=1)


def sender(**changes: Any) -> Sender:
    plain = Sender(number(), INSTANTLY, QUIET, KEY, MARKETING, templates_known=True)
    return replace(plain, **changes)


def supply(limit: int = 100, leaving: Sequence[Leaving] = (), **changes: Any) -> Supply:
    plain = Supply(Regime.PORTFOLIO, limit, 0.0, leaving, shares={})
    return replace(plain, **changes)


def campaign(new: int, **changes: Any) -> Campaign:
    plain = Campaign([sender()], supply(), SendClass.MARKETING, "shop", new)
    return replace(plain, **changes)


def told(planned: Plan) -> list[tuple[timedelta, timedelta, int, str]]:
    return [(s.at - NOW, s.until - NOW, s.messages, s.hold.rule) for s in planned.slices]


def check(asked: Campaign) -> int:
    """Fold the plan message by message: all are admitted, none would have been any earlier.

    Returns how many the plan lets go.
    """
    desk = BruteForce(asked)
    counted = [name for name in desk.ledger if name.startswith("counted")]
    course = Course(asked, NOW)
    gone = 0
    for gone, departure in enumerate(course.departures(), start=1):
        at = NOW + departure.at * MICROSECOND
        while counted and desk.ledger[counted[0]].reached_at <= at - DAY:
            counted.pop(0)
        user = counted.pop(0) if counted else f"new{gone}"
        if departure.hold.rule != "throughput":
            verdict = desk.fold(user, at - INSTANT).verdicts[0]
            assert verdict.decisive is not None, departure
        assert desk.send(user, at) is None, departure
    assert course.left == asked.new + sum(each.slots for each in asked.counted) - gone
    assert (course.reason is None) <= (course.left == 0)
    return gone


CLASSES = st.sampled_from([SendClass.MARKETING, SendClass.UTILITY])
SHARES: dict[str, Share] = {
    "class:marketing": Share(cap=0.6),
    "class:utility": Share(reserve=0.3),
    "app:shop": Share(reserve=0.1, cap=0.9),
    "app:crm": Share(reserve=0.2),
}
AHEAD = st.timedeltas(INSTANT, DAY)


@st.composite
def campaigns(draw: st.DrawFn) -> Campaign:
    regime = draw(st.sampled_from(Regime))
    limit = draw(st.integers(1, 12) | st.just(UNLIMITED))
    held = st.builds(
        Leaving,
        AHEAD.map(lambda by: NOW + by),
        st.integers(1, 2),
        CLASSES,
        st.sampled_from(["shop", "crm"]),
    )
    ago = st.none() | st.timedeltas(-3 * DAY, timedelta(0)).map(lambda by: NOW + by)
    knobs = Knobs(
        activity_floor=0.0,
        activity_floor_users=draw(st.integers(1, 16)),
        warm_up_users=draw(st.integers(1, 4)),
        recovery_start=0.3,
        off=frozenset(
            draw(st.sets(st.sampled_from(["activity", "share", "restriction", "pair_rate"])))
        ),
        shadow=frozenset(draw(st.sets(st.just("share")))),
    )
    from_now = st.none() | st.timedeltas(-HOUR, 2 * HOUR).map(lambda by: NOW + by)
    facts = number(
        quality_rating=QualityRating.GREEN,
        active_since=draw(ago),
        recovering_since=draw(ago),
        usual_users_hour=draw(st.integers(0, 2)),
        usual_users_day=draw(st.integers(0, 9)),
        restricted_until=draw(from_now),
        restricted_by=draw(st.sampled_from(["meta", "ledger"])),
        flagged_until=draw(from_now),
    )
    paces = Paces(draw(from_now), draw(from_now), draw(from_now))
    restrictions: tuple[RestrictionFacts, ...] = ()
    if draw(st.booleans()):
        kind = RestrictionType.RESTRICTED_BIZ_INITIATED_MESSAGING
        restrictions = (RestrictionFacts(kind, NOW + draw(AHEAD)),)
    return Campaign(
        [sender(number=facts, knobs=knobs, paces=paces, restrictions=restrictions)],
        Supply(
            regime,
            limit,
            draw(st.sampled_from([0.0, 0.05, 0.3])),
            draw(st.lists(held, max_size=8)),
            draw(st.sampled_from([{}, DEFAULT, SHARES])),
        ),
        SendClass.MARKETING,
        draw(st.sampled_from(["shop", "crm", "other"])),
        draw(st.integers(0, 40)),
        draw(st.lists(held, max_size=6)),
    )


@given(campaigns())
def test_the_desk_admits_the_plan_and_nothing_any_earlier(asked: Campaign) -> None:
    check(asked)


@given(st.integers(1, 20), st.integers(1, 4), st.integers(0, 60), st.integers(1, 50))
def test_several_numbers_share_one_limit(
    limit: int, numbers: int, new: int, throughput: int
) -> None:
    senders = [
        sender(number=number(phone_number_id=str(n)), throughput=throughput) for n in range(numbers)
    ]
    course = Course(campaign(new, senders=senders, supply=supply(limit)), NOW)
    instants = [departure.at for departure in course.departures()]
    assert len(instants) == new
    assert instants == sorted(instants)
    for first, after in zip(instants, instants[limit:], strict=False):
        assert after - first >= DAY // MICROSECOND


def test_what_is_free_goes_now_and_the_rest_as_slots_come_free() -> None:
    leaving = [Leaving(NOW + HOUR, 30), Leaving(NOW + 2 * HOUR, 50)]
    planned = plan(campaign(50, supply=supply(100, leaving)), NOW)
    throughput = 19 * INSTANT
    assert told(planned) == [
        (timedelta(0), throughput, 20, "throughput"),
        (HOUR, HOUR + 29 * INSTANT, 30, "messaging_limit"),
    ]
    assert (planned.now_count, planned.last_at) == (20, NOW + HOUR + 29 * INSTANT)
    assert (planned.unplanned, planned.reason) == (0, None)


def test_days_are_counted_by_utc() -> None:
    planned = plan(campaign(250), NOW)
    assert planned.days == (
        (date(2026, 11, 23), 100),
        (date(2026, 11, 24), 100),
        (date(2026, 11, 25), 50),
    )
    assert [s.messages for s in planned.slices] == [100, 100, 50]


def test_a_number_that_reaches_its_limit_is_restricted_for_a_day() -> None:
    asked = campaign(25, supply=supply(10, regime=Regime.PER_NUMBER))
    planned = plan(asked, NOW)
    assert [(s.messages, s.hold.rule) for s in planned.slices] == [
        (10, "throughput"),
        (10, "restriction"),
        (5, "restriction"),
    ]
    assert planned.slices[1].at == planned.slices[0].until + DAY


def test_who_counts_goes_first_and_costs_nothing_unless_their_slot_leaves_before() -> None:
    counted = [Leaving(NOW + MINUTE, 2), Leaving(NOW + HOUR, 3)]
    full = supply(5)
    planned = plan(campaign(0, supply=full, counted=counted), NOW)
    assert told(planned) == [(timedelta(0), 4 * INSTANT, 5, "throughput")]
    shut = sender(number=number(restricted_until=NOW + MINUTE))
    planned = plan(campaign(1, senders=[shut], supply=full, counted=counted), NOW)
    # Two lapse meanwhile and get the slots they have left; all five then hold theirs for a day.
    assert [(s.at - NOW, s.messages, s.hold.rule) for s in planned.slices] == [
        (MINUTE, 5, "restriction"),
        (MINUTE + DAY, 1, "messaging_limit"),
    ]
    assert planned.now_count == 0


def test_the_wire_bounds_the_pace() -> None:
    planned = plan(
        campaign(955 * 60, senders=[sender(throughput=1000)], supply=supply(UNLIMITED)), NOW
    )
    (only,) = planned.slices
    assert (only.messages, only.hold.rule) == (955 * 60, "throughput")
    assert timedelta(seconds=59.9) < only.until - only.at < timedelta(seconds=60.1)
    twice = [
        sender(throughput=1000),
        sender(throughput=1000, number=number(phone_number_id=SECOND_NUMBER)),
    ]
    last = plan(campaign(955 * 60, senders=twice, supply=supply(UNLIMITED)), NOW).last_at
    assert last is not None
    assert last - NOW < timedelta(seconds=30.1)


def test_a_new_number_grows_from_day_to_day() -> None:
    knobs = Knobs(warm_up_users=8, warm_up_growth=2.0, off=frozenset({"share"}))
    young = sender(number=number(active_since=NOW), knobs=knobs)
    planned = plan(campaign(60, senders=[young]), NOW)
    rules = {s.hold.rule for s in planned.slices}
    assert rules == {"throughput", "activity"}
    in_24_hours = Counter(
        departure.at * MICROSECOND // DAY
        for departure in Course(campaign(56, senders=[young]), NOW).departures()
    )
    first, second, third = (in_24_hours[day] for day in range(3))
    assert 0 < first < second < third
    assert (first <= 8, second <= 16, third <= 32) == (True, True, True)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"number": number(status=NumberStatus.BANNED)}, "account"),
        ({"number": number(quality_rating=QualityRating.RED)}, "quality"),
        ({"template": None}, "template"),
        ({"template": replace(MARKETING, status=TemplateStatus.DISABLED)}, "template"),
        (
            {"restrictions": (RestrictionFacts(RestrictionType.UNKNOWN, None),)},
            "restriction",
        ),
    ],
)
def test_what_nobody_knows_the_end_of_is_told_instead_of_a_plan(
    changes: dict[str, Any], rule: str
) -> None:
    planned = plan(campaign(3, senders=[sender(**changes)]), NOW)
    assert (planned.slices, planned.now_count, planned.last_at) == ((), 0, None)
    assert planned.unplanned == 3
    assert planned.reason is not None
    assert planned.reason.rule == rule


def test_one_open_number_is_enough() -> None:
    banned = sender(number=number(status=NumberStatus.BANNED))
    other = sender(number=number(phone_number_id=SECOND_NUMBER))
    planned = plan(campaign(3, senders=[banned, other]), NOW)
    assert (planned.now_count, planned.unplanned, planned.reason) == (3, 0, None)


def test_nothing_ever_leaves_where_a_class_has_no_share() -> None:
    shares = {"class:marketing": Share(cap=0.0)}
    planned = plan(campaign(3, supply=supply(shares=shares)), NOW)
    assert (planned.slices, planned.unplanned) == ((), 3)
    assert planned.reason is not None
    assert planned.reason.rule == "share"


def test_nothing_is_planned_beyond_the_horizon() -> None:
    planned = plan(campaign(400, supply=supply(1)), NOW)
    assert (planned.unplanned, planned.last_at) == (33, None)
    assert [(s.messages, s.hold.rule) for s in planned.slices] == [
        (1, "throughput"),
        (366, "messaging_limit"),
    ]
    assert planned.reason is not None
    assert planned.reason.sentence.startswith("Not within 366 days. The messaging limit of 1 users")


def test_an_empty_campaign_has_an_empty_plan() -> None:
    assert plan(campaign(0), NOW) == Plan((), (), 0, None)


def test_slots_that_come_free_here_and_there_make_no_endless_list() -> None:
    leaving = [
        Leaving(NOW + n * timedelta(minutes=2) + n % 7 * timedelta(seconds=20)) for n in range(600)
    ]
    asked = campaign(600, supply=supply(600, leaving))
    planned = plan(asked, NOW)
    assert 1 < len(planned.slices) <= MOST_SLICES
    assert sum(s.messages for s in planned.slices) == 600
    ends = [instant for s in planned.slices for instant in (s.at, s.until)]
    assert ends == sorted(ends)


def test_the_rules_of_a_mode_that_only_counts_hold_nothing_back() -> None:
    everything = frozenset({"activity", "messaging_limit", "share", "restriction"})
    for knobs in (Knobs(shadow=everything), Knobs(off=everything)):
        free = sender(knobs=knobs, number=number(restricted_until=NOW + DAY))
        planned = plan(campaign(500, senders=[free]), NOW)
        assert told(planned) == [(timedelta(0), 499 * INSTANT, 500, "throughput")]
