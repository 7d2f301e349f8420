import pytest

from gateway.whatsapp.template import (
    TemplateCategory,
    TemplateKey,
    TemplateQuality,
    TemplateStatus,
    normalise_language,
)


@pytest.mark.parametrize(
    ("code", "normal"), [("en-US", "en_US"), ("en_US", "en_US"), ("es", "es"), (" pt-BR ", "pt_BR")]
)
def test_language_has_one_spelling(code: str, normal: str) -> None:
    assert normalise_language(code) == normal


@pytest.mark.parametrize("status", TemplateStatus)
def test_only_an_approved_template_is_sendable(status: TemplateStatus) -> None:
    assert status.sendable is (status == "APPROVED")


def test_a_category_is_read_in_either_case() -> None:
    assert TemplateCategory.of("utility") is TemplateCategory.UTILITY
    assert TemplateCategory.of("OTP") is TemplateCategory.UNKNOWN


def test_a_new_quality_word_is_unknown() -> None:
    assert TemplateQuality.of("PURPLE") is TemplateQuality.UNKNOWN


def test_a_key_is_equal_by_name_and_language() -> None:
    assert TemplateKey("a", "en_US") == ("a", "en_US")
