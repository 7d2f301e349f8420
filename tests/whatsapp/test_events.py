import dataclasses
import typing

import pytest

from gateway.whatsapp import events

CLASSES = [
    kind
    for kind in vars(events).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
]
PARTS = {events.UserRef, events.StatusError, events.Restriction}


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_is_frozen_and_slotted(kind: type) -> None:
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(kind)


def test_the_union_has_every_event() -> None:
    assert set(typing.get_args(events.Event)) == set(CLASSES) - PARTS


def test_every_event_names_its_account() -> None:
    for kind in typing.get_args(events.Event):
        assert dataclasses.fields(kind)[0].name == "waba_id"


def test_words_to_come_are_unknown() -> None:
    assert events.DeliveryStatus.of("teleported") is events.DeliveryStatus.UNKNOWN
    assert events.DeliveryStatus.of("sent") is events.DeliveryStatus.SENT
    assert events.QualityEvent.of("SHADOWED") is events.QualityEvent.UNKNOWN
