"""Load on a callback: safe-mode messages built beforehand, sent over kept-alive connections, every answer checked."""

import asyncio
import random
import time
from collections import Counter
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
MIX = (
    "Messages are lines of the development split, the r-th commonest in proportion to 1/(10 + r), two thirds of them "
    "with other words of courtesy around them, so that nearly all of those are new to the server; half as many people "
    "as messages."
)
_BEFORE = (
    "你好，",
    "您好 ",
    "请问",
    "请问一下，",
    "我想问下",
    "麻烦问一下，",
    "师傅，",
    "那个，",
    "想咨询一下，",
    "问一下",
    "",
)
_AFTER = (
    "？",
    "啊",
    "呢？",
    "，谢谢",
    "，谢谢了",
    "，麻烦您了",
    "。",
    "，急",
    "，在线等",
    "，拜托了",
    "！！",
    "，多谢",
    "",
)
_NOT_POLICY = STEERING | {"psych_crisis"}


@dataclass(frozen=True, slots=True)
class Request:
    """One message as it goes over the line. `only`: its person says nothing else."""

    raw: bytes
    sender: str
    text: str
    only: bool


@dataclass(frozen=True, slots=True)
class Result:
    """One run: right and wrong answers, seconds, latencies (seconds, sorted), and the server's CPU seconds."""

    right: int
    wrong: int
    seconds: float
    times: list[float]
    cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return self.right / self.seconds

    @property
    def cost(self) -> float:
        """CPU milliseconds of the web processes for one request."""
        return self.cpu * 1000 / max(self.right + self.wrong, 1)

    def at(self, share: float) -> float:
        """The latency below which `share` of the answers came, in milliseconds."""
        return self.times[min(int(len(self.times) * share), len(self.times) - 1)] * 1000 if self.times else 0.0


@cache
def lines() -> tuple[str, ...]:
    """The development split, in an order of popularity that is made up but always the same."""
    texts = [line.text for line in nlu_files.read_folder(nlu_files.NLU) if nlu_files.is_dev(line.text)]
    texts = list(dict.fromkeys(texts))
    random.Random(1).shuffle(texts)
    return tuple(texts)


@cache
def _understander() -> Understander:
    return Understander.load(ROOT / "var" / "model")


@cache
def policy(text: str) -> bool:
    """Whether a message is a question about a service that the classifier is sure of."""
    heard = _understander().understand(text, clock.now())
    return heard.band == "answer" and not heard.danger and heard.intent not in _NOT_POLICY


def build(settings: Settings, port: int, count: int, seed: str) -> list[Request]:
    """`count` different signed and encrypted messages of half as many people."""
    crypto = WeChatCrypto(settings.wechat_token, settings.wechat_aes_key, settings.wechat_app_id)
    chance = random.Random(seed)
    said = chance.choices(lines(), [1 / (10 + rank) for rank in range(len(lines()))], k=count)
    texts = [_politely(chance, text) if chance.random() < 2 / 3 else text for text in said]
    senders = [f"o{seed[:8]:_<8}{chance.randrange(max(count // 2, 1)):019d}" for _ in texts]
    often = Counter(senders)
    now = int(time.time())
    made = []
    for number, (text, sender) in enumerate(zip(texts, senders, strict=True)):
        raw = _raw(crypto, port, sender, text, now, f"{seed}{number}", chance.getrandbits(60))
        made.append(Request(raw, sender, text, often[sender] == 1))
    return made


def _politely(chance: random.Random, text: str) -> str:
    return chance.choice(_BEFORE) + text.rstrip("。？！?!") + chance.choice(_AFTER)


def _raw(crypto: WeChatCrypto, port: int, sender: str, text: str, now: int, nonce: str, number: int) -> bytes:
    xml = (
        f"<xml><ToUserName><![CDATA[gh_bench]]></ToUserName><FromUserName><![CDATA[{sender}]]></FromUserName>"
        f"<CreateTime>{now}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{text}]]></Content>"
        f"<MsgId>{number}</MsgId></xml>"
    )
    sealed = crypto.encrypt_message(xml, nonce, str(now))
    signature = ElementTree.fromstring(sealed).findtext("MsgSignature", "")
    fields = {"timestamp": str(now), "nonce": nonce, "encrypt_type": "aes", "msg_signature": signature}
    body = sealed.encode()
    head = (
        f"POST /wechat?{urlencode(fields)} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: text/xml\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass(slots=True)
class Sent:
    """What became of one request. `body` is None for one that wasn't answered with 200."""

    request: Request
    at: float
    took: float
    body: bytes | None


def run(port: int, requests: list[Request], connections: int, *, seconds: float = 0.0) -> tuple[float, list[Sent]]:
    """Send the requests over `connections` lines as fast as they are answered, or until `seconds` are over."""
    return asyncio.run(_run(port, requests, connections, seconds))


async def _run(port: int, requests: list[Request], connections: int, seconds: float) -> tuple[float, list[Sent]]:
    queue = iter(requests)
    sent: list[Sent] = []
    began = time.perf_counter()

    async def line() -> None:
        reader = writer = None
        for request in queue:
            started = time.perf_counter()
            if seconds and started - began > seconds:
                break
            body: bytes | None = None
            try:
                if reader is None or writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(request.raw)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
                body = await reader.readexactly(length)
                if not head.startswith(b"HTTP/1.1 200"):
                    body = None
            except (asyncio.IncompleteReadError, OSError, IndexError):
                reader = writer = None
                await asyncio.sleep(0.01)
            sent.append(Sent(request, started - began, time.perf_counter() - started, body))
        if writer is not None:
            writer.close()

    await asyncio.gather(*(line() for _ in range(connections)))
    return time.perf_counter() - began, sent


def check(settings: Settings, kind: str, seconds: float, sent: list[Sent], cpu: float = 0.0) -> Result:
    """Count the right answers: 'ok'; the words said back; an answer to the right person, with its source if it must."""
    crypto = WeChatCrypto(settings.wechat_token, settings.wechat_aes_key, settings.wechat_app_id)
    right = sum(_right(crypto, kind, one) for one in sent)
    return Result(right, len(sent) - right, seconds, sorted(one.took for one in sent), cpu)


def _right(crypto: WeChatCrypto, kind: str, one: Sent) -> bool:
    if one.body is None or kind == "ok":
        return one.body == b"ok"
    try:
        outer = ElementTree.fromstring(one.body)
        xml = crypto.decrypt_message(
            one.body.decode(), outer.findtext("MsgSignature"), outer.findtext("TimeStamp"), outer.findtext("Nonce")
        )
        inner = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError, TypeError, KeyError):
        return False
    said = inner.findtext("Content", "")
    if kind in ("echo", "floor"):
        return said == one.request.text
    if not said or inner.findtext("ToUserName") != one.request.sender:
        return False
    # What somebody said before may rightly change the answer, so only a person's one message is held to its source.
    return "依据：" in said or "来源：" in said or not one.request.only or not policy(one.request.text)
