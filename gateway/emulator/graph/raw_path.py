"""Answers plain sends without a web framework, which would be slower than all the judging.

The emulator is also what benchmarks measure a gateway against, so it must not be what they
measure. Whatever is not a plain POST to `/messages` is left to aiohttp, and from then on the
whole connection is.
"""

import asyncio
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from aiohttp import web

from gateway.emulator.errors import Refusal
from gateway.emulator.graph import access, message_door
from gateway.emulator.registry import Number
from gateway.emulator.state import State

_REQUEST_LINE = re.compile(rb"POST /(?:v\d+\.\d+/)?(\d{1,32})/messages HTTP/1\.1\r\n")
_HEADERS = re.compile(
    rb"\r\n(authorization|content-length|transfer-encoding|content-encoding|expect|connection)"
    rb":[ \t]*([^\r\n]*)",
    re.IGNORECASE,
)
_LONGEST_HEAD = 16_384
_LONGEST_BODY = 262_144
_REASONS = {200: b"OK"}


@dataclass(frozen=True, slots=True)
class _Head:
    number_id: str
    length: int
    authorization: str | None


class RawPath(asyncio.Protocol):
    """One connection: sends are answered here, anything else by aiohttp's handler."""

    def __init__(self, state: State, server: web.Server) -> None:
        self._state = state
        self._framework = server()
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._is_left = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let both know the connection."""
        # Not checked by isinstance: the transports of other event loops inherit from nothing.
        self._transport = cast("asyncio.Transport", transport)
        self._framework.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Answer every complete send; leave the rest of the connection at the first other one."""
        if self._is_left:
            self._framework.data_received(data)
            return
        self._received += data
        while self._received and not self._is_left:
            if not self._answer_one():
                return

    def _answer_one(self) -> bool:
        """Answer the first request received; False when more of it must come."""
        received = self._received
        end = received.find(b"\r\n\r\n")
        if end < 0:
            return False if len(received) < _LONGEST_HEAD else self._leave()
        head = _read_head(received[:end])
        if head is None:
            return self._leave()
        total = end + 4 + head.length
        if len(received) < total:
            return False
        number = self._number(head)
        if number is None:
            return self._leave()
        status, body = message_door.answer_at_once(self._state, number, received[end + 4 : total])
        self._received = received[total:]
        self._write(status, body)
        return True

    def _number(self, head: _Head) -> Number | None:
        state = self._state
        if not state.faults.is_empty or state.knobs.answer_delay_s > 0:
            return None
        wabas = access.wabas_of_bearer(state, head.authorization)
        number = state.registry.numbers.get(head.number_id)
        if isinstance(wabas, Refusal) or number is None or number.waba_id not in wabas:
            return None
        return number

    def _write(self, status: int, body: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(
            b"HTTP/1.1 %d %b\r\nContent-Type: application/json; charset=UTF-8\r\n"
            b"Content-Length: %d\r\n\r\n%b"
            % (status, _REASONS.get(status, b"Refused"), len(body), body)
        )

    def _leave(self) -> bool:
        self._is_left = True
        received, self._received = self._received, b""
        self._framework.data_received(received)
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell aiohttp."""
        self._transport = None
        self._framework.connection_lost(exc)

    def pause_writing(self) -> None:
        """Tell aiohttp."""
        self._framework.pause_writing()

    def resume_writing(self) -> None:
        """Tell aiohttp."""
        self._framework.resume_writing()

    def eof_received(self) -> None:
        """Close, as aiohttp does."""
        self._framework.eof_received()


@lru_cache(maxsize=1024)  # a client repeats its heads on every request
def _read_head(head: bytes) -> _Head | None:
    """Read the head of a send that is as plain as can be; None for anything else."""
    line = _REQUEST_LINE.match(head + b"\r\n")
    length, authorization = None, None
    for name, value in _HEADERS.findall(head):
        match name.lower():
            case b"content-length" if value.isdigit():
                length = int(value)
            case b"authorization":
                authorization = str(value, "latin-1")
            case b"connection" if value.lower() == b"keep-alive":
                continue
            case _:
                return None
    if line is None or length is None or length > _LONGEST_BODY:
        return None
    return _Head(line.group(1).decode(), length, authorization)
