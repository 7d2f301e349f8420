import asyncpg
import pytest

from gateway.store.database import Database
from gateway.store.errors import (
    StoreUnavailableError,
    UnknownNumberError,
    UnknownPoolError,
    unavailable_when_away,
)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        ConnectionResetError(),
        TimeoutError(),
        asyncpg.ConnectionDoesNotExistError("away"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.AdminShutdownError("away"),
        asyncpg.CrashShutdownError("away"),
        asyncpg.CannotConnectNowError("away"),
        asyncpg.TooManyConnectionsError("away"),
        asyncpg.DiskFullError("away"),
        asyncpg.ReadOnlySQLTransactionError("away"),
        asyncpg.DeadlockDetectedError("away"),
        asyncpg.SerializationError("away"),
        asyncpg.QueryCanceledError("away"),
        asyncpg.ClientConfigurationError("invalid DSN"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_database_that_is_away_is_called_by_one_name(error: Exception) -> None:
    expected = pytest.raises(StoreUnavailableError, match=type(error).__name__)
    with expected as raised, unavailable_when_away():
        raise error
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError("away"),
        asyncpg.CheckViolationError("away"),
        asyncpg.PostgresSyntaxError("away"),
        asyncpg.CharacterNotInRepertoireError("away"),
        UnknownNumberError("200000000000009"),
        UnknownPoolError("300000000000009"),
        KeyError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_mistake_of_ours_is_not_taken_for_a_database_that_is_away(error: Exception) -> None:
    with pytest.raises(type(error)), unavailable_when_away():
        raise error


@pytest.mark.parametrize("value", [2**40, "a word"])
async def test_a_value_that_fits_no_column_is_a_mistake_of_ours(
    database: Database, value: object
) -> None:
    with pytest.raises(asyncpg.DataError):
        async with database.connection() as connection:
            await connection.fetchval("select $1::integer", value)
