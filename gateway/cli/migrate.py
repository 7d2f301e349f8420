"""`gateway migrate`: brings the database to the present schema."""

import asyncio

import typer

from gateway.cli.runner import fail, settings_or_fail
from gateway.store.errors import StoreUnavailableError
from gateway.store.migrate import MigrationError
from gateway.store.migrate import migrate as apply


def migrate() -> None:
    """Apply the migrations that GATEWAY_DATABASE_URL does not have yet; safe to call twice."""
    url = settings_or_fail().database_url.get_secret_value()
    try:
        applied = asyncio.run(apply(url))
    except (StoreUnavailableError, MigrationError) as error:
        fail(str(error))
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("nothing to do")
