"""Describes the businesses, numbers, tokens and templates that exist when the emulator starts."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Regime = Literal["per_number", "portfolio"]
Category = Literal["MARKETING", "UTILITY", "AUTHENTICATION"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Token(_Part):
    """An access token and the WABAs it may touch."""

    token: str = Field(min_length=1)
    waba_ids: list[str] = Field(default_factory=list)


class Portfolio(_Part):
    """A business portfolio; `messaging_limit` None means unlimited."""

    id: str
    messaging_limit: int | None = Field(default=None, ge=0)


class Number(_Part):
    """A business phone number.

    `display_phone_number` looks like "+1 555-000-1111". `messaging_limit` (None: unlimited) is its
    own only in the regime per_number; in the regime portfolio the portfolio's limit holds.
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


class Template(_Part):
    """A message template as the Graph API lists it."""

    id: str
    waba_id: str
    name: str
    language: str = "en_US"
    category: Category = "MARKETING"
    status: str = "APPROVED"
    components: list[dict[str, Any]] = Field(default_factory=list)


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
    numbers: list[Number] = Field(default_factory=list)
    templates: list[Template] = Field(default_factory=list)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = [self.app_id]
        ids += [portfolio.id for portfolio in self.portfolios]
        ids += [number.phone_number_id for number in self.numbers]
        ids += [template.id for template in self.templates]
        ids += sorted({number.waba_id for number in self.numbers})
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
