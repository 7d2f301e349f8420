"""Answers what never became a request, and what went wrong while it was answered."""

from collections.abc import Callable
from typing import Any, Final, Self

import structlog
from aiohttp import web

from gateway.web.replies import GENERIC, Refusal, refusal

INVALID: Final = 100


class Connection(web.RequestHandler):
    """One connection of a client, which may send anything or go away at any moment.

    aiohttp's own would log a traceback, and with it pieces of what was sent: tokens, bodies.
    """

    __slots__ = ("_on_hang_up",)

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self._on_hang_up: Callable[[], None] | None = None

    @classmethod
    def of(cls, request: web.BaseRequest) -> Self:
        """Return the connection of a request; TypeError where another listener took it."""
        connection = request.protocol
        if not isinstance(connection, cls):
            raise TypeError(f"{type(connection).__name__} is no connection of ours")
        return connection

    def tell(self, on_hang_up: Callable[[], None] | None) -> None:
        """Have `on_hang_up` called once when the client goes away, at once if it has.

        It takes the place of the one before, None of any: requests that were sent in one go are
        handled one after the other, and the client waits for the answer of this one.
        """
        self._on_hang_up = on_hang_up
        if not self.connected:
            self._hung_up()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell the request that is being handled, which goes on nevertheless."""
        super().connection_lost(exc)
        self._hung_up()

    def _hung_up(self) -> None:
        callback, self._on_hang_up = self._on_hang_up, None
        if callback is not None:
            callback()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it quotes what was sent
    ) -> web.StreamResponse:
        """Return an error in Meta's shape, after which the connection is closed."""
        if request.writer.output_size > 0 or isinstance(exc, ConnectionError):
            raise ConnectionError("there is nobody left to answer")
        if isinstance(exc, web.RequestPayloadError):
            status = web.HTTPBadRequest.status_code
        if status < web.HTTPInternalServerError.status_code:
            no = Refusal(status, INVALID, "This is not a readable HTTP request.", rule="envelope")
        else:
            self._log_failure("request failed", exc)
            details = "The gateway made a mistake; whether a message was sent is in its journal."
            no = Refusal(status, GENERIC, details, rule="gateway")
        response = refusal(no)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log what went wrong outside a request; what a client did to its own body is no news."""
        error = kw.get("exc_info")
        if not isinstance(error, web.RequestPayloadError):
            self._log_failure(str(args[0]) if args else "connection failed", error)

    def _log_failure(self, event: str, error: Any) -> None:
        # The text of an error may quote a body; its kind and place are enough to find it.
        structlog.get_logger("gateway.web.connection").error(
            event, error=type(error).__name__, at=_place(error)
        )


def _place(error: Any) -> str | None:
    found = getattr(error, "__traceback__", None)
    place = None
    while found is not None:
        module = found.tb_frame.f_globals.get("__name__", "")
        place = f"{module}:{found.tb_lineno}"
        found = found.tb_next
    return place
