from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from gateway.outbound.parcels import Wishes
from gateway.store.apps import App, Credential
from gateway.store.directory import Directory, credential_hash
from gateway.store.vault import Vault
from gateway.web.auth import Authenticator, Caller, NoTokenError, UnknownAppError, is_admin
from gateway.whatsapp.ids import WabaId

KEY, TOKEN, STRANGER = "gw_made-up", "EAAknown", "EAAstranger"
HASTY = "gw_hasty"
WABA, POOR = WabaId("100000000000001"), WabaId("100000000000002")


class FixedDirectory(Directory):
    """Knows one app by a key, one by a token, and the token of one account."""

    def __init__(self) -> None:
        nowhere: Any = None
        super().__init__(nowhere, Vault(""))
        self._apps = {
            credential_hash(KEY): App("shop", "", b"", Credential.GATEWAY_KEY),
            credential_hash(HASTY): App(
                "hasty", "", b"", Credential.GATEWAY_KEY, 0.5, joins_retries=False
            ),
            credential_hash(TOKEN): App("crm", "", b"", Credential.META_TOKEN),
        }
        self._tokens = {WABA: "EAAvault"}

    def forget(self, credential: str) -> None:
        """Read the apps again, without one."""
        del self._apps[credential_hash(credential)]
        self.generation += 1


def request(header: str | None) -> web.BaseRequest:
    """Return as much of a request as is looked at."""
    headers = {} if header is None else {"Authorization": header}
    return cast("web.BaseRequest", SimpleNamespace(headers=headers))


def authenticator(*, pass_through: bool = True) -> Authenticator:
    return Authenticator(FixedDirectory(), pass_through=pass_through)


@pytest.mark.parametrize(
    ("header", "caller"),
    [
        (f"Bearer {KEY}", Caller("shop", None)),
        (f"bearer   {KEY}  ", Caller("shop", None)),
        (f"Bearer {HASTY}", Caller("hasty", None, joins_retries=False, wishes=Wishes(wait_s=0.5))),
        (f"Bearer {TOKEN}", Caller("crm", TOKEN, joins_retries=True)),
        (f"Bearer {STRANGER}", Caller("pass-through", STRANGER)),
    ],
)
def test_a_caller_is_known_by_key_or_by_token(header: str, caller: Caller) -> None:
    assert authenticator().caller(request(header)) == caller


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer  ",
        KEY,
        f"Basic {KEY}",
        "Bearer gw_other",
        "Bearer EAAñ",
        "Bearer EAA\udcff",
    ],
)
def test_nobody_else_is_known(header: str | None) -> None:
    with pytest.raises(UnknownAppError) as unknown:
        authenticator().caller(request(header))
    assert KEY not in str(unknown.value)


def test_a_key_that_was_withdrawn_is_not_known_any_more() -> None:
    directory = FixedDirectory()
    auth = Authenticator(directory, pass_through=True)
    for _ in range(2):
        assert auth.caller(request(f"Bearer {KEY}")).app_id == "shop"
    directory.forget(KEY)
    with pytest.raises(UnknownAppError):
        auth.caller(request(f"Bearer {KEY}"))


def test_many_strangers_do_not_keep_an_app_from_being_known() -> None:
    auth = authenticator()
    for number in range(5000):
        auth.caller(request(f"Bearer EAA{number}"))
    assert auth.caller(request(f"Bearer {KEY}")).app_id == "shop"


def test_without_pass_through_a_token_must_be_that_of_an_app() -> None:
    strict = authenticator(pass_through=False)
    assert strict.caller(request(f"Bearer {TOKEN}")).app_id == "crm"
    with pytest.raises(UnknownAppError, match="key of this gateway is required"):
        strict.caller(request(f"Bearer {STRANGER}"))


def test_a_key_is_exchanged_for_the_accounts_token_and_a_token_is_kept() -> None:
    auth = authenticator()
    assert auth.authorization(Caller("shop", None), WABA) == "Bearer EAAvault"
    assert auth.authorization(Caller("crm", TOKEN), WABA) == f"Bearer {TOKEN}"
    with pytest.raises(NoTokenError, match=POOR):
        auth.authorization(Caller("shop", None), POOR)


@pytest.mark.parametrize(
    ("header", "key", "is_let_in"),
    [
        ("Bearer admin", "admin", True),
        ("Bearer admin2", "admin", False),
        ("Bearer ", "admin", False),
        (None, "admin", False),
        ("Bearer ñ", "admin", False),
        ("Bearer \udcff", "admin", False),
        ("Bearer None", None, False),
        ("Bearer ", None, False),
    ],
)
def test_only_the_admin_key_opens_the_admin_api(
    header: str | None,
    key: str | None,
    is_let_in: bool,  # noqa: FBT001 - the expectation of a row
) -> None:
    assert is_admin(request(header), key) is is_let_in
