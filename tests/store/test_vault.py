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
