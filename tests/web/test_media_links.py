from datetime import UTC, datetime, timedelta

import pytest

from gateway.web.media_links import MediaLink, MediaLinks
from gateway.whatsapp.ids import WabaId

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
URL = "https://lookaside.example/whatsapp?mid=7&hash=a%2Fb"
WABA = WabaId("100000000000001")


def sealed_of(path: str) -> str:
    prefix, _, sealed = path.removeprefix("/").partition("/")
    assert prefix == MediaLinks.PREFIX
    return sealed


def test_a_sealed_link_gives_back_address_and_account_until_it_expires() -> None:
    links = MediaLinks()
    sealed = sealed_of(links.seal(URL, WABA, NOW))
    for age_s in (0, 300):
        assert links.open(sealed, NOW + timedelta(seconds=age_s)) == MediaLink(URL, WABA)
    assert links.open(sealed, NOW + timedelta(seconds=301)) is None


def test_the_address_cannot_be_read_from_the_link() -> None:
    assert "lookaside" not in MediaLinks().seal(URL, WABA, NOW)


@pytest.mark.parametrize("change", [lambda text: text[:-8] + "AAAAAAA=", lambda text: text[1:]])
def test_a_link_that_was_tampered_with_is_none(change: object) -> None:
    links = MediaLinks()
    sealed = sealed_of(links.seal(URL, WABA, NOW))
    assert callable(change)
    assert links.open(change(sealed), NOW) is None


@pytest.mark.parametrize("text", ["", "x", "ü", "\0", "http://127.0.0.1/", "A" * 10_000])
def test_what_was_never_a_link_is_none(text: str) -> None:
    assert MediaLinks().open(text, NOW) is None


def test_processes_with_one_secret_open_each_others_links() -> None:
    sealed = sealed_of(MediaLinks("made-up-secret").seal(URL, WABA, NOW))
    assert MediaLinks("made-up-secret").open(sealed, NOW) == MediaLink(URL, WABA)
    assert MediaLinks("another-secret").open(sealed, NOW) is None


@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_secret_a_link_is_good_in_its_own_process_only(secret: str | None) -> None:
    sealed = sealed_of(MediaLinks(secret).seal(URL, WABA, NOW))
    assert MediaLinks(secret).open(sealed, NOW) is None
