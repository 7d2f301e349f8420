"""The demo data of the sandbox: numbers in both regimes, templates of each category, two apps."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Self

from gateway.store import apps, numbers, pools, quota
from gateway.store.apps import App, Credential
from gateway.store.database import Database
from gateway.store.directory import credential_hash
from gateway.store.numbers import NumberSettings
from gateway.store.pools import LimitSource, PoolSettings
from gateway.store.vault import Vault
from gateway.web.auth import KEY_PREFIX
from gateway.whatsapp.ids import PhoneNumberId, PoolId, WabaId
from gateway.whatsapp.number import Regime

APP: Final = "demo-shop"
PASS_THROUGH_APP: Final = "demo-crm"  # noqa: S105 - a name
HEADROOM: Final = 0.05
PORTFOLIO: Final = "400000000000001"
PORTFOLIO_LIMIT: Final = 2000
LANGUAGE: Final = "en_US"
RULES: Final = {"activity": "shadow", "repetition": "enforce"}
"""How rules are turned for every number but the one that is there to show how it warms up."""


@dataclass(frozen=True, slots=True)
class DemoNumber:
    """One number of the demo; its pool is itself or the portfolio. One that `is_new` warms up."""

    phone_number_id: str
    display_phone_number: str
    waba_id: str
    regime: Regime
    messaging_limit: int
    is_new: bool = False

    @property
    def pool_id(self) -> str:
        """The pool whose limit the number spends."""
        return PORTFOLIO if self.regime is Regime.PORTFOLIO else self.phone_number_id


NUMBERS: Final = (
    DemoNumber("200000000000001", "+1 555-000-1001", "100000000000001", Regime.PER_NUMBER, 250),
    DemoNumber("200000000000002", "+1 555-000-1002", "100000000000001", Regime.PER_NUMBER, 1000),
    *(
        DemoNumber(
            f"20000000000000{index}",
            f"+1 555-000-100{index}",
            "100000000000002",
            Regime.PORTFOLIO,
            PORTFOLIO_LIMIT,
        )
        for index in (3, 4, 5)
    ),
    DemoNumber(
        "200000000000006",
        "+1 555-000-1006",
        "100000000000001",
        Regime.PER_NUMBER,
        250,
        is_new=True,
    ),
)


@dataclass(frozen=True, slots=True)
class DemoTemplate:
    """One template of the demo, the same in every account."""

    name: str
    category: str
    status: str
    body: str


TEMPLATES: Final = (
    DemoTemplate("order_update", "UTILITY", "APPROVED", "Your order is on its way."),
    DemoTemplate("autumn_offer", "MARKETING", "APPROVED", "Ten percent off until Sunday."),
    DemoTemplate("login_code", "AUTHENTICATION", "APPROVED", "{{1}} is your code."),
    DemoTemplate("winter_offer", "MARKETING", "PAUSED", "Snow is coming, and so are boots."),
)


@dataclass(frozen=True, slots=True)
class DemoKeys:
    """The secrets of one sandbox: made on its first start, kept in its folder."""

    app_key: str
    admin_key: str
    app_secret: str
    verify_token: str
    vault_key: str
    meta_token: str
    pass_through_token: str

    @classmethod
    def new(cls) -> Self:
        """Make fresh secrets."""
        return cls(
            app_key=KEY_PREFIX + secrets.token_urlsafe(32),
            admin_key="admin_" + secrets.token_urlsafe(24),
            app_secret=secrets.token_hex(16),
            verify_token=secrets.token_urlsafe(16),
            vault_key=secrets.token_urlsafe(32),
            meta_token="EAAsandbox" + secrets.token_hex(24),
            pass_through_token="EAAsandboxcrm" + secrets.token_hex(24),
        )

    @classmethod
    def fixed(cls) -> Self:
        """Return secrets that are none, for an emulator that runs alone."""
        return cls("", "", "emulated-app-secret", "emulated-verify-token", "", "EAAdemo", "EAAcrm")

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `text` wrote; ValueError when it is something else."""
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(str(error)) from error

    def text(self) -> str:
        """Write the secrets for `read`."""
        return json.dumps(asdict(self), indent=1)


def demo_world(keys: DemoKeys, webhook_url: str | None) -> dict[str, Any]:
    """Return the world of the demo in the words of the emulator's world files."""
    waba_ids = sorted({number.waba_id for number in NUMBERS})
    return {
        "app_secret": keys.app_secret,
        "verify_token": keys.verify_token,
        "webhook_url": webhook_url,
        "tokens": [
            {"token": keys.meta_token, "waba_ids": waba_ids},
            {"token": keys.pass_through_token, "waba_ids": waba_ids},
        ],
        "portfolios": [{"id": PORTFOLIO, "messaging_limit": PORTFOLIO_LIMIT}],
        "numbers": [_emulated_number(number) for number in NUMBERS],
        "templates": [
            _emulated_template(template, waba_id, f"60000000000{row}{column}")
            for row, waba_id in enumerate(waba_ids, start=10)
            for column, template in enumerate(TEMPLATES, start=10)
        ],
    }


async def seed(database: Database, keys: DemoKeys, now: datetime) -> None:
    """Put the demo into the store; what is there already stays as it is."""
    vault = Vault(keys.vault_key)
    async with database.transaction() as connection:
        known = {row["pool_id"] for row in await pools.get_all(connection)}
        there = {row.facts.phone_number_id for row in await numbers.get_all(connection)}
        for number in NUMBERS:
            if number.pool_id not in known:
                known.add(number.pool_id)
                settings = PoolSettings(
                    PoolId(number.pool_id), number.regime, number.messaging_limit, HEADROOM
                )
                await pools.put(connection, settings, now, LimitSource.META)
        for number in NUMBERS:
            if number.phone_number_id not in there:
                await _put_number(connection, number, now)
            sealed = vault.seal(keys.meta_token)
            await apps.put_token(connection, WabaId(number.waba_id), sealed)
        for app_id, credential, kind in (
            (APP, keys.app_key, Credential.GATEWAY_KEY),
            (PASS_THROUGH_APP, keys.pass_through_token, Credential.META_TOKEN),
        ):
            app = App(app_id, app_id, credential_hash(credential), kind)
            await apps.put(connection, app, now)


async def _put_number(connection: Any, number: DemoNumber, now: datetime) -> None:
    await quota.touch(connection, [PoolId(number.pool_id)])
    settings = NumberSettings(
        PhoneNumberId(number.phone_number_id),
        PoolId(number.pool_id),
        WabaId(number.waba_id),
        number.display_phone_number,
        80,
        now if number.is_new else None,
    )
    await numbers.put(connection, settings, now)
    rules = RULES | ({"activity": "enforce"} if number.is_new else {})
    await numbers.turn(connection, settings.phone_number_id, {"rules": rules})


def summary(keys: DemoKeys, urls: Mapping[str, str]) -> dict[str, Any]:
    """Return what `sandbox.json` says; `urls` has gateway_url, admin_url and emulator_url."""
    return {
        **urls,
        "app": {"name": APP, "key": keys.app_key},
        "pass_through_app": {"name": PASS_THROUGH_APP, "token": keys.pass_through_token},
        "admin_key": keys.admin_key,
        "app_secret": keys.app_secret,
        "verify_token": keys.verify_token,
        "numbers": [
            {
                "phone_number_id": number.phone_number_id,
                "display_phone_number": number.display_phone_number,
                "waba_id": number.waba_id,
                "pool_id": number.pool_id,
                "regime": number.regime,
                "messaging_limit": number.messaging_limit,
            }
            for number in NUMBERS
        ],
        "templates": [
            {
                "name": template.name,
                "language": LANGUAGE,
                "category": template.category,
                "status": template.status,
            }
            for template in TEMPLATES
        ],
    }


def _emulated_number(number: DemoNumber) -> dict[str, Any]:
    is_own = number.regime is Regime.PER_NUMBER
    return {
        "phone_number_id": number.phone_number_id,
        "display_phone_number": number.display_phone_number,
        "waba_id": number.waba_id,
        "portfolio_id": None if is_own else PORTFOLIO,
        "regime": number.regime,
        "messaging_limit": number.messaging_limit if is_own else None,
    }


def _emulated_template(template: DemoTemplate, waba_id: str, template_id: str) -> dict[str, Any]:
    return {
        "id": template_id,
        "waba_id": waba_id,
        "name": template.name,
        "language": LANGUAGE,
        "category": template.category,
        "status": template.status,
        "components": [{"type": "BODY", "text": template.body}],
    }
