"""The bodies of the admin API: what operators send, checked."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from gateway.policy.parcel import ParcelState
from gateway.policy.send_class import SendClass
from gateway.whatsapp.number import UNLIMITED

ID: Final = r"^[A-Za-z0-9_.:-]{1,64}$"
VISIBLE: Final = r"^[!-~]{1,4096}$"  # what may stand in a header


class StrictBody(BaseModel):
    """What an operator sends; a field that does not exist is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def given(self) -> dict[str, Any]:
        """Return what was said, without what was left to its default."""
        return self.model_dump(exclude_unset=True)


class PoolBody(StrictBody):
    """`POST /admin/v1/pools/{id}`: `messaging_limit` in users in 24 h, null for unlimited."""

    regime: Literal["per_number", "portfolio"]
    messaging_limit: int | None = Field(gt=0, lt=UNLIMITED)
    headroom: float = Field(0.05, ge=0, lt=1)


class NumberBody(StrictBody):
    """`POST /admin/v1/numbers`; `access_token` goes to the vault and is never shown again.

    A number that `is_new` has never sent: its warm-up begins now.
    """

    phone_number_id: str = Field(pattern=ID)
    pool_id: str = Field(pattern=ID)
    waba_id: str = Field(pattern=ID)
    display_phone_number: str = Field(pattern=r"^\+?[0-9 ().-]{5,32}$")
    throughput: int = Field(80, ge=1, le=1_000_000)
    access_token: str | None = Field(None, pattern=VISIBLE)
    is_new: bool = False


def _class(name: str) -> str:
    return SendClass(name).value


ByClass = dict[Annotated[str, AfterValidator(_class)], bool]


class AppPatch(StrictBody):
    """`PATCH /admin/v1/apps/{id}`; `wait_s` null: as long as the process lets callers wait.

    `responds_async`: what may not go now is parked, whatever the request says; `parks` the same by
    class, which beats it: `{"utility": true}`. `resends`, by class: whether a message in doubt that
    no status resolves is sent once more (at least once) or given up (at most once); by default
    authentication alone is. `callback_url`: where the app is told what became of messages, null to
    tell it nothing; `callback_secret` signs that (Standard Webhooks), and is made up if not given.
    """

    name: str = Field("", min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    wait_s: float | None = Field(None, ge=0, le=600)
    joins_retries: bool = True
    responds_async: bool = False
    parks: ByClass = Field({})
    resends: ByClass = Field({})
    callback_url: str | None = Field(None, pattern=r"^https?://[!-~]{1,2000}$")
    callback_secret: str = Field("", pattern=r"^(whsec_)?[A-Za-z0-9+/=]{32,88}$")


class AppBody(AppPatch):
    """`POST /admin/v1/apps`; with `meta_token` the app is known by the token it passes through."""

    app_id: str = Field(pattern=ID)
    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    meta_token: str | None = Field(None, pattern=VISIBLE)


class OutboxFilter(StrictBody):
    """Which parcels of the outbox are meant; what is not named may be any."""

    pool_id: str | None = Field(None, pattern=ID)
    phone_number_id: str | None = Field(None, pattern=ID)
    app_id: str | None = Field(None, pattern=ID)
    send_class: SendClass | None = None
    user_id: str | None = Field(None, pattern=VISIBLE)
    message_id: UUID | None = None
    rule: str | None = Field(None, pattern=ID)
    state: ParcelState | None = None


class OutboxBody(OutboxFilter):
    """`POST /admin/v1/outbox/{deed}`: to which parcels, and whether they are only counted.

    `expires_at` is for `redrive`: until when what is dead may wait now.
    """

    preview: bool = True
    expires_at: AwareDatetime | None = None


class RedriveBody(StrictBody):
    """`POST /admin/v1/callbacks/redrive`: what was given up, of one app or of all."""

    app_id: str | None = Field(None, pattern=ID)


class ClockBody(StrictBody):
    """`POST /admin/v1/sandbox/clock`: seconds to move ahead."""

    advance_s: float = Field(ge=0, le=366 * 86_400)
