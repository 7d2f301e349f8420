"""Says how a message that waits is to be treated: until when, and whether to send it once more."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from gateway.policy.send_class import SendClass
from gateway.policy.verdict import Objection
from gateway.whatsapp.template import TemplateKey

RANKS: Final[Mapping[SendClass, int]] = {each: rank for rank, each in enumerate(SendClass)}
"""The order of the classes in a line, as the outbox keeps it."""


class ParcelState(StrEnum):
    """Where a parcel is."""

    PARKED = "parked"
    HELD = "held"
    SENDING = "sending"
    DEAD = "dead"


class Parcel(NamedTuple):
    """What is kept of a request so that it can be sent without its app.

    `sealed` holds body and own token. `waits` says that the app would rather have it parked than
    refused; `resends` that one of which nobody knows whether it arrived is sent once more
    (at least once), rather than given up (at most once). `attempts`: which time this is that it
    is tried; no two have the same. Of the times before, those are `forgiven` that sent nothing, or
    were before an operator redrove it.
    """

    waba_id: str
    send_class: SendClass
    path: str
    sealed: bytes
    expires_at: datetime
    waits: bool
    resends: bool
    attempts: int = 1
    forgiven: int = 0


SHARED: Final = frozenset(
    {"restriction", "quality", "spam_limit", "activity", "share", "messaging_limit", "template"}
)
"""Rules that hold back everybody of a number, class and app (or template) alike.

What they defer keeps its place, so that the oldest goes first when they let go; what any other rule
defers waits until an hour of its own."""


def topic_of(objection: Objection | None, key: TemplateKey | None) -> str:
    """Return what sets a parcel apart from others of its number, class and app, '' for nothing."""
    if objection is None or objection.rule != "template" or key is None:
        return ""
    return f"{key.name}/{key.language}"


RESENDS: Final[Mapping[SendClass, bool]] = {
    each: each is SendClass.AUTHENTICATION for each in SendClass
}
"""Where an app does not say: a second code does no harm, a second advertisement does (R§7.9)."""


def resends(send_class: SendClass, of_app: Mapping[str, bool]) -> bool:
    """Return whether a message in doubt is sent once more; `of_app` is what its app has said."""
    return of_app.get(send_class, RESENDS[send_class])
