"""Encryption of personal data at rest, and keyed hashes to look it up by.

AES-256-GCM with a random 96-bit nonce for each value. A stored value says which key it was made with, so that several
keys can be in use while a rotation runs: the first of `DATA_KEY` encrypts, all of them decrypt.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from settings import lookup_key_of

_VERSION: Final = b"\x01"
_NONCE: Final = 12
_KEY_ID: Final = 4


class CipherError(Exception):
    """A stored value can't be read: its key is not among `DATA_KEY`, or it was altered."""


class Cipher:
    """Encrypts and decrypts with the keys of one `DATA_KEY` setting."""

    def __init__(self, data_key: str, lookup_key: str = "") -> None:
        """`data_key`: url-safe base64 keys of 32 bytes, separated by commas, the newest first.

        `lookup_key`: the keys of the hashes, in base64 too, the newest first. Empty: made from the last of
        `data_key`, which then can't be taken out.
        """
        keys = [base64.urlsafe_b64decode(key.strip()) for key in data_key.split(",")]
        self._by_id = {_key_id(key): AESGCM(key) for key in keys}
        self._newest_id = _key_id(keys[0])
        self._newest = self._by_id[self._newest_id]
        # Hashes must stay the same while data keys rotate, so they have keys of their own.
        named = (lookup_key or lookup_key_of(data_key)).split(",")
        self._hash_keys = tuple(base64.urlsafe_b64decode(key.strip()) for key in named)
        self._hash_key = self._hash_keys[0]

    def encrypt(self, plain: bytes) -> bytes:
        """Encrypt `plain`; the result is version, key id, nonce and sealed text, 33 bytes longer."""
        nonce = secrets.token_bytes(_NONCE)
        return _VERSION + self._newest_id + nonce + self._newest.encrypt(nonce, plain, None)

    def decrypt(self, sealed: bytes) -> bytes:
        """The plain bytes of what `encrypt` made. Raises `CipherError`."""
        key = self._by_id.get(sealed[1 : 1 + _KEY_ID])
        if sealed[:1] != _VERSION or key is None:
            raise CipherError("a stored value was encrypted with a key that DATA_KEY does not list; add that key")
        start = 1 + _KEY_ID
        try:
            return key.decrypt(sealed[start : start + _NONCE], sealed[start + _NONCE :], None)
        except InvalidTag as error:
            raise CipherError("a stored value was altered or cut short and can't be decrypted") from error

    def uses_newest(self, sealed: bytes) -> bool:
        """Whether `sealed` was made with the key that encrypts now; a rotation skips those."""
        return sealed[1 : 1 + _KEY_ID] == self._newest_id

    def lookup(self, *parts: str) -> bytes:
        """A keyed hash (16 bytes) by which an encrypted value can be found again."""
        joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
        return hmac.digest(self._hash_key, joined, "sha256")[:16]

    def lookups(self, *parts: str) -> tuple[bytes, ...]:
        """The hashes under every key, the newest first: while keys rotate, a value may be stored under any of them."""
        joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
        return tuple(hmac.digest(key, joined, "sha256")[:16] for key in self._hash_keys)

    @property
    def hash_keys(self) -> int:
        """How many keys of hashes there are; more than one only while they rotate."""
        return len(self._hash_keys)


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"id" + key).digest()[:_KEY_ID]


_cipher: Cipher | None = None


def configure(data_key: str, lookup_key: str = "") -> None:
    """Set the keys for this process; `app.create_app` calls it before anything touches the database."""
    global _cipher
    _cipher = Cipher(data_key, lookup_key)


def cipher() -> Cipher:
    """The process's cipher. Raises `CipherError` when `configure` was not called."""
    if _cipher is None:
        raise CipherError("records.crypto.configure(DATA_KEY) must run before personal data is read or written")
    return _cipher
