"""Describes what the steering interface accepts."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

# Beyond these, instants could not be written as dates any more, nor numbers as JSON.
_CENTURY_S = 100 * 365.25 * 86_400.0
_MOST = 10**9


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class InboundError(_Body):
    """What went wrong with a message on its way in, such as 131051 or 131052."""

    code: int
    details: str = "The message could not be shown."


class Inbound(_Body):
    """What a user does: write a message of any type, `call`, or change the phone (`system`).

    `text` is the body, caption, button title or emoji of the type, of `system` the new phone;
    `content` replaces the whole object of the type. `reply_to` is the wamid that is answered,
    reacted to, edited or revoked. `referral` is the ad that led here, {} a made-up one. With
    `group_id` the message is for a group. `name` is the sender's, else that of the world's user.
    """

    phone_number_id: str
    user: str = Field(alias="from", min_length=1)
    text: str = "hello"
    type: str = Field(default="text", min_length=1)
    name: str | None = None
    reply_to: str | None = None
    content: dict[str, Any] | list[Any] | None = None
    referral: dict[str, Any] | None = None
    errors: list[InboundError] = Field(default_factory=list)
    group_id: str | None = None


class NumberChange(_Body):
    """What to change about a number; `messaging_limit` null or "unlimited" is unlimited."""

    quality_rating: Literal["GREEN", "YELLOW", "RED", "UNKNOWN", "NA"] | None = None
    status: str | None = Field(default=None, min_length=1)
    throughput: int | None = Field(default=None, ge=1, le=_MOST)
    messaging_limit: int | None = Field(default=None, ge=0, le=_MOST)

    @field_validator("messaging_limit", mode="before")
    @classmethod
    def _reads_unlimited(cls, given: Any) -> Any:
        return None if given == "unlimited" else given  # TOML has no null


class NumberEvent(NumberChange):
    """A change of one number, named."""

    phone_number_id: str


class TemplateChange(_Body):
    """What to change about the templates of a name, of one language or WABA or of all.

    A change of category that `is_announced` happens 24 hours later.
    """

    language: str | None = None
    waba_id: str | None = None
    status: str | None = Field(default=None, min_length=1)
    category: Literal["MARKETING", "UTILITY", "AUTHENTICATION"] | None = None
    is_announced: bool = False
    quality: Literal["GREEN", "YELLOW", "RED", "UNKNOWN"] | None = None


class TemplateEvent(TemplateChange):
    """A change of the templates of one name."""

    name: str


class UserChange(_Body):
    """What to change about a person; the traits are told in `world.User`."""

    name: str | None = None
    not_on_whatsapp: bool | None = None
    blocked_business: bool | None = None
    offline: bool | None = None
    marketing_stopped: bool | None = None
    in_experiment: bool | None = None
    capped: bool | None = None
    username_only: bool | None = None


class UserEvent(UserChange):
    """A change of one person; the phone in digits, with the country code."""

    phone: str = Field(pattern=r"^\+?\d{5,15}$")


class NewRestriction(_Body):
    """An account restriction, for `duration_s` from now or until `expiration` (unix seconds)."""

    waba_id: str
    restriction_type: str = Field(min_length=1)
    duration_s: float | None = Field(default=None, gt=0, le=_CENTURY_S)
    expiration: float | None = Field(default=None, ge=0, le=10 * _CENTURY_S)

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if (self.duration_s is None) == (self.expiration is None):
            raise ValueError("exactly one of duration_s and expiration is needed")
        return self


class Preference(_Body):
    """A user's word about marketing from a business."""

    phone_number_id: str
    user: str = Field(min_length=1)
    value: Literal["stop", "resume"]


class ClockChange(_Body):
    """How far to hurry the clock."""

    advance_s: float = Field(ge=0, le=_CENTURY_S)


class WebhookUrl(_Body):
    """Where webhooks go; null turns them off. `verify` asks the receiver first, as Meta does."""

    url: str | None
    verify: bool = False
