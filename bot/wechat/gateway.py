"""From a callback of the platform to an `Inbound`: verify, decrypt, read, and give it its idempotency key.

Whatever is malformed, forged or stale leaves as one exception, `Refused`. What is well formed but of no kind we
know (wx-cb-13) comes back without an `Inbound`: it is answered empty and logged by its kind.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.message import Inbound
from bot.wechat import kinds, seal, wire
from bot.wechat.kinds import text_of
from bot.wechat.refusal import Refused
from settings import Settings

LONGEST_KEY = 120
"""Characters of an idempotency key; a longer one (events carry whole addresses) is replaced by its hash."""


@dataclass(frozen=True, slots=True)
class Report:
    """The platform's word on a push message: `status` is `success` or says why not (wx-push-04)."""

    message_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Received:
    """One verified callback.

    `kind` is the platform's name for it, for the log. `inbound` is None where there is nobody to answer.
    `account` and `sender` are the two ends as the platform names them; a passive reply swaps them.
    `safe`: the reply must be encrypted.
    """

    kind: str
    account: str
    sender: str
    safe: bool
    inbound: Inbound | None = None
    report: Report | None = None


def verify_url(settings: Settings, args: Mapping[str, str], now: datetime) -> str:
    """The `echostr` to return when the platform checks our address (wx-cb-01). Raises `Refused`."""
    check_signature(settings, args, now)
    return args.get("echostr", "")


def check_signature(settings: Settings, args: Mapping[str, str], now: datetime) -> None:
    """The signature every request carries, over token, timestamp and nonce. Raises `Refused` (403)."""
    expected = seal.sign(settings.wechat_token, args.get("timestamp", ""), args.get("nonce", ""))
    seal.check(expected, args.get("signature"))
    seal.check_age(args, now)


def receive(settings: Settings, args: Mapping[str, str], body: bytes, now: datetime) -> Received:
    """One POST of the platform, in plain, compatible or safe mode. Raises `Refused`."""
    safe = args.get("encrypt_type") == "aes" or "msg_signature" in args
    if not safe and settings.callback_mode == "safe":
        # The plain signature covers no body: whoever overheard one could say anything in anybody's name with it.
        raise Refused(403, "plain-in-safe-mode")
    if not safe or "signature" in args:
        check_signature(settings, args, now)
    json_allowed = settings.callback_format == "json"
    fields = wire.read(body, json_allowed=json_allowed)
    if safe:
        fields = wire.read(_opened(settings, args, fields, now), json_allowed=json_allowed)
    return _received(fields, safe, now)


def _opened(settings: Settings, args: Mapping[str, str], fields: wire.Fields, now: datetime) -> bytes:
    """What is inside `Encrypt`, after its own signature was checked."""
    encrypted = fields.get("Encrypt")
    if not isinstance(encrypted, str) or not encrypted:
        raise Refused(400, "encrypt-missing")
    stamp, nonce = args.get("timestamp", ""), args.get("nonce", "")
    seal.check(seal.sign(settings.wechat_token, stamp, nonce, encrypted), args.get("msg_signature"))
    seal.check_age(args, now)
    if not settings.wechat_aes_key:
        raise Refused(400, "no-aes-key-set")
    return seal.decrypt(settings.wechat_aes_key, settings.wechat_app_id, encrypted)


def _received(fields: wire.Fields, safe: bool, now: datetime) -> Received:
    kind = text_of(fields, "MsgType").strip().lower()
    sender, account = text_of(fields, "FromUserName").strip(), text_of(fields, "ToUserName").strip()
    for name, value in (("MsgType", kind), ("FromUserName", sender), ("ToUserName", account)):
        if not value:
            raise Refused(400, f"{name}-missing")
    if len(sender) > 64 or len(account) > 64:
        raise Refused(400, "name-too-long")
    event = text_of(fields, "Event").strip().lower()
    if kind == "event":
        found = kinds.event(event, fields)
        kind = f"event:{event}"
        # Events about privacy rights come from the platform itself and name the person inside.
        person = text_of(fields, "OpenID").strip()[:64] or sender
    else:
        found, person = kinds.message(kind, fields), sender
    if event in kinds.REPORTS:
        report = Report(*kinds.report(fields))
        return Received(kind, account, sender, safe, report=report)
    if found is None:
        return Received(kind, account, sender, safe)
    inbound = Inbound(
        channel="wechat", sender=person, key=_key(fields, event), sent_at=_sent_at(fields, now), **found.fields()
    )
    return Received(kind, account, sender, safe, inbound)


def _key(fields: wire.Fields, event: str) -> str:
    """What every push of the same message repeats (wx-cb-09); unique per sender, as the caller scopes it."""
    message_id = text_of(fields, "MsgId").strip() or text_of(fields, "MsgID").strip()
    created = text_of(fields, "CreateTime").strip()
    if event:
        key = f"e:{created}:{event}:{text_of(fields, 'EventKey')}"
        if message_id:
            key += f":{message_id}"
    elif message_id:
        key = f"m:{message_id}"
    else:
        # No ordinary message lacks its id; should one come, its content and second tell it from others.
        key = f"c:{created}:{hashlib.sha256(repr(sorted(fields.items())).encode()).hexdigest()[:32]}"
    if len(key) > LONGEST_KEY:
        key = f"{key[:2]}#{hashlib.sha256(key.encode()).hexdigest()[:40]}"
    return key


def _sent_at(fields: wire.Fields, now: datetime) -> datetime:
    """When the person sent it; our own clock where the platform's time is missing or can't be."""
    stamp = text_of(fields, "CreateTime").strip()
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 11):
        return now
    sent = datetime.fromtimestamp(int(stamp), UTC).astimezone(now.tzinfo)
    return sent if now - timedelta(days=2) <= sent <= now + timedelta(minutes=10) else now
