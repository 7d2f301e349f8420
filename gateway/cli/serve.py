"""`gateway serve`: runs one gateway process against a migrated database."""

import gc
from typing import Annotated, Final

import typer

from gateway import logs
from gateway.app import Gateway
from gateway.cli.runner import fail, run, settings_or_fail, until_stopped
from gateway.config import Settings
from gateway.store.errors import StoreUnavailableError
from gateway.store.migrate import pending
from gateway.store.vault import VaultError

# Messages leave few cycles behind; looking for them every 700 objects costs a tenth of the time.
GC_THRESHOLDS: Final = (50_000, 20, 50)
UNFINISHED: Final = 3
"""Exit code when the time to drain was too short; the log says what for."""

Port = Annotated[int | None, typer.Option(min=0, max=65535)]


def serve(port: Port = None, admin_port: Port = None) -> None:
    """Run the gateway: the data listener for apps and Meta, the admin listener for operators.

    Settings come from GATEWAY_* variables or a TOML file (GATEWAY_CONFIG); the ports may be given
    here. Any number of processes may serve one database. SIGTERM stops it in good order, with exit
    code 0 if everything was finished in time, 3 if not; a second one ends it at once.
    """
    given = {"port": port, "admin_port": admin_port}
    settings = settings_or_fail(
        **{name: value for name, value in given.items() if value is not None}
    )
    logs.configure(settings.log_level)
    try:
        run(_serve(settings))
    except StoreUnavailableError as error:
        fail(str(error))
    except VaultError as error:
        fail(f"GATEWAY_VAULT_KEY: {error}")
    except OSError as error:
        fail(f"cannot listen: {error.strerror or error}")


async def _serve(settings: Settings) -> None:
    missing = await pending(settings.database_url.get_secret_value())
    if missing:
        fail(f"the database lacks {', '.join(missing)}: run `gateway migrate`")
    gateway = Gateway(settings)
    async with gateway:
        # What lives as long as the process need not be looked at by every collection.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        await until_stopped()
    if not gateway.is_drained:
        raise typer.Exit(UNFINISHED)
