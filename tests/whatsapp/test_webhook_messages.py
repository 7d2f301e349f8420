from collections.abc import Mapping
from datetime import UTC, datetime

import orjson
import pytest

from gateway.whatsapp.events import (
    CallEvent,
    DeliveryStatus,
    Event,
    IdentityChange,
    InboundMessage,
    PreferenceUpdate,
    StatusError,
    StatusUpdate,
    UnknownField,
    UserRef,
)
from gateway.whatsapp.ids import PhoneNumberId, WabaId, Wamid
from gateway.whatsapp.webhook import Delivery, read
from tests.payloads import OWN_WEBHOOKS

ARRIVAL = datetime(2026, 11, 22, tzinfo=UTC)
WABA = WabaId("100000000000001")
NUMBER = PhoneNumberId("200000000000002")
ANA = UserRef("34600000001", "ES.10000000000000000001")
SENT_AT = datetime.fromtimestamp(1790420700, UTC)
CAME_AT = datetime.fromtimestamp(1790420800, UTC)
CHANGED_AT = datetime.fromtimestamp(1790420900, UTC)
PREFERRED_AT = datetime.fromtimestamp(1790420600, UTC)


def inbound(
    kind: str,
    *,
    opens: bool,
    user: UserRef = ANA,
    media_id: str | None = None,
    group_id: str | None = None,
) -> InboundMessage:
    wamid = Wamid("wamid.EX_IN_0001")
    return InboundMessage(WABA, NUMBER, user, wamid, CAME_AT, kind, opens, media_id, group_id)


def status(
    word: DeliveryStatus,
    *,
    user: UserRef = ANA,
    callback_data: str | None = None,
    category: str | None = None,
) -> StatusUpdate:
    wamid = Wamid("wamid.EX_OUT_0001")
    return StatusUpdate(WABA, NUMBER, wamid, user, word, SENT_AT, callback_data, (), category)


def preference(value: str) -> PreferenceUpdate:
    return PreferenceUpdate(WABA, NUMBER, ANA, "marketing_messages", value, PREFERRED_AT)


CALL = CallEvent(WABA, NUMBER, ANA, CAME_AT)
UNGOVERNED_CALL = UnknownField(WABA, "calls")
MEDIA_ID = "900000000000001"

EXPECTED: dict[str, Event] = {
    "messages__text": inbound("text", opens=True),
    "messages__text_in_group": inbound("text", opens=True, group_id="GROUP0000001"),
    "messages__text_hidden_phone": inbound("text", opens=True, user=UserRef(None, ANA.bsuid)),
    "messages__text_before_bsuid": inbound("text", opens=True, user=UserRef(ANA.wa_id, None)),
    "messages__image": inbound("image", opens=True, media_id=MEDIA_ID),
    "messages__video": inbound("video", opens=True, media_id=MEDIA_ID),
    "messages__audio": inbound("audio", opens=True, media_id=MEDIA_ID),
    "messages__document": inbound("document", opens=True, media_id=MEDIA_ID),
    "messages__sticker": inbound("sticker", opens=True, media_id=MEDIA_ID),
    "messages__location": inbound("location", opens=True),
    "messages__contacts": inbound("contacts", opens=True),
    "messages__interactive": inbound("interactive", opens=True),
    "messages__button": inbound("button", opens=True),
    "messages__order": inbound("order", opens=True),
    "messages__reaction": inbound("reaction", opens=False),
    "messages__unsupported": inbound("unsupported", opens=False),
    "messages__edit": inbound("edit", opens=False),
    "messages__revoke": inbound("revoke", opens=False),
    "messages__unheard_of_type": inbound("hologram", opens=False),
    "messages__system_identity": inbound("system", opens=False),
    "messages__system_changed_number": IdentityChange(
        WABA, NUMBER, UserRef(ANA.wa_id, None), UserRef("34600000009", None), CHANGED_AT
    ),
    "messages__system_changed_user_id": IdentityChange(
        WABA,
        NUMBER,
        UserRef(None, ANA.bsuid),
        UserRef(None, "ES.20000000000000000003"),
        CHANGED_AT,
    ),
    "messages__errors": UnknownField(WABA, "messages.errors"),
    "messages__user_actions": UnknownField(WABA, "messages.user_actions"),
    "statuses__sent": status(
        DeliveryStatus.SENT, callback_data="gw1.0001.order-17", category="marketing"
    ),
    "statuses__delivered": status(DeliveryStatus.DELIVERED, category="utility"),
    "statuses__read": status(DeliveryStatus.READ),
    "statuses__played": status(DeliveryStatus.PLAYED),
    "statuses__failed": StatusUpdate(
        WABA,
        NUMBER,
        Wamid("wamid.EX_OUT_0002"),
        UserRef("34600000002", None),
        DeliveryStatus.FAILED,
        datetime.fromtimestamp(1790420760, UTC),
        "gw1.0002.",
        (StatusError(131049, "Not delivered", "Healthy engagement"),),
        None,
    ),
    "statuses__bsuid_only": status(DeliveryStatus.SENT, user=UserRef(None, ANA.bsuid)),
    "statuses__group": status(DeliveryStatus.READ),
    "statuses__unheard_of_status": status(DeliveryStatus.UNKNOWN),
    "calls__user_initiated": CALL,
    "calls__business_initiated": UNGOVERNED_CALL,
    "calls__terminate": UNGOVERNED_CALL,
    "calls__accepted": CallEvent(WABA, NUMBER, UserRef(ANA.wa_id, None), CAME_AT),
    "calls__ringing": UNGOVERNED_CALL,
    "user_preferences__stop": preference("stop"),
    "user_preferences__resume": preference("resume"),
    "user_preferences__signup": preference("signup"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_variant_is_read(name: str) -> None:
    body = (OWN_WEBHOOKS / f"{name}.json").read_bytes()
    assert read(body, ARRIVAL) == Delivery((EXPECTED[name],), ())


def test_every_payload_has_its_expectation() -> None:
    prefixes = ("messages__", "statuses__", "calls__", "user_preferences__")
    assert {p.stem for p in OWN_WEBHOOKS.iterdir() if p.stem.startswith(prefixes)} == set(EXPECTED)


def value(**fields: object) -> dict[str, object]:
    return {"metadata": {"phone_number_id": NUMBER}, **fields}


def delivery(field: str, value: object) -> Delivery:
    entry = {"id": WABA, "changes": [{"field": field, "value": value}]}
    return read(orjson.dumps({"entry": [entry]}), ARRIVAL)


TEXT = {"id": "wamid.1", "type": "text", "from": "34600000001"}


@pytest.mark.parametrize(
    ("field", "broken", "problem"),
    [
        ("messages", {}, "has no phone_number_id"),
        ("messages", value(), "has neither messages nor statuses"),
        ("messages", value(messages="hola"), "has neither messages nor statuses"),
        ("messages", value(messages=["hola"]), "messages[0] is not an object"),
        ("messages", value(messages=[{**TEXT, "type": None}]), "messages[0] has no type"),
        ("messages", value(messages=[{**TEXT, "id": ""}]), "messages[0] has no id"),
        ("messages", value(messages=[{**TEXT, "from": None}]), "messages[0] names no user"),
        (
            "messages",
            value(messages=[{**TEXT, "type": "system", "system": {"type": "user_changed_number"}}]),
            "messages[0] names no user",
        ),
        ("messages", value(statuses=[{"status": "sent"}]), "statuses[0] has no id"),
        ("messages", value(statuses=[{"id": "wamid.1"}]), "statuses[0] has no status"),
        ("calls", value(calls=[{}]), "calls[0] has no event"),
        ("user_preferences", value(), "has no user_preferences"),
        ("user_preferences", value(user_preferences=[{"wa_id": "1"}]), "[0] has no category"),
    ],
)
def test_a_broken_part_is_one_sentence(field: str, broken: object, problem: str) -> None:
    read_so_far = delivery(field, broken)
    assert read_so_far.events == ()
    assert len(read_so_far.problems) == 1
    assert read_so_far.problems[0].startswith(f"entry[0].changes[0] ({field}) ")
    assert problem in read_so_far.problems[0]


def test_a_broken_message_does_not_spoil_its_neighbours() -> None:
    found = delivery("messages", value(messages=[TEXT, {}, TEXT], statuses=[7]))
    assert [type(event) for event in found.events] == [InboundMessage, InboundMessage]
    assert len(found.problems) == 2


def user_of(message: Mapping[str, object], *contacts: Mapping[str, object]) -> UserRef:
    found = delivery("messages", value(contacts=contacts, messages=[{**TEXT, **message}]))
    (event,) = found.events
    assert isinstance(event, InboundMessage)
    return event.user


def test_a_contact_completes_its_own_message_only() -> None:
    eva = {"wa_id": "34600000002", "user_id": "ES.2"}
    ana = {"wa_id": "34600000001", "user_id": "ES.1"}
    assert user_of({}, eva, ana) == UserRef("34600000001", "ES.1")
    assert user_of({}, eva) == UserRef("34600000001", None)
    assert user_of({"from": None, "from_user_id": "ES.2"}, ana, eva) == UserRef(
        "34600000002", "ES.2"
    )
    assert user_of({"from": None}, eva) == UserRef("34600000002", "ES.2")


def test_a_user_may_be_named_oddly() -> None:
    assert user_of({"from": "+34600000001"}) == UserRef("34600000001", None)
    assert user_of({"from": 34600000001}) == UserRef("34600000001", None)
    assert user_of({"from": "ES.1"}) == UserRef(None, "ES.1")


def test_the_words_for_a_changed_number_before_2022() -> None:
    system = {
        "type": "customer_changed_number",
        "customer": "34600000001",
        "new_wa_id": "34600000009",
    }
    message = {"id": "wamid.1", "type": "system", "timestamp": 1790420900, "system": system}
    expected = IdentityChange(
        WABA, NUMBER, UserRef("34600000001", None), UserRef("34600000009", None), CHANGED_AT
    )
    assert delivery("messages", value(messages=[message])) == Delivery((expected,), ())


def test_errors_of_a_status_in_any_shape() -> None:
    errors = [{"code": "131026", "message": "m"}, {"error_data": "x"}, "y"]
    failed = {"id": "wamid.1", "status": "failed", "errors": errors}
    (event,) = delivery("messages", value(statuses=[failed])).events
    assert isinstance(event, StatusUpdate)
    assert event.errors == (StatusError(131026, "m", ""), StatusError(0, "", ""))


def test_calls_without_calls_are_not_governed() -> None:
    assert delivery("calls", value()) == Delivery((UNGOVERNED_CALL,), ())


def test_a_message_without_an_hour_has_the_hour_of_arrival() -> None:
    (event,) = delivery("messages", value(messages=[{**TEXT, "timestamp": "<TIME>"}])).events
    assert isinstance(event, InboundMessage)
    assert event.at == ARRIVAL
