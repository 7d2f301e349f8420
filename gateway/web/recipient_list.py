"""Reads a list of recipients while it arrives: every user once, what is unreadable counted."""

import asyncio
import re
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import orjson

from gateway.whatsapp.ids import UserId
from gateway.whatsapp.recipient import Dialling, Recipient, RecipientKind, is_bsuid, user_id

MOST: Final = 1_000_000
LONGEST_LINE: Final = 256  # bytes
SHORTEST_NUMBER: Final = 7
LONGEST_NUMBER: Final = 15  # digits of E.164
SHOWN: Final = 10
SHOWN_LENGTH: Final = 64
AT_ONCE: Final = 1000
"""Entries read before traffic has its turn: some milliseconds."""

_FIRST_COLUMN: Final = re.compile(rb"""[\s"']*([^,;\t"'\r]*)""")
_PLAIN_NUMBER: Final = re.compile(rf"\+([0-9]{{{SHORTEST_NUMBER},{LONGEST_NUMBER}}})", re.ASCII)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class TooManyError(Exception):
    """The list is longer than a preflight takes."""


class Unreadable(NamedTuple):
    """An entry nobody can be reached by, and where it stands, counted from 1."""

    line: int
    text: str


class RecipientList:
    """The users of a list, as the business number with this `dialling` would dial them."""

    def __init__(self, dialling: Dialling | None) -> None:
        self._dialling = dialling
        self._line = 0
        self.users: set[UserId] = set()
        self.duplicates = 0
        self.unreadable = 0
        self.examples: list[Unreadable] = []

    @property
    def total(self) -> int:
        """How many entries there were."""
        return len(self.users) + self.duplicates + self.unreadable

    async def take(self, values: Iterable[str]) -> None:
        """Take entries over, some at a time; TooManyError when there are too many."""
        remaining = iter(values)
        while some := list(islice(remaining, AT_ONCE)):
            for value in some:
                self._line += 1
                self._add(value)
            if self.total > MOST:
                raise TooManyError
            await asyncio.sleep(0)

    async def read(self, chunks: AsyncIterable[bytes], entry: Callable[[bytes], str]) -> None:
        """Read lines from the chunks of a body; empty ones and a header do not count.

        `entry` makes an entry of a line. TooManyError as for `take`.
        """
        rest = _Rest()
        async for chunk in chunks:
            await self._read_lines(rest.lines(chunk), entry)
        await self._read_lines(rest.lines(b"\n"), entry)

    async def _read_lines(self, lines: Sequence[bytes], entry: Callable[[bytes], str]) -> None:
        for start in range(0, len(lines), AT_ONCE):
            for line in lines[start : start + AT_ONCE]:
                self._line += 1
                value = "" if len(line) > LONGEST_LINE else entry(line)
                if value:
                    self._add(value, may_be_header=self.total == 0)
                elif not line.isspace() and line:
                    self._refuse(line.decode(errors="replace"))
            if self.total > MOST:
                raise TooManyError
            await asyncio.sleep(0)

    def _add(self, value: str, *, may_be_header: bool = False) -> None:
        user = user_of(value, self._dialling)
        if user is None:
            if not (may_be_header and value[0].isalpha()):
                self._refuse(value)
        elif user in self.users:
            self.duplicates += 1
        else:
            self.users.add(user)

    def _refuse(self, text: str) -> None:
        self.unreadable += 1
        if len(self.examples) < SHOWN:
            self.examples.append(Unreadable(self._line, text.strip()[:SHOWN_LENGTH]))


class _Rest:
    """Cuts chunks into lines; of one that is too long the beginning is kept, which is too long."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_begun = False

    def lines(self, chunk: bytes) -> list[bytes]:
        text = self._rest + chunk
        if not self._is_begun:
            self._is_begun = len(text) >= len(_BYTE_ORDER_MARK)
            text = text.removeprefix(_BYTE_ORDER_MARK)
        *lines, rest = text.split(b"\n")
        self._rest = rest[: LONGEST_LINE + 1]
        return lines


def first_column(line: bytes) -> str:
    """Return the first column of a line of CSV or plain text."""
    found = _FIRST_COLUMN.match(line)
    return found[1].decode(errors="replace").strip() if found else ""


def json_value(line: bytes) -> str:
    """Return the recipient of a line of JSON: a string, a number, or `to` or `recipient` in it."""
    try:
        value: Any = orjson.loads(line)
    except orjson.JSONDecodeError:
        return ""
    if isinstance(value, dict):
        value = value.get("to") or value.get("recipient")
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def user_of(value: str, dialling: Dialling | None) -> UserId | None:
    """Return the id under which a recipient is counted, None where it can be nobody's."""
    if plain := _PLAIN_NUMBER.fullmatch(value):
        return UserId(plain[1])  # what most lists hold, and what it would come to below
    if value[:1].isalpha() and is_bsuid(value):
        return user_id(Recipient(RecipientKind.BSUID, value), dialling)
    digits = user_id(Recipient(RecipientKind.PHONE, value), dialling)
    is_number = digits.isascii() and digits.isdigit()
    return digits if is_number and SHORTEST_NUMBER <= len(digits) <= LONGEST_NUMBER else None
