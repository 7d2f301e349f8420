"""Tells who is calling, and with which token the Cloud API is to be called for them."""

import hmac
from typing import Final, NamedTuple

from aiohttp import web

from gateway.outbound.parcels import Wishes
from gateway.policy.send_class import SendClass
from gateway.store.apps import App, Credential
from gateway.store.directory import Directory
from gateway.whatsapp.ids import WabaId

KEY_PREFIX: Final = "gw_"
BEARER: Final = "Bearer "
MOST_KNOWN: Final = 1000


class UnknownAppError(Exception):
    """Nobody knows the caller; the message is one sentence for them."""


class NoTokenError(Exception):
    """The vault has no access token for the account; the message says what to do."""


class Caller(NamedTuple):
    """An app, and the Meta token it brought along (None when it came with a key of ours).

    `joins_retries`: whether a request that repeats one on its way gets the answer of the first.
    `wishes`: what it wants of its messages unless a request says otherwise.
    """

    app_id: str
    own_token: str | None
    joins_retries: bool = True
    wishes: Wishes = Wishes()


class Authenticator:
    """Knows apps by their key, or by the Meta token they bring."""

    def __init__(self, directory: Directory, *, pass_through: bool) -> None:
        self._directory = directory
        self._pass_through = pass_through
        # Who was recognised, until the directory is read again.
        self._known: dict[str, Caller] = {}
        self._known_at = 0

    def caller(self, request: web.BaseRequest) -> Caller:
        """Return who is calling; UnknownAppError when nobody knows."""
        header = request.headers.get("Authorization", "")
        if self._known_at != self._directory.generation:
            self._known.clear()
            self._known_at = self._directory.generation
        caller = self._known.get(header)
        if caller is None:
            caller = self._recognise(header)
            if len(self._known) < MOST_KNOWN:
                self._known[header] = caller
        return caller

    def _recognise(self, header: str) -> Caller:
        credential = header[len(BEARER) :].strip()
        if header[: len(BEARER)].lower() != BEARER.lower() or not credential:
            raise UnknownAppError("An access token is required: `Authorization: Bearer <key>`.")
        if not credential.isascii():
            raise UnknownAppError("This is neither a key nor an access token.")
        app = self._directory.app_of(credential)
        if credential.startswith(KEY_PREFIX):
            if app is None:
                raise UnknownAppError("This gateway key is not known.")
            return _caller(app, None)
        return self._with_meta_token(app, credential)

    def _with_meta_token(self, app: App | None, token: str) -> Caller:
        if app is not None and app.credential is Credential.META_TOKEN:
            return _caller(app, token)
        if not self._pass_through:
            raise UnknownAppError(
                "A key of this gateway is required; Meta tokens are not passed on."
            )
        return Caller("pass-through", token)

    def authorization(self, caller: Caller, waba_id: WabaId) -> str:
        """Return the `Authorization` header for the Cloud API."""
        token = caller.own_token or self._directory.token_of(waba_id)
        if token is None:
            raise NoTokenError(f"The gateway has no access token for account {waba_id}.")
        return BEARER + token


def _caller(app: App, own_token: str | None) -> Caller:
    parks: dict[str, bool] = dict.fromkeys(SendClass, True) if app.responds_async else {}
    parks.update(app.parks)
    wishes = Wishes(resends=app.resends, parks=parks, wait_s=app.wait_s)
    return Caller(app.app_id, own_token, app.joins_retries, wishes)


def is_admin(request: web.BaseRequest, key: str | None) -> bool:
    """Tell whether a request carries the admin key; without a key nobody does."""
    given = request.headers.get("Authorization", "").encode(errors="replace")
    return key is not None and hmac.compare_digest(given, (BEARER + key).encode())
