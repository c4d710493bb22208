"""The platform's signatures and its AES envelope.

Source: the platform's developer documents, "消息加解密说明": AES-256-CBC, the key is the 43 characters of
EncodingAESKey plus "=" in base64, the first 16 bytes of the key are the initialisation vector, padding is PKCS#7 to
blocks of 32 bytes, and the plain text is 16 random bytes, the length as 4 bytes big-endian, the message, the app id.
"""

import base64
import binascii
import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32


class BadEnvelope(Exception):
    """An encrypted answer the platform cannot open. The message says which check failed."""


def signature(*parts: str) -> str:
    """SHA-1 over the sorted parts: token, timestamp, nonce and, for msg_signature, the encrypted text."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def same(given: str, wanted: str) -> bool:
    """Compare two signatures."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def _cipher(aes_key: str) -> Cipher[modes.CBC]:
    key = base64.b64decode(aes_key + "=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))


def seal(message: str, app_id: str, aes_key: str) -> str:
    """Encrypt a message for the service; returns the base64 text of the Encrypt element."""
    body = message.encode()
    plain = secrets.token_bytes(16) + len(body).to_bytes(4, "big") + body + app_id.encode()
    pad = BLOCK - len(plain) % BLOCK
    encryptor = _cipher(aes_key).encryptor()
    sealed = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
    return base64.b64encode(sealed).decode()


def unseal(text: str, app_id: str, aes_key: str) -> str:
    """Open the Encrypt element of an answer. Raises `BadEnvelope` when any part of it is not as documented."""
    try:
        sealed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadEnvelope("Encrypt 不是合法的 base64") from error
    if not sealed or len(sealed) % 16:
        raise BadEnvelope("密文长度不是 16 的倍数")
    decryptor = _cipher(aes_key).decryptor()
    plain = decryptor.update(sealed) + decryptor.finalize()
    pad = plain[-1]
    if not 1 <= pad <= BLOCK or plain[-pad:] != bytes([pad]) * pad:
        raise BadEnvelope("填充不合法，可能是 EncodingAESKey 不一致")
    plain = plain[:-pad]
    length = int.from_bytes(plain[16:20], "big")
    message, owner = plain[20 : 20 + length], plain[20 + length :]
    if len(message) != length or owner != app_id.encode():
        raise BadEnvelope("密文里的 AppID 与公众号不一致")
    try:
        return message.decode()
    except UnicodeDecodeError as error:
        raise BadEnvelope("解密后的内容不是 UTF-8") from error
