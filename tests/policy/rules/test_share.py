import pytest

from gateway.policy.facts import PoolFacts, UserFacts
from gateway.policy.rules.share import rule
from gateway.policy.send_class import SendClass
from gateway.policy.shares import Share
from gateway.whatsapp.message import Message
from gateway.whatsapp.number import UNLIMITED
from gateway.whatsapp.recipient import RecipientKind
from tests.policy.making import DAY, HOUR, KNOBS, NOW, changed, facts, pool, template, text

MARKETING = "class:marketing"
SHARES = {MARKETING: Share(cap=0.8), "app:bank": Share(reserve=0.2)}
AT_CAP = pool(shares=SHARES, usage={MARKETING: 80}, counted=80)
KEPT = pool(shares=SHARES, usage={"class:utility": 80}, counted=80)


def test_while_there_is_enough_for_all_nobody_is_refused() -> None:
    plenty = pool(shares=SHARES, usage={MARKETING: 79}, counted=79)
    known = facts(pool=plenty, send_class=SendClass.MARKETING, app_id="shop")
    assert rule(template(), known, KNOBS, NOW) is None


def test_a_holder_at_its_cap_waits_for_its_own_oldest_slot() -> None:
    waits = changed(
        AT_CAP, next_share_at={MARKETING: NOW + 3 * HOUR, "app:shop": NOW}, next_slot_at=NOW + HOUR
    )
    known = facts(pool=waits, send_class=SendClass.MARKETING, app_id="shop")
    objection = rule(template(), known, KNOBS, NOW)
    assert objection is not None
    assert (objection.rule, objection.code) == ("share", 131048)
    assert objection.until == NOW + 3 * HOUR
    assert "limit of 100 users class:marketing may use 80% at the most" in objection.details
    assert "2026-11-23 13:00:00 UTC" in objection.details


def test_what_is_kept_for_others_waits_for_any_slot() -> None:
    waits = changed(KEPT, next_slot_at=NOW + HOUR)
    known = facts(pool=waits, send_class=SendClass.UTILITY, app_id="shop")
    objection = rule(template(), known, KNOBS, NOW)
    assert objection is not None
    assert objection.until == NOW + HOUR
    assert "20 are kept for others" in objection.details


@pytest.mark.parametrize("full", [AT_CAP, KEPT], ids=["cap", "kept"])
def test_where_no_hour_is_known_all_slots_are_of_this_instant(full: PoolFacts) -> None:
    known = facts(pool=full, send_class=SendClass.MARKETING, app_id="shop")
    objection = rule(template(), known, KNOBS, NOW)
    assert objection is not None
    assert objection.until == NOW + DAY


def test_the_reserve_is_there_for_its_holder() -> None:
    known = facts(pool=KEPT, send_class=SendClass.UTILITY, app_id="bank")
    assert rule(template(), known, KNOBS, NOW) is None


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        (text(), {"window_open": True}),
        (template(), {"window_open": True}),
        (template(RecipientKind.GROUP), {}),
        (template(), {"user": UserFacts(reached_at=NOW - HOUR)}),
        (template(), {"pool": changed(AT_CAP, shares={})}),
        (template(), {"pool": changed(AT_CAP, messaging_limit=UNLIMITED)}),
    ],
    ids=["reply", "template in a window", "group", "counts", "no shares", "unlimited"],
)
def test_what_takes_no_share_passes(message: Message, changes: dict[str, object]) -> None:
    known = facts(**{"pool": AT_CAP, "send_class": SendClass.MARKETING, **changes})
    assert rule(message, known, KNOBS, NOW) is None


def test_a_row_that_has_aged_but_was_not_swept_is_its_users_own() -> None:
    aged = UserFacts(reached_at=NOW - DAY)
    known = facts(pool=KEPT, user=aged, send_class=SendClass.UTILITY, app_id="shop")
    assert rule(template(), known, KNOBS, NOW) is None
    fuller = facts(
        pool=changed(KEPT, counted=81), user=aged, send_class=SendClass.UTILITY, app_id="shop"
    )
    assert rule(template(), fuller, KNOBS, NOW) is not None
