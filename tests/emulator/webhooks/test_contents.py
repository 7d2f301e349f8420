import base64
import hashlib

import pytest

from gateway.emulator.webhooks import contents


@pytest.mark.parametrize("kind", sorted(contents.MEDIA))
def test_a_file_says_what_it_is(kind: str) -> None:
    """Source: MEDIA, 16 Jun 2026 (R§8.5)."""
    file = contents.media(kind, "look", "7", b"bytes")
    assert file["id"] == "7"
    assert file["mime_type"] == contents.mime_type_of(kind)
    assert base64.b64decode(file["sha256"]) == hashlib.sha256(b"bytes").digest()
    assert ("caption" in file) == (kind in {"image", "video", "document"})


def test_a_reaction_without_an_emoji_takes_one_away() -> None:
    """Source: R§8.5."""
    assert contents.of_type("reaction", "👍", "wamid.x") == {"message_id": "wamid.x", "emoji": "👍"}
    assert contents.of_type("reaction", "", "wamid.x") == {"message_id": "wamid.x"}


def test_what_is_edited_or_revoked_is_named() -> None:
    """Source: R§8.5."""
    assert contents.of_type("revoke", "", "wamid.x") == {"original_message_id": "wamid.x"}
    edited = contents.of_type("edit", "better", "wamid.x")
    assert edited["original_message_id"] == "wamid.x"
    assert edited["message"]["text"] == {"body": "better"}


def test_nobody_writes_what_does_not_exist() -> None:
    with pytest.raises(ValueError, match="hologram"):
        contents.of_type("hologram", "", "")
