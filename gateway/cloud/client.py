"""Calls the Cloud API: sends messages, streams everything else, reads nodes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Self

import aiohttp
import orjson
from yarl import URL

from gateway.cloud.deadlines import Deadlines
from gateway.cloud.outcome import InDoubt, Outcome, Refused, outcome_of
from gateway.cloud.wire import NeverLeftError, Wire

GRAPH: Final = "https://graph.facebook.com"
PAGE: Final = 250  # templates a page, the most a small account may have
MOST_PAGES: Final = 40


class CloudError(Exception):
    """The Cloud API did not give what was asked for; the message says why."""


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """Where the Cloud API is and how long to wait for it, in seconds."""

    base_url: str = GRAPH
    version: str = "v25.0"
    answer_timeout_s: float = 30.0
    connect_timeout_s: float = 5.0
    connections: int = 512


class CloudClient:
    """One keep-alive session to the Cloud API."""

    def __init__(self, session: aiohttp.ClientSession, settings: CloudSettings) -> None:
        self._session = session
        self._settings = settings
        self._base = settings.base_url.rstrip("/")
        # How long an answer may take is for `Deadlines` to say.
        self._deadlines = Deadlines(settings.answer_timeout_s)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout_s)
        self._wire = Wire(session, self._base, timeout)
        self._url = lru_cache(maxsize=4096)(self._make_url)
        self._stream_timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=settings.connect_timeout_s,
            sock_read=settings.answer_timeout_s,
        )

    @classmethod
    def open(cls, settings: CloudSettings) -> Self:
        """Open the session; `close` it in the end."""
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=settings.connections),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept", "Content-Type"),
        )
        return cls(session, settings)

    async def close(self) -> None:
        """Close the session; what waits for an answer ends at once, a send in doubt."""
        await self._session.close()

    async def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Post one message and tell what became of it; never raises for what the network does."""
        try:
            with self._deadlines:
                answer = await self._wire.post(path, headers, body)
        except NeverLeftError as error:
            return Refused(None, None, f"the Cloud API cannot be reached ({error})")
        except TimeoutError:
            seconds = self._settings.answer_timeout_s
            return InDoubt(None, f"no answer within {seconds:g} s", timed_out=True)
        except (aiohttp.ClientError, OSError) as error:
            if self._session.closed:
                return InDoubt(None, "the gateway was stopped before Meta had answered")
            return InDoubt(None, f"the connection broke ({type(error).__name__})")
        return outcome_of(answer)

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, headers: Mapping[str, str], body: AsyncIterator[bytes] | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Pass a request through and lend the response; the body is streamed both ways.

        `url` is a path of the Cloud API, or a whole URL that Meta itself has handed out. Raises
        aiohttp.ClientError or TimeoutError.
        """
        async with self._session.request(
            method,
            self._url(url) if url.startswith("/") else URL(url, encoded=True),
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=self._stream_timeout,
        ) as response:
            yield response

    async def get_number(self, phone_number_id: str, token: str) -> Mapping[str, Any]:
        """Return the phone-number node with the fields that govern; CloudError if it is refused."""
        fields = (
            "id,display_phone_number,quality_rating,status,throughput,messaging_limit_tier,"
            "whatsapp_business_manager_messaging_limit,is_on_biz_app"
        )
        return await self._get(
            f"/{self._settings.version}/{phone_number_id}?fields={fields}", token
        )

    async def get_templates(self, waba_id: str, token: str) -> list[Mapping[str, Any]]:
        """Return the whole template list of a WABA; CloudError if any page is refused."""
        fields = "id,name,language,category,status,message_send_ttl_seconds"
        path = f"/{self._settings.version}/{waba_id}/message_templates?fields={fields}&limit={PAGE}"
        templates: list[Mapping[str, Any]] = []
        after = ""
        for _ in range(MOST_PAGES):
            page = await self._get(path + after, token)
            data = page.get("data")
            if not isinstance(data, list):
                # Not a list: what is missing from it must not be taken for deleted.
                raise CloudError(f"WABA {waba_id}: the answer holds no template list")
            templates += [entry for entry in data if isinstance(entry, dict)]
            cursor = _next_page(page)
            if cursor is None:
                return templates
            after = f"&after={cursor}"
        raise CloudError(f"WABA {waba_id} lists more than {MOST_PAGES * PAGE} templates")

    async def _get(self, path: str, token: str) -> Mapping[str, Any]:
        try:
            async with self._session.get(
                self._url(path),
                headers={"Authorization": f"Bearer {token}"},
                timeout=self._stream_timeout,
            ) as response:
                body = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise CloudError(f"the Cloud API cannot be reached ({type(error).__name__})") from error
        try:
            node = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise CloudError(f"HTTP {response.status} without JSON") from error
        if response.status != 200 or not isinstance(node, dict):  # noqa: PLR2004 - OK
            raise CloudError(f"HTTP {response.status}: {_message(node)}")
        return node

    def _make_url(self, path: str) -> URL:
        return URL(self._base + path, encoded=True)


def _message(node: Any) -> str:
    error = node.get("error") if isinstance(node, dict) else None
    return str(error.get("message")) if isinstance(error, dict) else "no error given"


def _next_page(page: Mapping[str, Any]) -> str | None:
    """Return the cursor of the next page, None on the last; CloudError where it is missing."""
    paging = page.get("paging") or {}
    if isinstance(paging, dict):
        if not paging.get("next"):
            return None
        cursors = paging.get("cursors")
        cursor = cursors.get("after") if isinstance(cursors, dict) else None
        if isinstance(cursor, str) and cursor:
            return cursor
    raise CloudError("the list goes on, but does not say where")
