import pytest

from gateway.policy.parcel import RANKS, RESENDS, SHARED, resends, topic_of
from gateway.policy.send_class import SendClass
from gateway.policy.verdict import Objection
from gateway.whatsapp.template import TemplateKey
from tests.policy.making import KEY, NOW

C = SendClass


def test_the_ranks_are_the_order_of_a_line() -> None:
    """R§12.2; they are kept in the outbox, so that a class that is added goes to the end."""
    assert RANKS == {C.AUTHENTICATION: 0, C.REPLY: 1, C.UTILITY: 2, C.OTHER: 3, C.MARKETING: 4}


def test_by_itself_only_a_code_is_sent_once_more() -> None:
    """R§7.9 rule 2: at least once for authentication, at most once for everything else."""
    assert [each for each in C if resends(each, {})] == [C.AUTHENTICATION]
    assert set(RESENDS) == set(C)


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("send_class", C)
def test_what_an_app_has_said_of_a_class_holds_for_that_class_alone(
    send_class: SendClass, *, said: bool
) -> None:
    of_app = {send_class.value: said}
    assert resends(send_class, of_app) is said
    assert all(resends(each, of_app) is RESENDS[each] for each in C if each is not send_class)


@pytest.mark.parametrize(
    ("rule", "key", "topic"),
    [
        ("template", KEY, "order_update/en_US"),
        ("template", TemplateKey("order_update", "de"), "order_update/de"),
        ("template", None, ""),
        ("messaging_limit", KEY, ""),
        ("pair_rate", KEY, ""),
    ],
)
def test_only_who_waits_for_a_template_waits_apart(
    rule: str, key: TemplateKey | None, topic: str
) -> None:
    assert topic_of(Objection(rule, 1, "no", NOW), key) == topic


def test_who_is_not_held_back_has_no_topic() -> None:
    assert topic_of(None, KEY) == ""


def test_rules_about_one_user_hold_back_nobody_else() -> None:
    assert SHARED.isdisjoint({"pair_rate", "marketing_preference", "opt_in", "service_window"})
    assert {"messaging_limit", "restriction", "template"} <= SHARED
