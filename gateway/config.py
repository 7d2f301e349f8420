"""Every setting, its default and its meaning; the only reader of the environment."""

import os
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

CONFIG_FILE: Final = "GATEWAY_CONFIG"


class Settings(BaseSettings):
    """The settings of one gateway process.

    Taken from `GATEWAY_<NAME>` in the environment, else from the TOML file that `GATEWAY_CONFIG`
    names (default `gateway.toml` in the working folder, if there is one), else from here.
    """

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="forbid", frozen=True)

    database_url: SecretStr = Field(
        SecretStr("postgresql://localhost/gateway"),
        description="PostgreSQL, as a URL: `postgresql://user:password@host:5432/name`.",
    )
    database_connections: int = Field(
        10, ge=2, description="Most connections this process opens to PostgreSQL."
    )
    database_timeout_s: float = Field(
        5.0, gt=0, description="Seconds until a silent database counts as away."
    )
    host: str = Field("127.0.0.1", description="Address of the data listener, for apps and Meta.")
    port: int = Field(8080, ge=0, le=65535, description="Port of the data listener.")
    public_url: str | None = Field(
        None,
        description="How apps reach the data listener, where a proxy hides it; for media links.",
    )
    admin_host: str = Field("127.0.0.1", description="Address of the admin listener.")
    admin_port: int = Field(8081, ge=0, le=65535, description="Port of the admin listener.")
    admin_key: SecretStr | None = Field(
        None,
        description="Key of the admin API, as `Authorization: Bearer`. Without one it is shut.",
    )
    cloud_url: str = Field(
        "https://graph.facebook.com", description="Where the Cloud API is (the emulator, in tests)."
    )
    cloud_version: str = Field(
        "v25.0", description="Graph API version of the gateway's own calls; apps choose theirs."
    )
    cloud_timeout_s: float = Field(
        30.0, gt=0, description="Seconds to wait for an answer; after that a send is in doubt."
    )
    app_secrets: tuple[SecretStr, ...] = Field(
        (),
        max_length=2,
        description="Meta app secrets that sign webhooks; two during a rotation (JSON list).",
    )
    verify_token: SecretStr | None = Field(
        None, description="Token of the webhook verification request (`hub.verify_token`)."
    )
    vault_key: SecretStr | None = Field(
        None, description="Seals the access tokens in the database; any long random string."
    )
    pass_through: bool = Field(
        default=True,
        description="Whether apps may send with their own Meta token instead of a key of ours.",
    )
    outage_replies: Literal["pass", "refuse"] = Field(
        "pass",
        description=(
            "With the database away: free-form messages (which Meta itself takes inside a service "
            "window only) are passed on ungoverned, or refused like everything else."
        ),
    )
    wait_s: float = Field(
        10.0, ge=0, description="Longest wait in a number's line; `Prefer: wait=n` asks for less."
    )
    idempotency_s: float = Field(
        86_400.0, gt=0, description="Seconds for which an `Idempotency-Key` stands for one message."
    )
    park_s: float = Field(
        259_200.0, gt=0, description="Longest time a message waits in the outbox, in seconds."
    )
    max_message_bytes: int = Field(1_048_576, gt=0, description="Largest body of a send, in bytes.")
    max_body_bytes: int = Field(
        110_000_000, gt=0, description="Largest body passed through (media), in bytes."
    )
    poll_s: float = Field(
        900.0, gt=0, description="Seconds between two readings of numbers and templates from Meta."
    )
    sweep_s: float = Field(
        5.0, gt=0, description="Seconds between two sweeps of clocks, ledger and journal."
    )
    history_s: float = Field(
        600.0, gt=0, description="Seconds between two looks at what is usual for each number."
    )
    unanswered_s: float = Field(
        120.0, gt=0, description="Seconds after which a send without an answer is in doubt."
    )
    doubt_s: float = Field(
        120.0,
        gt=0,
        description="Seconds after which a send in doubt is given up, or sent once more.",
    )
    silent_s: float = Field(
        900.0, gt=0, description="Seconds without a status after which a message is reported."
    )
    drain_s: float = Field(
        25.0, gt=0, description="Most seconds from SIGTERM to the end; see Draining."
    )
    drain_grace_s: float = Field(
        1.0, ge=0, description="Seconds after SIGTERM for which everything is still served."
    )
    pair_capacity: int = Field(
        30, ge=1, le=45, description="Messages at once to one user; Meta takes 45 (R§5.2)."
    )
    shadow_rules: tuple[str, ...] = Field(
        (), description="Rules that only count their objections (JSON list of names)."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level that is logged, as JSON lines on standard error."
    )
    sandbox: bool = Field(
        default=False, description="Allows the clock to be moved. Never in production."
    )

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("must start with postgresql://")
        try:
            urlsplit(url).port  # noqa: B018 - reading it is the check
        except ValueError:
            raise ValueError("the port must be a number up to 65535") from None
        return value

    @field_validator("cloud_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _is_patient(self) -> Self:
        if self.unanswered_s <= self.wait_s + self.cloud_timeout_s:
            # What is on its way would be taken for lost, and perhaps be sent once more.
            raise ValueError("unanswered_s: must be more than wait_s and cloud_timeout_s together")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - none is read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - none is read
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then the environment, then the file."""
        file = Path(os.environ.get(CONFIG_FILE, "gateway.toml"))
        return (
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls, toml_file=file),
        )


def load(**overrides: Any) -> Settings:
    """Read the settings; pydantic.ValidationError names each one that is wrong."""
    return Settings(**overrides)


def isolated(**values: Any) -> Settings:
    """Return settings from `values` alone: neither environment nor file has a say."""
    return _Isolated(**values)


class _Isolated(Settings):
    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - only what is given counts
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments only."""
        return (init_settings,)


def settings_table() -> str:
    """Return the settings as a Markdown table, for the README."""
    lines = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        shown = (
            "none"
            if default in (None, ())
            else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        )
        lines.append(f"| `GATEWAY_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines)
