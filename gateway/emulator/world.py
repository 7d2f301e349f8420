"""Describes the businesses, numbers, tokens and templates that exist when the emulator starts."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Regime = Literal["per_number", "portfolio"]
Category = Literal["MARKETING", "UTILITY", "AUTHENTICATION"]
Quality = Literal["GREEN", "YELLOW", "RED", "UNKNOWN"]
ParameterFormat = Literal["POSITIONAL", "NAMED"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Token(_Part):
    """An access token and the WABAs it may touch; `expires_at` is in unix seconds, None never."""

    token: str = Field(min_length=1)
    waba_ids: list[str] = Field(default_factory=list)
    expires_at: float | None = None


class Portfolio(_Part):
    """A business portfolio; `messaging_limit` None means unlimited.

    A `verified` one grows from 250 to 2,000 without a record of its own (R§2.2).
    """

    id: str
    messaging_limit: int | None = Field(default=None, ge=0)
    verified: bool = False


class Waba(_Part):
    """What is out of the ordinary about a WhatsApp Business Account (R§1.7, R§10)."""

    id: str
    marketing_messages_onboarded: bool = True
    disable_marketing_messages_on_cloud_api: bool = False
    has_payment_method: bool = True
    is_active: bool = True


class Number(_Part):
    """A business phone number.

    `display_phone_number` looks like "+1 555-000-1111". `messaging_limit` (None: unlimited) is its
    own only in the regime per_number; in the regime portfolio the portfolio's limit holds.
    A test number may write to five recipients only (R§12.1 row 35); one that is also used in the
    WhatsApp Business app has 20 messages a second whatever `throughput` says (R§5.1).
    """

    phone_number_id: str
    display_phone_number: str
    waba_id: str
    portfolio_id: str | None = None
    regime: Regime = "portfolio"
    messaging_limit: int | None = Field(default=None, ge=0)
    throughput: int = Field(default=80, ge=1)
    verified_name: str = "Example Shop"
    quality_rating: str = "GREEN"
    is_test_number: bool = False
    is_on_biz_app: bool = False
    is_registered: bool = True
    is_verified: bool = True


class Template(_Part):
    """A message template as the Graph API lists it.

    `appeal`, from 0 to 1, is how welcome people find it; it matters in a lived world only.
    `message_send_ttl_seconds` None is the category's default (R§6.4).
    """

    id: str
    waba_id: str
    name: str
    language: str = "en_US"
    category: Category = "MARKETING"
    status: str = "APPROVED"
    components: list[dict[str, Any]] = Field(default_factory=list)
    parameter_format: ParameterFormat = "POSITIONAL"
    quality: Quality = "UNKNOWN"
    message_send_ttl_seconds: int | None = None
    appeal: float = Field(default=0.8, ge=0.0, le=1.0)


class User(_Part):
    """A person who is not like everybody else; `phone` in digits.

    `not_on_whatsapp` fails with 131026, `in_experiment` with 130472, `capped` with 131049,
    `marketing_stopped` with 131050. Messages to whom has `blocked_business` stay sent for ever; to
    whom is `offline` they are delivered when the person comes back, or dropped at their TTL.
    Of a `username_only` person the business sees the business-scoped id alone (R§1.4, R§12.3).
    """

    phone: str = Field(pattern=r"^\d{5,15}$")
    name: str = "Example User"
    not_on_whatsapp: bool = False
    blocked_business: bool = False
    offline: bool = False
    marketing_stopped: bool = False
    in_experiment: bool = False
    capped: bool = False
    username_only: bool = False


class Population(_Part):
    """The temper of a lived world's people; without one nobody reacts and nothing changes.

    Each person's temper is drawn from the seed and the phone alone. `opted_in` is the share who
    asked for messages, `answering` the share of marketing and utility templates that are
    answered; `irritability` scales how readily people block or report. How annoyance comes about
    is told in `life/temper.py`, what it does to ratings in `life/ratings.py`.
    """

    opted_in: float = Field(default=0.8, ge=0.0, le=1.0)
    answering: float = Field(default=0.05, ge=0.0, le=1.0)
    irritability: float = Field(default=1.0, ge=0.0)


class World(_Part):
    """Everything that exists at the start; `World.model_validate` reads JSON or TOML data.

    Raises `pydantic.ValidationError` when an id is used twice or a number in the regime portfolio
    names a portfolio that is not there.
    """

    app_id: str = "300000000000003"
    app_secret: str = "emulated-app-secret"  # noqa: S105 - a made-up secret for local webhooks
    verify_token: str = "emulated-verify-token"  # noqa: S105 - as above
    webhook_url: str | None = None
    tokens: list[Token] = Field(default_factory=list)
    portfolios: list[Portfolio] = Field(default_factory=list)
    wabas: list[Waba] = Field(default_factory=list)
    numbers: list[Number] = Field(default_factory=list)
    templates: list[Template] = Field(default_factory=list)
    users: list[User] = Field(default_factory=list)
    population: Population | None = None

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = [self.app_id]
        ids += [portfolio.id for portfolio in self.portfolios]
        ids += [number.phone_number_id for number in self.numbers]
        ids += [template.id for template in self.templates]
        ids += sorted({number.waba_id for number in self.numbers})
        ids += [f"user {user.phone}" for user in self.users]
        twice = sorted({an_id for an_id in ids if ids.count(an_id) > 1})
        if twice:
            raise ValueError(f"ids used more than once: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _portfolios_exist(self) -> Self:
        known = {portfolio.id for portfolio in self.portfolios}
        for number in self.numbers:
            if number.regime == "portfolio" and number.portfolio_id not in known:
                raise ValueError(
                    f"number {number.phone_number_id} names the portfolio {number.portfolio_id}, "
                    "which is not in portfolios"
                )
        return self
