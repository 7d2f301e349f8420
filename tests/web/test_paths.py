import pytest

from gateway.web.paths import NOWHERE, CloudPath, read_path

NUMBER = "200000000000001"


@pytest.mark.parametrize(
    ("path", "edge"),
    [
        (f"/v25.0/{NUMBER}/messages", "messages"),
        (f"/{NUMBER}/messages", "messages"),
        (f"/v3/{NUMBER}/messages", "messages"),
        (f"//v25.0///{NUMBER}//messages//", "messages"),
        (f"/v25.0/{NUMBER}", ""),
        (f"/v25.0/{NUMBER}/", ""),
        (f"/v25.0/{NUMBER}/media/more", "media/more"),
    ],
)
def test_version_and_slashes_do_not_matter(path: str, edge: str) -> None:
    assert read_path(path) == CloudPath(NUMBER, edge)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//",
        "/v25.0",
        "/v25.0/",
        f"/v25.0/{NUMBER}/media/../messages",
        f"/v25.0/./{NUMBER}/messages",
        f"/../{NUMBER}/messages",
    ],
)
def test_what_climbs_or_names_nothing_leads_nowhere(path: str) -> None:
    assert read_path(path) == NOWHERE
    assert not read_path(path).sends


@pytest.mark.parametrize("version", ["V25.0", "v25.0.1", "v1234", "v", "25.0"])
def test_what_only_looks_like_a_version_is_an_id(version: str) -> None:
    assert read_path(f"/{version}/{NUMBER}/messages").node_id == version


@pytest.mark.parametrize(
    "edge",
    [
        "messages",
        "marketing_messages",
        "Messages",
        "MARKETING_MESSAGES",
        "messages/more",
        "messages;x=1",
        "messages ",
        "messages.json",
        "messages\0",
    ],
)
def test_a_send_is_one_however_it_is_written(edge: str) -> None:
    assert read_path(f"/v25.0/{NUMBER}/{edge}").sends


@pytest.mark.parametrize(
    "edge", ["", "media", "message_templates", "messages_encrypted", "xmessages", "media/messages"]
)
def test_what_does_not_send_is_none(edge: str) -> None:
    assert not read_path(f"/v25.0/{NUMBER}/{edge}").sends


def test_an_encrypted_send_is_known_as_one() -> None:
    assert read_path(f"/v25.0/{NUMBER}/messages_encrypted").is_encrypted_send
    assert read_path(f"/v25.0/{NUMBER}/Messages_Encrypted/more").is_encrypted_send
    assert not read_path(f"/v25.0/{NUMBER}/messages").is_encrypted_send
