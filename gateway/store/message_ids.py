"""Makes the ids of messages: unique everywhere, ordered by time (UUID version 7, RFC 9562)."""

import random
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

# One of the standard library's, made in a tenth of the time.
from asyncpg.pgproto import pgproto

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
VERSION: Final = 0x7 << 76
VARIANT: Final = 0b10 << 62
FIXED: Final = 0xF << 76 | 0b11 << 62
RANDOM_BYTES: Final = 10
DRAWN_AT_ONCE: Final = 100
"""To ask the system for ten bytes costs more than all the rest of an id."""


class MessageIds:
    """Makes ids from the hour and `rng`, which has to be seeded differently in each process."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._drawn: list[bytes] = []

    def new(self, now: datetime) -> UUID:
        """Return an id whose first 48 bits are the milliseconds of `now`."""
        if not self._drawn:
            self._draw()
        made: UUID = pgproto.UUID(_milliseconds(now).to_bytes(6) + self._drawn.pop())
        return made

    def _draw(self) -> None:
        drawn = self._rng.randbytes(RANDOM_BYTES * DRAWN_AT_ONCE)
        for start in range(0, len(drawn), RANDOM_BYTES):
            bits = int.from_bytes(drawn[start : start + RANDOM_BYTES]) & ~FIXED | VERSION | VARIANT
            self._drawn.append(bits.to_bytes(RANDOM_BYTES))


def first_id_at(instant: datetime) -> UUID:
    """Return what is not above any id made at or after `instant` (to a millisecond)."""
    return UUID(int=max(_milliseconds(instant), 0) << 80)


def made_at(message_id: UUID) -> datetime:
    """Return the hour an id was made at, to a millisecond below."""
    return EPOCH + timedelta(milliseconds=message_id.int >> 80)


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
