from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from gateway.outbound.told import event_of, view
from gateway.policy.lifecycle import MessageState
from gateway.policy.parcel import ParcelState
from gateway.store.fates import Fate
from tests.policy.making import HOUR, NOW, NUMBER, POOL

ONE, TWO = UUID(int=1), UUID(int=2)


def fate(state: MessageState, **changes: Any) -> Fate:
    plain: dict[str, Any] = dict.fromkeys(Fate._fields)
    plain |= {
        "pool_id": POOL,
        "message_id": ONE,
        "app_id": "shop",
        "phone_number_id": NUMBER,
        "state": state,
        "created_at": NOW,
    }
    return Fate(**plain | changes)


@pytest.mark.parametrize(
    ("state", "event"),
    [
        ("turned_away", "message.turned_away"),
        ("parked", None),
        ("expired", "message.expired"),
        ("cancelled", "message.cancelled"),
        ("reserved", None),
        ("in_doubt", None),
        ("unknown", "message.unknown"),
        ("accepted", "message.sent"),
        ("refused", "message.failed"),
        ("sent", "message.sent"),
        ("failed", "message.failed"),
        ("delivered", "message.sent"),
        ("read", "message.sent"),
    ],
)
def test_every_state_is_an_event_or_is_not_final(state: str, event: str | None) -> None:
    assert event_of(fate(MessageState(state))) == event


def test_no_state_was_forgotten() -> None:
    names = {event_of(fate(state)) for state in MessageState}
    assert len(names) == 7


def test_of_what_waits_the_app_is_told_why_and_until_when() -> None:
    told = view(
        fate(
            MessageState.PARKED,
            parcel_state=ParcelState.PARKED,
            waits_for="schedule",
            waits_because="asked for",
            due_at=NOW + HOUR,
            expires_at=NOW + 2 * HOUR,
            rule="messaging_limit",
            code=131048,
        )
    )
    assert told == {
        "id": ONE.hex,
        "state": "parked",
        "phone_number_id": NUMBER,
        "rule": "schedule",
        "reason": "asked for",
        "expected_at": NOW + HOUR,
        "expires_at": NOW + 2 * HOUR,
        "created_at": NOW,
    }


def test_what_an_operator_holds_is_told_to_be_held() -> None:
    assert view(fate(MessageState.PARKED, parcel_state=ParcelState.HELD))["state"] == "held"


def test_what_is_on_its_way_is_told_in_plain_words() -> None:
    assert view(fate(MessageState.RESERVED))["state"] == "sending"


def test_of_what_was_sent_and_failed_the_app_is_told_when_and_why() -> None:
    told = view(
        fate(
            MessageState.FAILED,
            wamid="wamid.1",
            code=131026,
            detail="Not on WhatsApp",
            failed_at=NOW + timedelta(seconds=3),
            resend_of=TWO,
            resent_as=ONE,
        )
    )
    assert told["wamid"] == "wamid.1"
    assert told["error"]["code"] == 131026
    assert told["error"]["details"] == "Not on WhatsApp"
    assert told["error"]["title"]
    assert (told["resend_of"], told["resent_as"]) == (TWO.hex, ONE.hex)
    assert told["failed_at"] == NOW + timedelta(seconds=3)
    assert "reason" not in told


def test_nobody_is_told_whom_it_was_for() -> None:
    assert "user_id" not in Fate._fields
