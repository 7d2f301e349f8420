"""Knows by heart which apps, numbers and tokens there are, so that a message need not ask."""

import hashlib
from dataclasses import dataclass

from gateway.store import apps
from gateway.store.apps import App
from gateway.store.database import Database
from gateway.store.queries import beside
from gateway.store.vault import Vault
from gateway.whatsapp.ids import PhoneNumberId, PoolId, WabaId
from gateway.whatsapp.recipient import Dialling, dialling_of

SQL = beside(__file__)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a number belongs; `throughput` in messages a second."""

    phone_number_id: PhoneNumberId
    pool_id: PoolId
    waba_id: WabaId
    display_phone_number: str
    throughput: int
    dialling: Dialling | None


class Directory:
    """A copy in memory of what rarely changes; `refresh` brings it up to date.

    While the database is away the last copy serves on.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._apps: dict[bytes, App] = {}
        self._tokens: dict[WabaId, str] = {}
        self.routes: dict[PhoneNumberId, Route] = {}
        self.waba_ids: frozenset[WabaId] = frozenset()
        self.generation = 0
        """Moves with every reading, for those who keep what they have looked up."""

    async def refresh(self) -> None:
        """Read apps, numbers and tokens again."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["routes"])
            known = await apps.get_all(connection)
            sealed = await apps.get_tokens(connection)
        self.routes = {
            row["phone_number_id"]: Route(**row, dialling=dialling_of(row["display_phone_number"]))
            for row in rows
        }
        self.waba_ids = frozenset(route.waba_id for route in self.routes.values())
        self._apps = {app.key_hash: app for app in known}
        self.generation += 1
        self._tokens = {waba_id: self._vault.open(token) for waba_id, token in sealed.items()}

    def app_of(self, credential: str) -> App | None:
        """Return the app that authenticates with `credential`, None when nobody does."""
        return self._apps.get(credential_hash(credential))

    def token_of(self, waba_id: WabaId) -> str | None:
        """Return the access token of a WABA, None when the vault has none."""
        return self._tokens.get(waba_id)


def credential_hash(credential: str) -> bytes:
    """Return what is kept of a key or token: long random strings need no salt."""
    return hashlib.sha256(credential.encode()).digest()
