import orjson
import pytest

from gateway.emulator import messages
from gateway.emulator.messages import Send
from gateway.emulator.rules.case import Case
from tests.emulator.conftest import FIRST, state, template


@pytest.mark.parametrize(
    ("is_reply", "to", "is_counted"),
    [(False, "+34600000001", True), (True, "+34600000001", False), (False, "group-1", False)],
)
def test_only_what_a_person_gets_outside_a_window_is_counted(
    *, is_reply: bool, to: str, is_counted: bool
) -> None:
    """Source: LIM, 8 May 2026 (R§2.1); groups are undocumented (R§12.1 row 31)."""
    whole = state()
    number = whole.registry.numbers[FIRST]
    kind = "individual" if to.startswith("+") else "group"
    body = orjson.dumps(template(to, recipient_type=kind))
    send = messages.parse(body, number, lenient=False)
    assert isinstance(send, Send)
    case = Case(
        send=send,
        number=number,
        template=None,
        is_reply=is_reply,
        now=whole.now(),
        registry=whole.registry,
        memory=whole.memory,
        people=whole.people,
        knobs=whole.knobs,
    )
    assert case.is_counted_kind is is_counted
    assert case._replace(by_marketing_api=True).is_counted_kind is is_counted
