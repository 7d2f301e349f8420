"""Stores uploaded media and hands out download addresses that last five minutes."""

import base64
import hashlib
from dataclasses import dataclass

# Source: MEDIA, 16 Jun 2026 (R§1.3).
URL_LIFE_S = 300.0
ID_LIFE_S = 30 * 86_400.0
RECEIVED_ID_LIFE_S = 7 * 86_400.0
_MAX_BYTES = {"image": 5_000_000, "audio": 16_000_000, "video": 16_000_000}
_MAX_OTHER_BYTES = 100_000_000
_KEPT_FILES = 1000


@dataclass(frozen=True, slots=True)
class Media:
    """One file; the id is valid for 30 days, and for 7 when a user sent it."""

    id: str
    phone_number_id: str
    mime_type: str
    content: bytes
    sha256: str
    expires_at: float


class MediaStore:
    """Files by id and by ticket; the oldest leaves when there are more than 1,000.

    The same seed issues the same tickets.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._issued = 0
        self._files: dict[str, Media] = {}
        self._tickets: dict[str, tuple[str, float]] = {}
        self._last_id = 700_000_000_000_000

    def add(
        self,
        phone_number_id: str,
        mime_type: str,
        content: bytes,
        now: float,
        life_s: float = ID_LIFE_S,
    ) -> Media:
        """Keep a file."""
        self._last_id += 1
        media = Media(
            id=str(self._last_id),
            phone_number_id=phone_number_id,
            mime_type=mime_type,
            content=content,
            sha256=hashlib.sha256(content).hexdigest(),
            expires_at=now + life_s,
        )
        self._files[media.id] = media
        if len(self._files) > _KEPT_FILES:
            del self._files[next(iter(self._files))]
        return media

    def get(self, media_id: str, now: float) -> Media | None:
        """Find a file that has not expired."""
        media = self._files.get(media_id)
        return media if media is not None and now < media.expires_at else None

    def delete(self, media_id: str) -> None:
        """Forget a file."""
        self._files.pop(media_id, None)

    def ticket(self, media_id: str, now: float) -> str:
        """Issue what makes a download address, good for five minutes."""
        self._tickets = {key: held for key, held in self._tickets.items() if held[1] > now}
        self._issued += 1
        digest = hashlib.blake2b(f"{self._seed}:ticket:{self._issued}".encode(), digest_size=16)
        ticket = base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")
        self._tickets[ticket] = (media_id, now + URL_LIFE_S)
        return ticket

    def redeem(self, ticket: str, now: float) -> Media | None:
        """Find the file behind a ticket that has not expired."""
        media_id, expires_at = self._tickets.get(ticket, ("", 0.0))
        return self.get(media_id, now) if now < expires_at else None


def largest_of(mime_type: str) -> int:
    """Give the largest upload of a MIME type in bytes."""
    return _MAX_BYTES.get(mime_type.partition("/")[0], _MAX_OTHER_BYTES)
