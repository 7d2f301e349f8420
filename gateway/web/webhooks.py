"""Answers Meta's webhooks: the verification request and the deliveries."""

from aiohttp import web

from gateway.inbound.ingress import BadSignatureError, Ingress
from gateway.store.errors import StoreUnavailableError


class Webhooks:
    """The handlers of `/webhooks/whatsapp`. Source: W-OVR (26 Jun 2026), R§8.1."""

    def __init__(self, ingress: Ingress) -> None:
        self._ingress = ingress

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer whatever comes to the webhook's path."""
        if request.method == "GET":
            return await self.verify(request)
        if request.method == "POST":
            return await self.deliver(request)
        return web.Response(status=405, text="GET or POST", headers={"Allow": "GET, POST"})

    async def verify(self, request: web.BaseRequest) -> web.Response:
        """Answer the challenge when the verify token is ours, 403 otherwise."""
        query = request.query
        if not self._ingress.is_verification(query.get("hub.mode"), query.get("hub.verify_token")):
            return web.Response(status=403, text="the verify token does not match")
        return web.Response(text=query.get("hub.challenge", ""))

    async def deliver(self, request: web.BaseRequest) -> web.Response:
        """Answer 200 once the delivery is durable; anything else makes Meta try again."""
        body = await request.read()
        try:
            await self._ingress.append(request.headers.get("X-Hub-Signature-256"), body)
        except BadSignatureError:
            return web.Response(status=401, text="the signature does not match")
        except StoreUnavailableError:
            return web.Response(status=503, text="try again")
        return web.Response(text="ok")
