"""Makes parcels of requests that may have to wait, or to be sent once more."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.outbound.contents import Contents, pack
from gateway.outbound.submission import Submission
from gateway.policy.facts import TemplateFacts
from gateway.policy.parcel import RANKS, Parcel, resends
from gateway.policy.send_class import SendClass
from gateway.store.outbox import ParkedRow
from gateway.store.vault import Vault


class Wishes(NamedTuple):
    """What an app wants of a message that cannot go at once.

    `responds_async`: park it rather than refuse it. `send_at`: not before then. `expires_at`: of no
    use after that, None for as long as is usual. `resends`: by class, what the app has said of
    messages in doubt.
    """

    responds_async: bool = False
    send_at: datetime | None = None
    expires_at: datetime | None = None
    resends: Mapping[str, bool] = {}


class Parked(NamedTuple):
    """A message waits in the outbox until `due_at` at the least, because of `rule`."""

    due_at: datetime
    rule: str
    detail: str


class Packer:
    """Packs parcels with the vault; `usual` is how long a message waits where nobody says."""

    def __init__(self, vault: Vault, usual: timedelta) -> None:
        self._vault = vault
        self._usual = usual

    def pack(
        self,
        contents: Contents,
        wishes: Wishes,
        known: tuple[str, str, SendClass, timedelta | None],
        now: datetime,
    ) -> Parcel | None:
        """Return the parcel, None where the message will neither wait nor be sent once more.

        `known` is WABA, path, class, and how long it is valid by Meta's word.
        """
        waba_id, path, send_class, valid = known
        again = resends(send_class, wishes.resends)
        waits = wishes.responds_async or wishes.send_at is not None
        if not (waits or again):
            return None
        usual = self._usual if valid is None else min(valid, self._usual)
        return Parcel(
            waba_id=waba_id,
            send_class=send_class,
            path=path,
            sealed=pack(contents, self._vault),
            expires_at=wishes.expires_at or now + usual,
            waits=waits,
            resends=again,
        )


def parked_row(
    submission: Submission,
    parcel: Parcel,
    template: TemplateFacts | None,
    parking: tuple[Parked, datetime],
) -> ParkedRow:
    """Return the rows of a message that is parked, now, without having been decided on."""
    parked, now = parking
    candidate, key = submission.candidate, submission.candidate.message.template
    return ParkedRow(
        pool_id=candidate.pool_id,
        message_id=submission.message_id,
        phone_number_id=candidate.phone_number_id,
        waba_id=parcel.waba_id,
        user_id=candidate.user_id,
        app_id=submission.app_id,
        send_class=parcel.send_class,
        rank=RANKS[parcel.send_class],
        path=parcel.path,
        sealed=parcel.sealed,
        resends=parcel.resends,
        due_at=parked.due_at,
        expires_at=parcel.expires_at,
        rule=parked.rule,
        detail=parked.detail,
        parked_at=now,
        type=candidate.message.type,
        template_name=key.name if key else None,
        template_language=key.language if key else None,
        category=template.category if template else None,
        code=None,
    )
