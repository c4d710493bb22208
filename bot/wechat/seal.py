"""Signatures and encryption of the callback (platform: 消息与事件推送, 消息加解密说明).

wechatpy compares signatures with `!=`, trusts the padding byte and reports broken ciphers as IndexError and
struct.error; so only its cipher and its signer are used here, and everything around them is checked.
"""

import base64
import binascii
import hmac
import secrets
import struct
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from wechatpy.crypto import WeChatCipher
from wechatpy.utils import WeChatSigner

from bot.wechat.refusal import Refused

BLOCK = 32
"""The platform pads to 32 bytes, not to AES's 16."""
OLDEST = 3600
"""Seconds a request's timestamp may lie back. Generous: a retry re-sends the first push's signature."""
NEWEST = 600
"""Seconds it may lie ahead: clocks differ."""


def sign(*parts: str) -> str:
    """SHA-1 over the sorted parts, in hex (wx-cb-01, wx-cb-03)."""
    signer = WeChatSigner()
    signer.add_data(*parts)
    return str(signer.signature)


def check(expected: str, given: str | None) -> None:
    """Compare in constant time. Raises `Refused` (403)."""
    if not given:
        raise Refused(403, "signature-missing")
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise Refused(403, "signature-wrong")


def check_age(args: Mapping[str, str], now: datetime) -> None:
    """Refuse (403) a request whose timestamp is out of the window: an old capture played again."""
    stamp = args.get("timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Refused(403, "timestamp-missing")
    age = now.timestamp() - int(stamp)
    if age > OLDEST:
        raise Refused(403, "timestamp-stale")
    if age < -NEWEST:
        raise Refused(403, "timestamp-ahead")


def key_of(aes_key: str) -> bytes:
    """The 32 bytes behind the 43 characters of EncodingAESKey."""
    return base64.b64decode(aes_key + "=")


@lru_cache(maxsize=8)
def _cipher(aes_key: str) -> WeChatCipher:
    """Its key's schedule is worked out once; each message gets an encryptor of its own."""
    return WeChatCipher(key_of(aes_key))


def decrypt(aes_key: str, app_id: str, encrypted: str) -> bytes:
    """The message inside `Encrypt` (wx-cb-04): 16 random bytes, length, message, appid, padding.

    Raises `Refused` (400) when any of these isn't as it must be.
    """
    try:
        cipher_text = base64.b64decode(encrypted.strip(), validate=True)
    except (binascii.Error, ValueError) as fault:
        raise Refused(400, "cipher-not-base64") from fault
    if not cipher_text or len(cipher_text) % BLOCK:
        raise Refused(400, "cipher-length")
    plain: bytes = _cipher(aes_key).decrypt(cipher_text)
    content = _unpadded(plain)
    if len(content) < 20:
        raise Refused(400, "cipher-too-short")
    (length,) = struct.unpack(">I", content[16:20])
    if length > len(content) - 20:
        raise Refused(400, "cipher-length-field")
    if not hmac.compare_digest(content[20 + length :], app_id.encode()):
        raise Refused(400, "cipher-appid")
    return content[20 : 20 + length]


def _unpadded(plain: bytes) -> bytes:
    count = plain[-1]
    if not 1 <= count <= BLOCK or plain[-count:] != bytes([count]) * count:
        raise Refused(400, "cipher-padding")
    return plain[:-count]


def encrypt(aes_key: str, app_id: str, message: str) -> str:
    """`message` as the platform expects it in `Encrypt`."""
    text = message.encode()
    content = secrets.token_bytes(16) + struct.pack(">I", len(text)) + text + app_id.encode()
    count = BLOCK - len(content) % BLOCK
    cipher_text: bytes = _cipher(aes_key).encrypt(content + bytes([count]) * count)
    return base64.b64encode(cipher_text).decode()


def sealed(token: str, aes_key: str, app_id: str, message: str, now: datetime) -> dict[str, str | int]:
    """The fields of an encrypted passive reply, with a signature, timestamp and nonce of its own (wx-cb-05)."""
    encrypted = encrypt(aes_key, app_id, message)
    stamp, nonce = int(now.timestamp()), secrets.token_hex(8)
    signature = sign(token, str(stamp), nonce, encrypted)
    return {"Encrypt": encrypted, "MsgSignature": signature, "TimeStamp": stamp, "Nonce": nonce}
