"""The templates of each WABA: status, category, pause."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from gateway.store.queries import beside
from gateway.whatsapp.ids import PoolId, WabaId
from gateway.whatsapp.template import TemplateCategory, TemplateKey, TemplateQuality, TemplateStatus

SQL = beside(__file__)


class StatusNote(NamedTuple):
    """A word about a template's status; `category` None where it was not spoken of."""

    key: TemplateKey
    template_id: str | None
    category: TemplateCategory | None
    status: TemplateStatus
    at: datetime
    paused_until: datetime | None


class Listed(NamedTuple):
    """One entry of a WABA's template list; `ttl_s` None where the list names no validity."""

    key: TemplateKey
    template_id: str
    category: TemplateCategory
    status: TemplateStatus
    ttl_s: int | None = None


async def note_status(connection: Any, waba_id: WabaId, note: StatusNote) -> None:
    """Remember a status unless a later one is known."""
    await connection.execute(
        SQL["note_status"],
        waba_id,
        *note.key,
        note.template_id,
        note.category,
        note.status,
        note.at,
        note.paused_until,
    )


async def note_category(
    connection: Any, waba_id: WabaId, key: TemplateKey, category: TemplateCategory, at: datetime
) -> None:
    """Remember the category now in force unless a later one is known."""
    await connection.execute(SQL["note_category"], waba_id, *key, None, category, at)


async def note_quality(
    connection: Any, waba_id: WabaId, key: TemplateKey, quality: TemplateQuality
) -> None:
    """Remember a template's quality score."""
    await connection.execute(SQL["note_quality"], waba_id, *key, quality)


async def sync(connection: Any, waba_id: WabaId, listed: Sequence[Listed], at: datetime) -> None:
    """Take over a WABA's whole template list as read at `at`; needs a transaction."""
    names = [entry.key.name for entry in listed]
    languages = [entry.key.language for entry in listed]
    await connection.execute(
        SQL["sync"],
        waba_id,
        names,
        languages,
        [entry.template_id for entry in listed],
        [entry.category for entry in listed],
        [entry.status for entry in listed],
        at,
        [entry.ttl_s for entry in listed],
    )
    await connection.execute(SQL["drop_others"], waba_id, names, languages, at)
    await connection.execute(SQL["synced"], waba_id, at)


async def of_waba(connection: Any, waba_id: WabaId) -> list[Mapping[str, Any]]:
    """Return the templates of a WABA."""
    rows: list[Mapping[str, Any]] = await connection.fetch(SQL["of_waba"], waba_id)
    return rows


async def pools_of_waba(connection: Any, waba_id: WabaId) -> list[PoolId]:
    """Return the pools whose numbers use the WABA's templates."""
    return [row["pool_id"] for row in await connection.fetch(SQL["pool_ids"], waba_id)]
