import pytest

from gateway.store.vault import Vault, VaultError


@pytest.mark.parametrize("secret", ["EAAmade-up-token", "", "ключ"])
def test_what_was_sealed_is_opened_with_the_same_key(secret: str) -> None:
    assert Vault("a long key").open(Vault("a long key").seal(secret)) == secret


def test_a_sealed_token_does_not_show_itself() -> None:
    sealed = Vault("a long key").seal("EAAmade-up-token")
    assert b"EAAmade-up-token" not in sealed
    assert sealed != Vault("a long key").seal("EAAmade-up-token")


def test_another_key_opens_nothing() -> None:
    with pytest.raises(VaultError, match="another GATEWAY_VAULT_KEY"):
        Vault("another key").open(Vault("a long key").seal("EAAmade-up-token"))


def test_a_sealed_token_that_was_touched_is_not_opened() -> None:
    sealed = bytearray(Vault("a long key").seal("EAAmade-up-token"))
    sealed[-5] ^= 1
    with pytest.raises(VaultError):
        Vault("a long key").open(bytes(sealed))


@pytest.mark.parametrize("contents", [b"{}", "Olé 😀".encode(), bytes(range(256)) * 400])
def test_contents_that_were_sealed_are_opened_with_the_same_key(contents: bytes) -> None:
    sealed = Vault("a long key").seal_contents(contents)
    assert Vault("a long key").open_contents(sealed) == contents


def test_sealed_contents_do_not_show_themselves_nor_that_they_are_equal() -> None:
    sealed = Vault("a long key").seal_contents(b"+34600000001")
    assert b"34600000001" not in sealed
    assert sealed[16:] != Vault("a long key").seal_contents(b"+34600000001")[16:]


@pytest.mark.parametrize("place", range(0, 44, 4))
def test_contents_that_were_touched_are_not_opened(place: int) -> None:
    sealed = bytearray(Vault("a long key").seal_contents(b"+34600000001"))
    sealed[place] ^= 1
    with pytest.raises(VaultError):
        Vault("a long key").open_contents(bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(32)])
def test_what_was_never_sealed_is_not_opened(sealed: bytes) -> None:
    with pytest.raises(VaultError):
        Vault("a long key").open_contents(sealed)


def test_another_key_opens_no_contents() -> None:
    sealed = Vault("a long key").seal_contents(b"+34600000001")
    with pytest.raises(VaultError, match="another GATEWAY_VAULT_KEY"):
        Vault("another key").open_contents(sealed)
