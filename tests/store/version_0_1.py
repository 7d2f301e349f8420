"""Lets the statements of version 0.1.0 live through what they were made for."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from gateway.store.queries import beside
from tests.policy.making import DAY, NOW, NUMBER, POOL, WABA

FOLDER: Final = Path(__file__).parent / "released"
SQL: Final = {**beside(str(FOLDER / "accounts.py")), **beside(str(FOLDER / "traffic.py"))}
LATER: Final = NOW + timedelta(seconds=5)
AGED: Final = NOW - DAY
USERS: Final = ("34600000001", "34600000002", "ES.made-up", "34600000004")
TAKEN, REFUSED, TWIN, LOST = IDS = tuple(UUID(int=number) for number in range(1, 5))


def rows(*documents: dict[str, Any]) -> str:
    return orjson.dumps(documents).decode()


def reserved(number: int) -> dict[str, Any]:
    """Return the row of the journal of an admitted template."""
    return {
        "pool_id": POOL,
        "message_id": IDS[number],
        "created_at": NOW,
        "app_id": "shop",
        "phone_number_id": NUMBER,
        "user_id": USERS[number],
        "type": "template",
        "template_name": "order_update",
        "template_language": "en_US",
        "category": "UTILITY",
        "business_initiated": True,
        "decision": "admit",
        "objections": '[{"rule": "pair_rate", "shadow": true}]',
        "state": "reserved",
        "hold": "reserved",
        "correlated": True,
    }


def turned_away() -> dict[str, Any]:
    away = {"decision": "defer", "rule": "messaging_limit", "retry_at": NOW, "code": 131048}
    plain = {"message_id": UUID(int=9), "state": "turned_away", "hold": None, "detail": "No."}
    return reserved(0) | away | plain


def answered(number: int, state: str, **more: Any) -> dict[str, Any]:
    return {
        "pool_id": POOL,
        "message_id": IDS[number],
        "state": state,
        "answered_at": LATER,
        **more,
    }


SETTING_UP: Final[tuple[tuple[Any, ...], ...]] = (
    ("pools_put", POOL, "portfolio", 2000, NOW, 0.05, "operator"),
    ("numbers_put_waba", WABA),
    ("numbers_put_number", NUMBER, POOL, WABA, "+1 555-000-1001", NOW, 80),
    ("apps_put", "shop", "Shop", b"hash", "gateway_key", NOW),
    ("apps_put_token", WABA, b"sealed"),
    ("apps_put_media", ["1"], [NUMBER], [NOW]),
    ("templates_sync", WABA, ["order_update"], ["en_US"], ["7"], ["UTILITY"], ["APPROVED"], NOW),
    ("templates_synced", WABA, NOW),
    ("templates_note_status", WABA, "sale", "en_US", None, "MARKETING", "PAUSED", NOW, LATER),
)
SENDING: Final[tuple[tuple[Any, ...], ...]] = (
    ("facts_hot", [POOL], [NUMBER], [USERS[0]]),
    (
        "quota_reserve",
        rows({"pool_id": POOL, "version": 0, "added": 4, "restricts": True}),
        rows(*({"pool_id": POOL, "user_id": user, "reached_at": NOW} for user in USERS)),
        rows(
            *(
                {"pool_id": POOL, "phone_number_id": NUMBER, "user_id": user, "pair_tat": LATER}
                for user in USERS
            )
        ),
        rows({"pool_id": POOL, "phone_number_id": NUMBER, "restricted_until": LATER}),
        rows(*map(reserved, range(4)), turned_away()),
    ),
    (
        "messages_answered",
        rows(
            answered(0, "accepted", wamid="wamid.1"),
            answered(1, "refused", code=131026, detail="No."),
            answered(2, "in_doubt"),
        ),
    ),
    ("messages_remember_wamids", ["wamid.1"], [POOL], [TAKEN]),
    ("messages_unanswered", UUID(int=0), LOST),
    ("quota_release", POOL, [REFUSED], AGED),
    ("quota_lift", POOL, [REFUSED]),
)
HEARING: Final[tuple[tuple[Any, ...], ...]] = (
    ("inbox_append", NOW, b"{}"),
    ("inbox_done", LATER, [1], ["made-up"]),
    ("contacts_open_windows", [POOL], [NUMBER], [USERS[0]], [LATER]),
    ("contacts_prefer", POOL, NUMBER, USERS[1], True, LATER),
    (
        "messages_progressed",
        [POOL], [TAKEN], ["delivered"], ["wamid.1"], [True], [None], [None],
        [LATER], [LATER], [None], [None],
    ),
    ("contacts_learn_alias", POOL, USERS[2], USERS[0]),
    ("contacts_merge_ledger", POOL, USERS[2], USERS[0]),
    ("contacts_merge_contacts", POOL, USERS[2], USERS[0]),
    ("contacts_merge_messages", POOL, USERS[2], USERS[0]),
    ("quota_restore", POOL, [REFUSED], AGED),
    ("numbers_put_restriction", WABA, "RESTRICTED_BIZ_INITIATED_MESSAGING", LATER, NOW),
    ("numbers_save", NUMBER, "FLAGGED", NOW, "RED", NOW, 20, LATER, LATER, "meta", NOW),
    ("pools_set_limit", POOL, 250, "meta", LATER, True),
    ("quota_expire", POOL, NOW),
)  # fmt: skip


async def live(connection: Any) -> None:
    """Set up a pool, send to four users, and hear of what became of it."""
    for name, *parameters in (*SETTING_UP, *SENDING, *HEARING):
        await connection.execute(SQL[name], *parameters)
