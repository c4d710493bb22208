"""Load on a callback: safe-mode messages built beforehand, sent over kept-alive connections, every answer checked."""

import asyncio
import random
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree

from wechatpy.crypto import WeChatCrypto

import clock
from handlers.registry import STEERING
from intents import nlu_files
from intents.understander import Understander
from settings import Settings

ROOT = Path(__file__).parent.parent
_NOT_POLICY = STEERING | {"psych_crisis"}


@cache
def questions() -> tuple[str, ...]:
    """Held-out lines about services that the classifier is sure of, so that a right answer names its source.

    Some hundreds of different texts: repeated ones would be answered out of the encoder's memory.
    """
    understander = Understander.load(ROOT / "var" / "model")
    now = clock.now()
    lines = [line for line in nlu_files.read_folder(nlu_files.NLU) if nlu_files.is_dev(line.text)]
    texts = dict.fromkeys(line.text for line in lines if line.intent not in STEERING and line.intent != "psych_crisis")
    understood = ((text, understander.understand(text, now)) for text in texts)
    return tuple(text for text, u in understood if u.band == "answer" and not u.danger and u.intent not in _NOT_POLICY)


@dataclass(frozen=True, slots=True)
class Result:
    """One run: how many answers were right, over how long, and how late they were (seconds, sorted)."""

    right: int
    wrong: int
    seconds: float
    times: list[float]

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return self.right / self.seconds

    def at(self, share: float) -> float:
        """The latency below which `share` of the answers came, in milliseconds."""
        return self.times[min(int(len(self.times) * share), len(self.times) - 1)] * 1000 if self.times else 0.0


def build(settings: Settings, port: int, count: int, seed: str) -> list[bytes]:
    """`count` different signed and encrypted requests of 500 people, as they go over the line."""
    crypto = WeChatCrypto(settings.wechat_token, settings.wechat_aes_key, settings.wechat_app_id)
    chance = random.Random(seed)
    now = int(time.time())
    return [_request(crypto, port, chance, now, f"{seed}{number}") for number in range(count)]


def _request(crypto: WeChatCrypto, port: int, chance: random.Random, now: int, nonce: str) -> bytes:
    sender = f"o{chance.randrange(500):027d}"
    text = chance.choice(questions())
    xml = (
        f"<xml><ToUserName><![CDATA[gh_bench]]></ToUserName><FromUserName><![CDATA[{sender}]]></FromUserName>"
        f"<CreateTime>{now}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{text}]]></Content>"
        f"<MsgId>{chance.getrandbits(60)}</MsgId></xml>"
    )
    sealed = crypto.encrypt_message(xml, nonce, str(now))
    fields = ElementTree.fromstring(sealed)
    query = urlencode(
        {
            "timestamp": str(now), "nonce": nonce, "encrypt_type": "aes",
            "msg_signature": fields.findtext("MsgSignature", ""),
        }
    )  # fmt: skip
    body = sealed.encode()
    head = f"POST /wechat?{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def run(port: int, requests: list[bytes], connections: int) -> tuple[float, list[float], list[bytes]]:
    """Send all requests over `connections` lines as fast as they are answered: seconds, latencies, bodies."""
    return asyncio.run(_run(port, requests, connections))


async def _run(port: int, requests: list[bytes], connections: int) -> tuple[float, list[float], list[bytes]]:
    queue = iter(requests)
    times: list[float] = []
    bodies: list[bytes] = []

    async def line() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in queue:
            started = time.perf_counter()
            writer.write(request)
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
                body = await reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError, IndexError):
                bodies.append(b"")
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                continue
            times.append(time.perf_counter() - started)
            bodies.append(body if head.startswith(b"HTTP/1.1 200") else b"")
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(line() for _ in range(connections)))
    return time.perf_counter() - started, times, bodies


def check(settings: Settings, kind: str, seconds: float, times: list[float], bodies: list[bytes]) -> Result:
    """Count the right answers: 'ok'; the words said back; an answer with its source."""
    crypto = WeChatCrypto(settings.wechat_token, settings.wechat_aes_key, settings.wechat_app_id)
    right = sum(_right(crypto, kind, body) for body in bodies)
    return Result(right, len(bodies) - right, seconds, sorted(times))


def _right(crypto: WeChatCrypto, kind: str, body: bytes) -> bool:
    if kind == "ok":
        return body == b"ok"
    try:
        outer = ElementTree.fromstring(body)
        xml = crypto.decrypt_message(
            body.decode(), outer.findtext("MsgSignature"), outer.findtext("TimeStamp"), outer.findtext("Nonce")
        )
        said = ElementTree.fromstring(xml).findtext("Content", "")
    except (ElementTree.ParseError, ValueError, TypeError, KeyError):
        return False
    if kind in ("echo", "floor"):
        return said in questions()
    return "依据：" in said or "来源：" in said
