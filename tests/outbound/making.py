"""Makes submissions and places in a line for tests of the outbound room."""

from datetime import timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from gateway.outbound.audience import Audience
from gateway.outbound.pacing import Line, Wanted
from gateway.outbound.submission import Submission
from gateway.policy.parcel import Parcel
from gateway.policy.send_class import SendClass
from gateway.store.message_ids import MessageIds
from gateway.whatsapp.ids import UserId
from tests.policy.making import HOUR, NOW, WABA, candidate, changed

UNANSWERED: Final = timedelta(seconds=120)
IDS: Final = MessageIds(Random(7))  # noqa: S311 - ids, not secrets


def submission(user: int = 1, *, correlated: bool = True, **changes: Any) -> Submission:
    """Make a submission to the user with this number; `changes` are of the candidate."""
    asked = candidate(user, **{"app_id": "shop", **changes})
    return Submission(new_id(), asked.app_id, asked, correlated)


def parcel(**changes: Any) -> Parcel:
    """Make a parcel that may wait for an hour."""
    plain = Parcel(
        waba_id=WABA,
        send_class=SendClass.UTILITY,
        path="/v25.0/1/messages",
        sealed=b"sealed",
        expires_at=NOW + HOUR,
        waits=True,
        resends=False,
    )
    return changed(plain, **changes)


def new_id() -> UUID:
    """Return an id that no other message has."""
    return IDS.new(NOW)


def user(number: int) -> UserId:
    """Return the user with this number."""
    return candidate(number).user_id


def wanted(
    most_wait_s: float = 1e9, send_class: SendClass = SendClass.MARKETING, app_id: str = "shop"
) -> Wanted:
    """Say what a place is wanted for; to begin with, by somebody who has all the time."""
    return Wanted(send_class, app_id, most_wait_s)


async def enter(line: Line, most_wait_s: float = 1e9) -> None:
    """Take a place at the desk."""
    await line.enter(wanted(most_wait_s), Audience())
