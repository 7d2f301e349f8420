import pytest

from gateway.inbound.ingress import BadSignatureError, Ingress
from gateway.metrics import Metrics
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from gateway.whatsapp.signature import sign
from tests.policy.making import NOW
from tests.store.stocked import ManualClock

SECRETS = ["new secret", "old secret"]
TOKEN = "a token"
BODY = b'{"object": "whatsapp_business_account"}'


def ingress_of(
    database: Database, metrics: Metrics | None = None, verify_token: str | None = TOKEN
) -> Ingress:
    return Ingress(database, ManualClock(), SECRETS, verify_token, metrics or Metrics())


def counted(metrics: Metrics, result: str) -> float | None:
    return metrics.registry.get_sample_value("gateway_webhooks_total", {"result": result})


async def kept(database: Database) -> list[tuple[object, ...]]:
    async with database.connection() as connection:
        rows = await connection.fetch("select received_at, body, digested_at from inbox")
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("secret", SECRETS)
async def test_a_delivery_signed_with_any_secret_is_kept_as_it_came(
    database: Database, secret: str
) -> None:
    metrics, woken = Metrics(), []
    ingress = ingress_of(database, metrics)
    ingress.on_append = lambda: woken.append(1)
    await ingress.append(sign(secret, BODY), BODY)
    assert await kept(database) == [(NOW, BODY, None)]
    assert woken == [1]
    assert counted(metrics, "appended") == 1


@pytest.mark.parametrize(
    "signature",
    [None, "", "sha256=", "sha256=00", sign("another", BODY), sign("new secret", BODY + b" ")],
)
async def test_a_delivery_with_a_bad_signature_is_not_kept(
    database: Database, signature: str | None
) -> None:
    metrics, woken = Metrics(), []
    ingress = ingress_of(database, metrics)
    ingress.on_append = lambda: woken.append(1)
    with pytest.raises(BadSignatureError):
        await ingress.append(signature, BODY)
    assert await kept(database) == []
    assert woken == []
    assert counted(metrics, "refused") == 1


async def test_without_a_database_meta_is_not_told_that_it_was_kept(database: Database) -> None:
    ingress, woken = ingress_of(database), list[int]()
    ingress.on_append = lambda: woken.append(1)
    database.terminate()
    with pytest.raises(StoreUnavailableError):
        await ingress.append(sign("new secret", BODY), BODY)
    assert woken == []


async def test_nobody_has_to_listen(database: Database) -> None:
    await ingress_of(database).append(sign("new secret", BODY), BODY)
    assert len(await kept(database)) == 1


@pytest.mark.parametrize(
    ("mode", "token", "verify_token", "is_verification"),
    [
        ("subscribe", "a token", "a token", True),
        ("subscribe", "another", "a token", False),
        ("subscribe", "ключ", "a token", False),
        ("subscribe", None, "a token", False),
        ("unsubscribe", "a token", "a token", False),
        (None, "a token", "a token", False),
        ("subscribe", None, None, False),
        ("subscribe", "", None, False),
    ],
)
async def test_a_verification_has_to_show_our_token(
    database: Database,
    mode: str | None,
    token: str | None,
    verify_token: str | None,
    is_verification: bool,  # noqa: FBT001 - a table
) -> None:
    ingress = ingress_of(database, verify_token=verify_token)
    assert ingress.is_verification(mode, token) is is_verification
