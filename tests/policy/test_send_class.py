import pytest

from gateway.policy.send_class import CLASS_OF_CATEGORY, SendClass, class_of
from gateway.whatsapp.template import TemplateCategory
from tests.policy.making import changed, direct_send, template, text


@pytest.mark.parametrize(
    ("category", "send_class"),
    [
        (TemplateCategory.AUTHENTICATION, SendClass.AUTHENTICATION),
        (TemplateCategory.UTILITY, SendClass.UTILITY),
        (TemplateCategory.MARKETING, SendClass.MARKETING),
        (TemplateCategory.UNKNOWN, SendClass.MARKETING),
        (None, SendClass.OTHER),
    ],
)
def test_a_template_goes_with_its_category(
    category: TemplateCategory | None, send_class: SendClass
) -> None:
    assert class_of(template(), category) is send_class


@pytest.mark.parametrize("category", TemplateCategory)
def test_direct_send_goes_with_the_category_it_claims(category: TemplateCategory) -> None:
    message = changed(direct_send(), direct_send_category=category)
    assert class_of(message, None) is CLASS_OF_CATEGORY[category]


def test_what_is_free_form_answers_somebody() -> None:
    assert class_of(text(), None) is SendClass.REPLY


def test_to_ask_for_a_call_is_no_answer() -> None:
    assert class_of(changed(text(), asks_to_call=True), None) is SendClass.OTHER


def test_every_category_has_a_class() -> None:
    assert set(CLASS_OF_CATEGORY) == set(TemplateCategory)


def test_the_classes_are_listed_first_served_first() -> None:
    order = ["authentication", "reply", "utility", "other", "marketing"]
    assert [str(each) for each in SendClass] == order
