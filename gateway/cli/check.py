"""`gateway check`: tells whether the settings are right and the connections work."""

import asyncio

import aiohttp
import typer

from gateway.cli.runner import settings_or_fail
from gateway.config import Settings
from gateway.store.errors import StoreUnavailableError
from gateway.store.migrate import pending

TIMEOUT_S = 10.0


def check() -> None:
    """Validate the settings, reach database and Cloud API, and name what is missing.

    Exit code 1 when the gateway could not serve.
    """
    settings = settings_or_fail()
    problems = asyncio.run(_check(settings))
    for problem in problems:
        typer.echo(f"PROBLEM  {problem}")
    for warning in _warnings(settings):
        typer.echo(f"warning  {warning}")
    if problems:
        raise typer.Exit(1)
    typer.echo("ok       the gateway can serve")


async def _check(settings: Settings) -> list[str]:
    found = [await _database(settings), await _cloud(settings)]
    return [problem for problem in found if problem]


async def _database(settings: Settings) -> str | None:
    try:
        missing = await pending(settings.database_url.get_secret_value())
    except StoreUnavailableError as error:
        return str(error)
    except ValueError as error:
        return f"GATEWAY_DATABASE_URL: {error}"
    return f"the database lacks {', '.join(missing)}: run `gateway migrate`" if missing else None


async def _cloud(settings: Settings) -> str | None:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(settings.cloud_url),
        ):
            return None  # any answer will do: without a token it is a refusal
    except (aiohttp.ClientError, OSError) as error:
        return f"GATEWAY_CLOUD_URL cannot be reached ({type(error).__name__})"


def _warnings(settings: Settings) -> list[str]:
    needed = {
        "GATEWAY_ADMIN_KEY": (settings.admin_key, "the admin API is shut"),
        "GATEWAY_APP_SECRETS": (settings.app_secrets, "every webhook will be refused"),
        "GATEWAY_VERIFY_TOKEN": (settings.verify_token, "Meta cannot verify the webhook"),
        "GATEWAY_VAULT_KEY": (settings.vault_key, "tokens are sealed with an empty key"),
    }
    return [f"{name} is not set: {effect}" for name, (value, effect) in needed.items() if not value]
