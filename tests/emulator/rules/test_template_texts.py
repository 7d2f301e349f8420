from gateway.emulator.rules import template_texts
from gateway.emulator.rules.template_texts import Button


def test_a_place_that_comes_twice_wants_one_parameter() -> None:
    found = template_texts.text("{{2}} and {{ 1 }} and {{2}}")
    assert found.places == ("2", "1")


def test_a_text_is_filled_in() -> None:
    found = template_texts.text("Hello {{ name }}, {{name}}!")
    assert template_texts.filled_in(found, {"name": "Ana"}) == "Hello Ana, Ana!"


def test_every_component_is_read() -> None:
    """Source: OAPI, TOVR (R§1.3)."""
    expected = template_texts.read(
        [
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "BODY", "text": "Hello {{1}}"},
            {
                "type": "BUTTONS",
                "buttons": [
                    {"type": "URL", "url": "https://example.com/{{1}}"},
                    {"type": "URL", "url": "https://example.com/"},
                    {"type": "COPY_CODE"},
                    {"type": "QUICK_REPLY"},
                ],
            },
        ]
    )
    assert (expected.header_format, expected.is_nothing) == ("IMAGE", False)
    assert expected.body is not None
    assert expected.body.places == ("1",)
    assert expected.buttons == (
        Button("url", needs_parameter=True),
        Button("url", needs_parameter=False),
        Button("copy_code", needs_parameter=True),
        Button("quick_reply", needs_parameter=False),
    )
    assert [each.takes_nothing for each in expected.buttons] == [False, True, False, False]


def test_what_has_no_places_wants_nothing() -> None:
    plain = [{"type": "header", "text": "News"}, {"type": "BODY", "text": "Hello"}]
    assert template_texts.read(plain).is_nothing
    assert template_texts.read([]).is_nothing
    assert template_texts.read([{"type": "BODY"}]).body is None
