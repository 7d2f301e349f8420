"""Answers uploads, look-ups, downloads and deletions of media."""

from aiohttp import BodyPartReader, web

from gateway.emulator.errors import Refusal
from gateway.emulator.graph import access, answers
from gateway.emulator.graph.media import Media, largest_of
from gateway.emulator.registry import Number
from gateway.emulator.state import State

DOWNLOAD_PATH = "/_media"


async def upload(state: State, request: web.Request, number: Number) -> web.StreamResponse:
    """Keep a file sent as multipart with `messaging_product`, `file` and `type` (R§1.1).

    As everywhere in the Graph API, what is no file may stand in the query instead.
    """
    if not request.content_type.startswith("multipart/"):
        return answers.refusal(state, Refusal(100, "The body must be multipart/form-data."))
    fields: dict[str, str] = dict(request.query)
    content: bytes | None = None
    file_type = "application/octet-stream"
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        if part.name == "file":
            content = bytes(await part.read())
            file_type = part.headers.get("Content-Type", file_type)
        else:
            fields[part.name] = await part.text()
    if fields.get("messaging_product") != "whatsapp":
        return answers.refusal(state, Refusal(100, "messaging_product must be whatsapp."))
    if content is None:
        return answers.refusal(state, Refusal(100, "The parameter file is required."))
    mime_type = fields.get("type") or file_type
    if len(content) > largest_of(mime_type):
        return answers.refusal(state, Refusal(131053, f"The file is too large for {mime_type}."))
    media = state.media.add(number.id, mime_type, content, state.now())
    return answers.json({"id": media.id})


def node(state: State, request: web.Request, media: Media) -> web.StreamResponse:
    """Describe or delete a file; the address is on this server and lasts five minutes (R§1.3)."""
    wanted = request.query.get("phone_number_id", media.phone_number_id)
    if wanted != media.phone_number_id:
        return answers.refusal(state, Refusal(100, "The media belongs to another number."))
    if request.method == "DELETE":
        state.media.delete(media.id)
        return answers.success()
    ticket = state.media.ticket(media.id, state.now())
    return answers.json(
        {
            "url": f"{request.url.origin()}{DOWNLOAD_PATH}/{ticket}",
            "mime_type": media.mime_type,
            "sha256": media.sha256,
            "file_size": len(media.content),
            "id": media.id,
            "messaging_product": "whatsapp",
        }
    )


def download(state: State, request: web.Request) -> web.StreamResponse:
    """Give the bytes to whoever shows the token; 404 once the address has expired."""
    wabas = access.wabas_of_bearer(state, request.headers.get("Authorization"))
    if isinstance(wabas, Refusal):
        return answers.refusal(state, wabas)
    media = state.media.redeem(request.match_info["ticket"], state.now())
    if media is None:
        return web.Response(status=404, text="URL expired or unknown")
    if isinstance(access.find(state, media.id, wabas), Refusal):
        return answers.refusal(state, Refusal(200, "The token has no access to this media."))
    return web.Response(body=media.content, content_type=media.mime_type.partition(";")[0])
