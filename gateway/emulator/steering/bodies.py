"""Describes what the steering interface accepts."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Inbound(_Body):
    """A user's message; `text` is the body, caption, button title or emoji of its type."""

    phone_number_id: str
    user: str = Field(alias="from", min_length=1)
    text: str = "hello"
    type: str = "text"
    name: str = "Example User"


class NumberChange(_Body):
    """What to change about a number; `messaging_limit` null is unlimited."""

    quality_rating: Literal["GREEN", "YELLOW", "RED", "UNKNOWN", "NA"] | None = None
    status: str | None = Field(default=None, min_length=1)
    throughput: int | None = Field(default=None, ge=1)
    messaging_limit: int | None = Field(default=None, ge=0)


class TemplateChange(_Body):
    """What to change about the templates of a name, of one language or WABA or of all."""

    language: str | None = None
    waba_id: str | None = None
    status: str | None = Field(default=None, min_length=1)
    category: Literal["MARKETING", "UTILITY", "AUTHENTICATION"] | None = None
    quality: Literal["GREEN", "YELLOW", "RED", "UNKNOWN"] | None = None


class NewRestriction(_Body):
    """An account restriction, for `duration_s` from now or until `expiration` (unix seconds)."""

    waba_id: str
    restriction_type: str = Field(min_length=1)
    duration_s: float | None = Field(default=None, gt=0)
    expiration: float | None = None

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

    advance_s: float = Field(ge=0)


class WebhookUrl(_Body):
    """Where webhooks go; null turns them off. `verify` asks the receiver first, as Meta does."""

    url: str | None
    verify: bool = False
