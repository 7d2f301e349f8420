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

    `responds_async`: park it rather than refuse it; `parks` says so by class. `send_at`: not before
    then. `expires_at`: of no use after that, None for as long as is usual. `resends`: by class,
    what the app has said of messages in doubt. `wait_s`: the most seconds it would wait in line,
    None for as long as the operator lets it.
    """

    responds_async: bool = False
    send_at: datetime | None = None
    expires_at: datetime | None = None
    resends: Mapping[str, bool] = {}
    parks: Mapping[str, bool] = {}
    wait_s: float | None = None

    @property
    def may_wait(self) -> bool:
        """Whether a message, of whatever class, is perhaps parked."""
        return self.responds_async or self.send_at is not None or any(self.parks.values())

    def waits(self, send_class: SendClass) -> bool:
        """Tell whether a message of a class is parked rather than refused."""
        asked = self.responds_async or self.send_at is not None
        return asked or self.parks.get(send_class, False)


class Parked(NamedTuple):
    """A message waits in the outbox until `due_at` at the least, because of `rule`."""

    due_at: datetime
    rule: str
    detail: str


class Known(NamedTuple):
    """What is known of a message besides its contents; `valid`: how long, by Meta's word."""

    waba_id: str
    path: str
    send_class: SendClass
    valid: timedelta | None
    correlated: bool


class Packer:
    """Packs parcels with the vault; `longest` is how long a message waits at the most."""

    def __init__(self, vault: Vault, longest: timedelta) -> None:
        self._vault = vault
        self._longest = longest

    def keeps(self, wishes: Wishes, send_class: SendClass, *, correlated: bool) -> bool:
        """Tell whether the message may have to wait, or to be sent once more."""
        return wishes.waits(send_class) or _resends(wishes, send_class, correlated=correlated)

    def pack(
        self,
        contents: Contents,
        wishes: Wishes,
        known: Known,
        now: datetime,
    ) -> Parcel:
        """Return the parcel of a message that `keeps` is true of."""
        return Parcel(
            waba_id=known.waba_id,
            send_class=known.send_class,
            path=known.path,
            sealed=pack(contents, self._vault),
            expires_at=self.expires_at(wishes, known.valid, now),
            waits=wishes.waits(known.send_class),
            resends=_resends(wishes, known.send_class, correlated=known.correlated),
        )

    def expires_at(self, wishes: Wishes, valid: timedelta | None, now: datetime) -> datetime:
        """Return the hour after which a message is of no use: the app's, within bounds.

        It is valid, by Meta's word, for so long from when it is to be sent.
        """
        start = max(now, wishes.send_at or now)
        latest = start + (self._longest if valid is None else min(valid, self._longest))
        return min(wishes.expires_at or latest, latest)


def _resends(wishes: Wishes, send_class: SendClass, *, correlated: bool) -> bool:
    # What does not carry our mark is never found again by a status: its doubt would not end.
    return correlated and resends(send_class, wishes.resends)


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
        correlated=submission.correlated,
    )
