"""Reads the paths of the Cloud API: version, id, and what is asked of it."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

VERSION: Final = re.compile(r"v\d{1,3}(\.\d{1,3})?")
WORD: Final = re.compile(r"\w+")
SENDS: Final = frozenset({"messages", "marketing_messages"})
ENCRYPTED: Final = "messages_encrypted"


class CloudPath(NamedTuple):
    """`/{version}/{node_id}/{edge}`; `edge` is "" for the node itself and keeps further parts."""

    node_id: str
    edge: str

    @property
    def sends(self) -> bool:
        """Whether what is asked for sends messages, however the path is written."""
        return _word(self.edge) in SENDS

    @property
    def is_encrypted_send(self) -> bool:
        """Whether it sends a message that nobody here can read."""
        return _word(self.edge) == ENCRYPTED


@lru_cache(maxsize=4096)
def _word(edge: str) -> str:
    """Return what the edge begins with; how Meta reads `messages;x` is not for us to guess."""
    found = WORD.match(edge)
    return found[0].lower() if found else ""


NOWHERE: Final = CloudPath("", "")


@lru_cache(maxsize=4096)  # there are few paths, each asked for over and over
def read_path(path: str) -> CloudPath:
    """Read a decoded path; doubled and trailing slashes count for nothing, as with Meta.

    A path that climbs (`..`) leads nowhere: where it ends is for nobody to guess.
    """
    parts = [part for part in path.split("/") if part]
    if not parts or "." in parts or ".." in parts:
        return NOWHERE
    if VERSION.fullmatch(parts[0]):
        del parts[0]
    if not parts:
        return NOWHERE
    return CloudPath(parts[0], "/".join(parts[1:]))
