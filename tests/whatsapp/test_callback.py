import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.whatsapp.callback import MAX_LENGTH, unwrap, wrap

IDS = st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)


@given(message_id=IDS, app_value=st.text(min_size=1, max_size=400))
def test_what_was_wrapped_is_unwrapped(message_id: str, app_value: str) -> None:
    assert unwrap(wrap(message_id, app_value)) == (message_id, app_value)


@pytest.mark.parametrize("app_value", [None, ""])
def test_no_app_value_comes_back_as_none(app_value: str | None) -> None:
    assert wrap("0001", app_value) == "gw1.0001."
    assert unwrap("gw1.0001.") == ("0001", None)


def test_an_app_value_may_look_like_ours() -> None:
    assert unwrap(wrap("0001", "gw1.0002.x")) == ("0001", "gw1.0002.x")


def test_nothing_longer_than_meta_takes() -> None:
    room = MAX_LENGTH - len("gw1.0001.")
    longest = wrap("0001", "x" * room)
    assert longest is not None
    assert len(longest) == MAX_LENGTH
    assert wrap("0001", "x" * (room + 1)) is None


@pytest.mark.parametrize("value", [None, "", "order-17", "gw1.", "gw1..x", "gw1.0001", "gw2.1.x"])
def test_a_strangers_value_is_left_alone(value: str | None) -> None:
    assert unwrap(value) == (None, value)
