"""Makes the ids of messages: unique everywhere, ordered by time (UUID version 7, RFC 9562)."""

import random
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
VERSION: Final = 0x7 << 76
VARIANT: Final = 0b10 << 62
RANDOM_HIGH: Final = 12
RANDOM_LOW: Final = 62
LOW_MASK: Final = (1 << RANDOM_LOW) - 1


class MessageIds:
    """Makes ids from the hour and `rng`, which has to be seeded differently in each process."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def new(self, now: datetime) -> UUID:
        """Return an id whose first 48 bits are the milliseconds of `now`."""
        drawn = self._rng.getrandbits(RANDOM_HIGH + RANDOM_LOW)
        high, low = drawn >> RANDOM_LOW << 64, drawn & LOW_MASK
        return UUID(int=_milliseconds(now) << 80 | VERSION | high | VARIANT | low)


def first_id_at(instant: datetime) -> UUID:
    """Return what is not above any id made at or after `instant` (to a millisecond)."""
    return UUID(int=max(_milliseconds(instant), 0) << 80)


def made_at(message_id: UUID) -> datetime:
    """Return the hour an id was made at, to a millisecond below."""
    return EPOCH + timedelta(milliseconds=message_id.int >> 80)


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
