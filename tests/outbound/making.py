"""Makes submissions for tests of the outbound room."""

from random import Random
from typing import Any, Final
from uuid import UUID

from gateway.outbound.submission import Submission
from gateway.store.message_ids import MessageIds
from gateway.whatsapp.ids import UserId
from tests.policy.making import NOW, candidate

IDS: Final = MessageIds(Random(7))  # noqa: S311 - ids, not secrets


def submission(user: int = 1, *, correlated: bool = True, **changes: Any) -> Submission:
    """Make a submission to the user with this number; `changes` are of the candidate."""
    asked = candidate(user, **{"app_id": "shop", **changes})
    return Submission(new_id(), asked.app_id, asked, correlated)


def new_id() -> UUID:
    """Return an id that no other message has."""
    return IDS.new(NOW)


def user(number: int) -> UserId:
    """Return the user with this number."""
    return candidate(number).user_id
