"""Lists every webhook that the emulator can send, with the real ones of its kind."""

import random
from dataclasses import dataclass, replace
from typing import Any

from pywa import handlers

from gateway.emulator import Knobs
from gateway.emulator.graph import groups
from gateway.emulator.life import inbound
from gateway.emulator.life.people import Person
from gateway.emulator.webhooks import updates
from gateway.emulator.webhooks.contents import Written
from gateway.emulator.webhooks.sender import WebhookSender
from gateway.emulator.webhooks.updates import Sent, Update
from tests.emulator.conftest import FIRST, SECRET, WABA, state

NOW = 1_790_420_700.9
ANSWERED = {"reply_to": "wamid.y"}
ANA, NEW_PHONE = "34600000001", "34600000009"
EMULATOR = state()
NUMBER = EMULATOR.registry.numbers[FIRST]
TEMPLATE = EMULATOR.registry.templates_by_id["600000000000001"]
SENT = Sent(
    "wamid.x", ANA, by_bsuid=False, to_group=False, category="marketing", callback_data="mine"
)
IN_GROUP = replace(SENT, user="a-group", to_group=True, callback_data=None)
FREE = replace(SENT, pricing_type="free_entry_point", free_until=NOW + 60)


class Recording(WebhookSender):
    """A sender that keeps what it is to send."""

    def __init__(self) -> None:
        rng = random.Random(3)  # noqa: S311 - repeatable on purpose
        super().__init__(SECRET, Knobs(), lambda: NOW, rng)
        self.told: list[Update] = []

    def post(self, update: Update) -> None:
        self.told.append(update)


@dataclass(frozen=True)
class Kind:
    """A webhook of ours, the real ones of its kind, and what pywa makes of it.

    `read_by` None is a kind for which pywa has no type.
    """

    name: str
    update: Update
    like: tuple[str, ...] = ()
    read_by: type[handlers.Handler[Any]] | None = None


def written(kind: str, **more: Any) -> Update:
    one = state()
    recording = Recording()
    one.sender = recording
    inbound.user_writes(one, NUMBER, ANA, NOW, Written(type=kind, **more))
    return recording.told[0]


def moved() -> Update:
    one = state()
    recording = Recording()
    one.sender = recording
    inbound.user_moves(one, NUMBER, (ANA, NEW_PHONE), NOW)
    return recording.told[0]


def called() -> Update:
    one = state()
    recording = Recording()
    one.sender = recording
    inbound.user_calls(one, NUMBER, ANA, NOW)
    return recording.told[0]


def grouped() -> Update:
    one = state()
    recording = Recording()
    one.sender = recording
    one.registry.portfolio_limits[NUMBER.scope] = None
    given = {"subject": "Friends", "description": "All", "participants": [{"user": f"+{ANA}"}]}
    groups.create(one, NUMBER, given)
    return recording.told[0]


def _statuses() -> list[Kind]:
    read_by = handlers.MessageStatusHandler
    kinds = [
        Kind(
            f"status {name}",
            updates.status(NUMBER, SENT, name, NOW),
            (f"pywa/message_status__{name}",),
            read_by,
        )
        for name in ("sent", "delivered", "read", "played")
    ]
    error = (130472, "An experiment.")
    failure = updates.failed(NUMBER, SENT, error, NOW)
    with_contacts = updates.failed(NUMBER, SENT, error, NOW, has_contacts=True)
    in_group = updates.status(NUMBER, IN_GROUP, "read", NOW, ANA)
    return [
        *kinds,
        Kind(
            "status tracked",
            updates.status(NUMBER, SENT, "sent", NOW),
            ("pywa/message_status__with_tracker",),
            read_by,
        ),
        Kind("status free", updates.status(NUMBER, FREE, "sent", NOW), (), read_by),
        Kind("failed", failure, ("pywa/message_status__failed",)),
        Kind("failed with contacts", with_contacts, ("pywa/message_status__failed",), read_by),
        Kind(
            "status group",
            in_group,
            ("pywa/message_status__group",),
            handlers.GroupMessageStatusesHandler,
        ),
    ]


def _message(name: str, update: Update, *like: str) -> Kind:
    return Kind(f"inbound {name}", update, like, handlers.MessageHandler)


def _texts_and_files() -> list[Kind]:
    return [
        _message("text", written("text"), "pywa/message__text", "meta_openapi/text_message"),
        _message("reply", written("text", **ANSWERED), "pywa/message__reply"),
        _message(
            "ad",
            written("text", referral={}),
            "pywa/message__referral",
            "meta_openapi/text_message_from_click_to_whatsapp_ad",
        ),
        _message(
            "image",
            written("image"),
            "pywa/message__image",
            "pywa/message__media_with_url",
            "meta_openapi/image_message",
        ),
        _message("video", written("video"), "pywa/message__video"),
        _message("audio", written("audio"), "pywa/message__audio", "pywa/message__voice"),
        _message("document", written("document"), "pywa/message__document"),
        _message(
            "sticker",
            written("sticker"),
            "pywa/message__static_sticker",
            "pywa/message__animated_sticker",
        ),
    ]


def _objects() -> list[Kind]:
    return [
        _message(
            "location",
            written("location"),
            "pywa/message__chosen_location",
            "meta_openapi/location_message",
        ),
        _message(
            "contacts",
            written("contacts"),
            "pywa/message__contacts",
            "meta_openapi/contact_sharing_message",
        ),
        _message("order", written("order"), "pywa/message__order", "meta_openapi/order_message"),
        _message(
            "reaction",
            written("reaction", **ANSWERED),
            "pywa/message__reaction",
            "meta_openapi/reaction_message",
        ),
        _message("no reaction", written("reaction", text=""), "pywa/message__unreaction_no_emoji"),
        _message(
            "unsupported",
            written("unsupported"),
            "pywa/message__unsupported_with_type",
            "meta_openapi/unsupported_message",
        ),
    ]


def _answers() -> list[Kind]:
    tap, choice = handlers.CallbackButtonHandler, handlers.CallbackSelectionHandler
    reply = {"id": "a", "title": "A", "description": "B"}
    list_reply = {"type": "list_reply", "list_reply": reply}
    flow = {"response_json": '{"flow_token":"made-up"}', "body": "Sent", "name": "flow"}
    completion = {"type": "nfm_reply", "nfm_reply": flow}
    return [
        Kind(
            "inbound edit",
            written("edit", **ANSWERED),
            ("pywa/edited_message__image",),
            handlers.EditedMessageHandler,
        ),
        Kind(
            "inbound revoke",
            written("revoke", **ANSWERED),
            ("pywa/deleted_message__revoke",),
            handlers.DeletedMessageHandler,
        ),
        Kind(
            "inbound button",
            written("button", **ANSWERED),
            ("pywa/callback_button__quick_reply", "meta_openapi/button_message"),
            tap,
        ),
        Kind(
            "inbound interactive",
            written("interactive", **ANSWERED),
            ("pywa/callback_button__button", "meta_openapi/interactive_button_reply_message"),
            tap,
        ),
        Kind(
            "inbound list",
            written("interactive", content=list_reply, **ANSWERED),
            (
                "pywa/callback_selection__description",
                "meta_openapi/interactive_list_reply_message",
            ),
            choice,
        ),
        Kind(
            "inbound flow",
            written("interactive", content=completion, **ANSWERED),
            ("pywa/flow_completion__completion",),
            handlers.FlowCompletionHandler,
        ),
    ]


def _of_users() -> list[Kind]:
    preferring = handlers.UserMarketingPreferencesHandler
    who = Person(ANA, "Ana Ex")
    return [
        *(
            Kind(
                f"user_preference {value}",
                updates.user_preference(NUMBER, who, value, NOW),
                ("pywa/user_marketing_preferences__resume",),
                preferring,
            )
            for value in ("stop", "resume")
        ),
        Kind(
            "system",
            moved(),
            ("pywa/system__phone_number_change", "meta_openapi/system_message"),
            handlers.PhoneNumberChangeHandler,
        ),
        Kind(
            "call",
            called(),
            ("pywa/call_connect__user_initiated",),
            handlers.CallConnectHandler,
        ),
    ]


def _of_accounts() -> list[Kind]:
    changed = handlers.AccountUpdateHandler
    return [
        Kind("group_lifecycle", grouped(), ("meta_openapi/group_create_message",)),
        Kind("system_error", updates.system_error(NUMBER, 130429, "too fast", NOW)),
        Kind(
            "account_restrictions",
            updates.account_restrictions(WABA, ["RESTRICTED_BIZ_INITIATED_MESSAGING"], NOW, NOW),
            ("pywa/account_update__account_restriction",),
            changed,
        ),
        Kind(
            "account_violation",
            updates.account_violation(WABA, "SCAM", NOW),
            ("pywa/account_update__account_violation",),
            changed,
        ),
        Kind(
            "account_disabled",
            updates.account_disabled(WABA, NOW),
            ("pywa/account_update__account_disabled",),
            changed,
        ),
        *(
            Kind(f"business_capability {form}", updates.business_capability(WABA, 250, NOW, form))
            for form in ("tier", "integer", "per_phone")
        ),
        Kind("number_quality", updates.number_quality(NUMBER, "FLAGGED", (250, 250), NOW)),
    ]


def _of_templates() -> list[Kind]:
    return [
        *(
            Kind(
                f"template_status {event}",
                updates.template_status(TEMPLATE, event, title, NOW),
                (f"pywa/template_status_update__{like}",),
                handlers.TemplateStatusUpdateHandler,
            )
            for event, title, like in (
                ("APPROVED", None, "approved"),
                ("PAUSED", "FIRST_PAUSE", "approved"),
                ("REJECTED", None, "rejected"),
            )
        ),
        Kind(
            "template_quality",
            updates.template_quality(TEMPLATE, "GREEN", NOW),
            ("pywa/template_quality_update__yellow",),
            handlers.TemplateQualityUpdateHandler,
        ),
        Kind(
            "template_category",
            updates.template_category(TEMPLATE, "UTILITY", NOW),
            ("pywa/template_category_update__marketing",),
            handlers.TemplateCategoryUpdateHandler,
        ),
        Kind(
            "template_category_impending",
            updates.template_category_impending(TEMPLATE, "UTILITY", NOW + 60, NOW),
            ("pywa/template_category_update__marketing",),
            handlers.TemplateCategoryUpdateHandler,
        ),
    ]


KINDS = [
    *_statuses(),
    *_texts_and_files(),
    *_objects(),
    *_answers(),
    *_of_users(),
    *_of_accounts(),
    *_of_templates(),
]
