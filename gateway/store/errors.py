"""Tells a database that is away from a mistake of ours."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg


class StoreUnavailableError(Exception):
    """The database did not answer, or not in time; what was asked may be asked again later."""


class UnknownPoolError(LookupError):
    """There is no such pool."""


class UnknownNumberError(LookupError):
    """There is no such number."""


AWAY = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.QueryCanceledError,
    asyncpg.TransactionRollbackError,
)


@contextmanager
def unavailable_when_away() -> Iterator[None]:
    """Turn every sign of a database that is away into StoreUnavailableError."""
    try:
        yield
    except AWAY as error:
        raise StoreUnavailableError(f"database: {type(error).__name__}: {error}") from error
