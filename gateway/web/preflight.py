"""`POST /admin/v1/preflight`: when a campaign could go, and what holds it back; nothing is sent."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final, Literal, NamedTuple, Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.policy.facts import TemplateFacts
from gateway.policy.fold import PoolState
from gateway.policy.lanes import Sender
from gateway.policy.preflight import Campaign, Plan, plan
from gateway.policy.send_class import CLASS_OF_CATEGORY
from gateway.policy.slots import Hold, Leaving, Supply
from gateway.store import preflight as store
from gateway.store.facts import load_states
from gateway.store.preflight import Audience, Found, Origin
from gateway.web.admin import AdminParts, BadRequestError, Route, problem, read_body, reply, wrong
from gateway.web.recipient_list import (
    MOST,
    RecipientList,
    TooManyError,
    first_column,
    json_value,
)
from gateway.web.schemas import ID
from gateway.whatsapp.ids import PhoneNumberId, PoolId, UserId
from gateway.whatsapp.number import UNLIMITED
from gateway.whatsapp.recipient import Dialling, dialling_of
from gateway.whatsapp.template import (
    TemplateCategory,
    TemplateKey,
    TemplateStatus,
    normalise_language,
)

CHUNK: Final = 10_000
"""Users looked up in one statement."""
READ_AT_ONCE: Final = 16_384  # bytes
LINES: Final = {
    "text/csv": first_column,
    "text/plain": first_column,
    "application/x-ndjson": json_value,
}
MARKETING: Final = frozenset({TemplateCategory.MARKETING, TemplateCategory.UNKNOWN})


class TemplateBody(BaseModel):
    """The template that is to be sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=512, pattern=r"^[^\x00]*$")
    language: str = Field("en_US", min_length=1, max_length=32, pattern=r"^[^\x00]*$")


class PreflightBody(BaseModel):
    """What is asked: from one number or from all of a pool; `app_id` where apps have shares."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phone_number_id: str | None = Field(None, pattern=ID)
    pool_id: str | None = Field(None, pattern=ID)
    category: Literal["marketing", "utility", "authentication"]
    template: TemplateBody | None = None
    app_id: str = Field("", pattern=r"^[A-Za-z0-9_.:-]{0,64}$")
    count: int | None = Field(None, ge=0, le=MOST)
    recipients: tuple[str | int, ...] | None = None

    @model_validator(mode="after")
    def _is_from_one(self) -> Self:
        if (self.phone_number_id is None) == (self.pool_id is None):
            raise ValueError("either phone_number_id or pool_id is needed")
        return self

    def wants_one_list(self) -> None:
        """Raise BadRequestError unless there is either a count or a list."""
        if (self.count is None) == (self.recipients is None):
            raise BadRequestError("body: either count or recipients is needed")


class Asked(NamedTuple):
    """A question, and to whom it would be sent; `listed` None: only a count is known."""

    body: PreflightBody
    listed: RecipientList | None


class Preflight:
    """The room of the preflight; one plan at a time, so that traffic is not held up."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    def routes(self) -> tuple[Route, ...]:
        """Return the paths of this room."""
        return (Route("POST", "/preflight", self.ask),)

    async def ask(self, parts: AdminParts, request: web.Request) -> web.Response:
        """Tell when everything could go; writes nothing."""
        encoding = request.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            return problem(415, f"the list must come as it is, not as {encoding[:32]}")
        if request.content_type not in {*LINES, "application/json", "application/octet-stream"}:
            known = ", ".join(("application/json", *LINES))
            return problem(415, f"Content-Type must be one of {known}")
        try:
            asked = await _asked(parts, request)
        except TooManyError:
            return problem(413, f"a list has {MOST:,} recipients at the most")
        async with self._turn:
            return reply(await _answer(parts, asked))


async def _asked(parts: AdminParts, request: web.Request) -> Asked:
    entry = LINES.get(request.content_type)
    if entry is None:
        body = await read_body(request, PreflightBody)
        body.wants_one_list()
    else:
        body = _of_query(request)
    if body.count is not None:
        return Asked(body, None)
    async with parts.database.connection() as connection:
        listed = RecipientList(_dialling(await _origins(connection, body)))
    if entry is not None:
        await listed.read(request.content.iter_chunked(READ_AT_ONCE), entry)
    else:
        await listed.take(str(recipient) for recipient in body.recipients or ())
    return Asked(body, listed)


async def _origins(connection: Any, body: PreflightBody) -> list[Origin]:
    """Return the numbers it could be sent from, at least one."""
    if body.phone_number_id is not None:
        return [await store.origin(connection, PhoneNumberId(body.phone_number_id))]
    origins = await store.origins_of_pool(connection, PoolId(body.pool_id or ""))
    if not origins:
        raise BadRequestError(f"pool_id: {body.pool_id} has no number to send from")
    return origins


def _of_query(request: web.Request) -> PreflightBody:
    """Read the question from the query string, where the body is the list."""
    given: dict[str, Any] = dict(request.query)
    name, language = given.pop("template", None), given.pop("language", None)
    if name is not None:
        given["template"] = {"name": name} | ({"language": language} if language else {})
    elif language is not None:
        raise BadRequestError("language: says nothing without a template")
    if unfit := given.keys() & {"count", "recipients"}:
        raise BadRequestError(f"{min(unfit)}: the body is the list")
    try:
        return PreflightBody.model_validate(given)
    except ValidationError as error:
        raise wrong(error) from None


def _dialling(origins: Sequence[Origin]) -> Dialling | None:
    """Return how to read numbers without a country: the way of all origins, if they have one."""
    found = [dialling_of(origin.display_phone_number) for origin in origins]
    return found[0] if all(each == found[0] for each in found) else None


async def _answer(parts: AdminParts, asked: Asked) -> dict[str, Any]:
    now = parts.clock.now()
    async with store.snapshot(parts.database) as connection:
        campaign, view = await _campaign(connection, parts, asked, now)
    planned = await asyncio.to_thread(plan, campaign, now)
    return {"asked_at": now} | view | _plan_view(planned)


async def _campaign(
    connection: Any, parts: AdminParts, asked: Asked, now: datetime
) -> tuple[Campaign, dict[str, Any]]:
    """Return what is to be planned, and what the answer says of its recipients."""
    origins = await _origins(connection, asked.body)
    pool_id, window = origins[0].pool_id, parts.knobs.limit_window
    _, state = (await load_states(connection, [pool_id], parts.knobs))[pool_id]
    senders = _senders(asked.body, origins, state)
    category = _category(asked.body, senders)
    from_ids = [sender.number.phone_number_id for sender in senders]
    taken: Counter[Leaving] = Counter()
    if state.messaging_limit < UNLIMITED:
        taken = await store.leaving(connection, pool_id, now, window)
    audience = Audience(pool_id, from_ids if category in MARKETING else [], now, window)
    found, again = await _look_up(connection, audience, asked)
    supply = Supply(
        state.regime,
        state.messaging_limit,
        state.headroom,
        _slots(taken - found.counted),
        state.shares,
    )
    campaign = Campaign(
        senders,
        supply,
        CLASS_OF_CATEGORY[category],
        asked.body.app_id,
        found.new,
        _slots(found.counted),
    )
    head = {"pool_id": pool_id, "phone_number_ids": from_ids, "category": category.lower()}
    return campaign, head | _counts_view(asked.listed, found, again)


def _category(body: PreflightBody, senders: Sequence[Sender]) -> TemplateCategory:
    """Return the category: the template's own word, where it is known."""
    known = (sender.template.category for sender in senders if sender.template)
    return next(known, TemplateCategory(body.category.upper()))


def _senders(body: PreflightBody, origins: Sequence[Origin], state: PoolState) -> list[Sender]:
    """Return the numbers as they stand; a template that is known says itself what it is."""
    claimed = TemplateFacts(TemplateCategory(body.category.upper()), TemplateStatus.APPROVED)
    key = None
    if body.template is not None:
        key = TemplateKey(body.template.name, normalise_language(body.template.language))
    senders = []
    for origin in origins:
        number = state.numbers[origin.phone_number_id]
        is_synced = number.waba_id in state.synced_wabas
        known = state.template(origin.phone_number_id, key)
        senders.append(
            Sender(
                number,
                origin.throughput,
                state.knobs[origin.phone_number_id],
                key or TemplateKey("", ""),
                known if key and (known or is_synced) else claimed,
                is_synced,
                state.restrictions.get(number.waba_id, ()),
                origin.paces,
            )
        )
    return senders


async def _look_up(connection: Any, audience: Audience, asked: Asked) -> tuple[Found, int]:
    """Return what is known of all recipients, and how many are somebody listed by another name."""
    if asked.listed is None:
        return Found(new=asked.body.count or 0), 0
    found, again = Found(), 0
    users = asked.listed.users
    behind: set[UserId] = set()  # an alias
    remaining = iter(users)
    while some := list(islice(remaining, CHUNK)):
        persons = await store.resolve(connection, audience.pool_id, some)
        chunk = [name for name in some if name not in persons]
        for user in persons.values():
            if user in users or user in behind:
                again += 1
            else:
                behind.add(user)
                chunk.append(user)
        await store.look_up(connection, audience, chunk, found)
    return found, again


def _slots(counted: Counter[Leaving]) -> list[Leaving]:
    return [each._replace(slots=slots) for each, slots in counted.items()]


def _counts_view(listed: RecipientList | None, found: Found, again: int) -> dict[str, Any]:
    """Return who is planned for and who is left out, and why."""
    counted = found.counted.total()
    return {
        "total": listed.total if listed else found.new,
        "recipients": found.new + counted,
        "new": found.new,
        "counted": counted,
        "left_out": {
            "unreadable": listed.unreadable if listed else 0,
            "duplicate": (listed.duplicates if listed else 0) + again,
            "stopped": found.stopped,
            "capped": found.capped,
        },
        "capped_until": found.capped_until,
        "unreadable": [each._asdict() for each in listed.examples] if listed else [],
    }


def _plan_view(planned: Plan) -> dict[str, Any]:
    return {
        "now": planned.now_count,
        "last_at": planned.last_at,
        "unplanned": planned.unplanned,
        "reason": _hold_view(planned.reason) if planned.reason else None,
        "slices": [
            {"at": each.at, "until": each.until, "count": each.messages} | _hold_view(each.hold)
            for each in planned.slices
        ],
        "days": [{"day": day, "count": count} for day, count in planned.days],
    }


def _hold_view(hold: Hold) -> dict[str, str]:
    return {"rule": hold.rule, "sentence": hold.sentence}
