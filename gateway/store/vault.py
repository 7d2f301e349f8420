"""Seals access tokens, so that a copy of the database gives none away."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken


class VaultError(Exception):
    """A sealed token cannot be opened with the vault key at hand."""


class Vault:
    """Seals and opens with one key; any passphrase will do, a long random one is best."""

    def __init__(self, key: str) -> None:
        digest = hashlib.sha256(key.encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(digest))

    def seal(self, secret: str) -> bytes:
        """Return `secret` encrypted and authenticated."""
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """Return the secret; VaultError when it was sealed with another key."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise VaultError("sealed with another GATEWAY_VAULT_KEY") from error
