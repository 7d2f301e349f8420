"""Describes what may be asked of the steering interface in a query."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gateway.emulator.history import Kind


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _plus(given: Any) -> Any:
    # A bare + in a query reads as a space.
    return given.replace(" ", "+") if isinstance(given, str) else given


Limit = Annotated[int | None, Field(default=None, ge=0)]


class OfSends(_Query):
    """Which sends: of a number, to a user (digits), since an ISO-8601 instant, the latest few."""

    phone_number_id: str | None = None
    user: str | None = None
    since: Annotated[datetime | None, BeforeValidator(_plus)] = None
    limit: Limit = None

    @property
    def since_at(self) -> float:
        """The instant in seconds since 1970; one without a zone is in UTC."""
        if self.since is None:
            return 0.0
        return (self.since if self.since.tzinfo else self.since.replace(tzinfo=UTC)).timestamp()


class OfViolations(_Query):
    """Which violations: by a number, of a rule, the latest few."""

    phone_number_id: str | None = None
    rule: str | None = None
    limit: Limit = None


class OfHistory(_Query):
    """Which changes: of a number, pool, WABA or template by its id, of one kind, the latest few."""

    subject: str | None = None
    kind: Kind | None = None
    limit: Limit = None


class OfRestrictions(_Query):
    """Whose restrictions to lift; without a WABA those of all."""

    waba_id: str | None = None


class OfFlush(_Query):
    """How many seconds of real time to wait at most."""

    timeout_s: float = Field(default=10.0, ge=0.0)


class OfReport(_Query):
    """How to write the report: for a program, or as tables for a terminal."""

    format: Literal["json", "text"] = "json"
