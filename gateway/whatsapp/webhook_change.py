"""One change of a webhook delivery on its way to becoming events."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from gateway.whatsapp.events import Event, UnknownField
from gateway.whatsapp.ids import PhoneNumberId, WabaId
from gateway.whatsapp.json_fields import (
    BrokenPayloadError,
    Fields,
    items,
    nested,
    required_object,
    required_text,
)


@dataclass(frozen=True, slots=True)
class Change:
    """A change's value, where it came from, and where its events and problems are collected.

    `at` is the entry's hour, `where` names the change in problem sentences.
    """

    waba_id: WabaId
    at: datetime
    where: str
    value: Fields
    events: list[Event]
    problems: list[str]

    def named(self, where: str, value: Fields) -> Self:
        """Return the same change under a fuller name, with its value."""
        return replace(self, where=where, value=value)

    @property
    def phone_number_id(self) -> PhoneNumberId:
        """The routing key; raises BrokenPayloadError if it is missing. Source: W-OVR (R§8.3)."""
        return PhoneNumberId(required_text(nested(self.value, "metadata"), "phone_number_id"))

    def ungoverned(self, field: str) -> None:
        """Note a part that this version does not govern."""
        self.events.append(UnknownField(self.waba_id, field))

    def each(self, key: str, read_one: Callable[[Fields], Event]) -> int:
        """Read the items under `key`, a broken one costing a sentence; returns their number."""
        found = items(self.value, key)
        for position, item in enumerate(found):
            try:
                self.events.append(read_one(required_object(item)))
            except BrokenPayloadError as error:
                self.problems.append(f"{self.where} {key}[{position}] {error}.")
        return len(found)
