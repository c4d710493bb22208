"""What the platform makes of the service's answer to a push: shows it, keeps quiet, or apologises for the account.

Source: platform document "被动回复用户消息": an empty body or `success` ends it; anything malformed makes the person
see that the account is out of service.
"""

from typing import Any

from bot.sandbox.platform import Person, Platform
from bot.sandbox.wire import Malformed, open_answer, pretty

SORRY = "该公众号暂时无法提供服务，请稍后再试"
TEXT_BYTES = 2048
BIGGEST = 64 * 1024


def apologise(platform: Platform, person: Person) -> None:
    """Show the person what they see when an account fails."""
    platform.show(person.key, "platform", "notice", text=SORRY)


def receive(platform: Platform, person: Person, body: bytes, mode: str, answerable: bool, about: dict[str, Any]) -> str:
    """Take the answer of a push; returns answered, quiet or failed. `about` goes into the wire log."""
    try:
        fields, text = _read(platform, body, mode)
        shown = _shown(platform, person, fields) if fields else None
    except Malformed as error:
        raw = body[:4000].decode(errors="replace")
        platform.log("in", f"回答不合规：{error}", phone=person.key, bad=True, text=raw, **about)
        if answerable:
            apologise(platform, person)
        return "failed"
    if shown is None or not answerable:
        title = "空回答，不再重推" if not fields else "这类事件的回答不会显示给用户"
        platform.log("in", title, phone=person.key, text=text, **about)
        return "quiet"
    kind = shown.pop("kind")
    raw = pretty(body.decode()) if "<Encrypt>" in body.decode() else ""
    title = f"被动回复「{_start(shown)}」"
    platform.log("in", title, phone=person.key, text=pretty(text), raw=raw, **about)
    who = "platform" if kind == "notice" else "account"
    platform.show(person.key, who, kind, via="passive", **shown)
    return "answered"


def _start(shown: dict[str, Any]) -> str:
    text = str(shown.get("text") or shown.get("title") or "媒体").replace("\n", " ")
    return text if len(text) <= 24 else text[:23] + "…"


def _read(platform: Platform, body: bytes, mode: str) -> tuple[dict[str, Any], str]:
    if len(body) > BIGGEST:
        raise Malformed("回答超过 64 KB")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Malformed("回答不是 UTF-8") from error
    if text.strip() in ("", "success"):
        return {}, text.strip()
    return open_answer(platform.account, mode, text)


def _shown(platform: Platform, person: Person, fields: dict[str, Any]) -> dict[str, Any]:
    """A passive reply as a chat entry. Raises `Malformed` where the platform would refuse it."""
    if fields.get("ToUserName") != person.openid:
        raise Malformed("ToUserName 不是发消息的人")
    if fields.get("FromUserName") != platform.account.original_id:
        raise Malformed("FromUserName 不是公众号的原始 ID")
    if not str(fields.get("CreateTime", "")).isdigit():
        raise Malformed("CreateTime 不是整数")
    kind = str(fields.get("MsgType", ""))
    if kind not in SHOWN:
        raise Malformed(f"不支持的 MsgType：{kind or '空'}")
    return {"kind": kind, **SHOWN[kind](platform, fields)}


def _text(platform: Platform, fields: dict[str, Any]) -> dict[str, Any]:
    content = str(fields.get("Content", ""))
    if not content:
        raise Malformed("文本回复是空的")
    size = len(content.encode())
    if size > TEXT_BYTES:
        raise Malformed(f"文本回复 {size} 字节，上限 {TEXT_BYTES}")
    return {"text": content}


def _media(name: str) -> Any:
    def read(platform: Platform, fields: dict[str, Any]) -> dict[str, Any]:
        held = fields.get(name)
        media_id = str(held.get("MediaId", "")) if isinstance(held, dict) else ""
        if platform.store.get(f"media:{media_id}") is None:
            raise Malformed(f"{name} 的 MediaId 不存在")
        return {"media": media_id}

    return read


def _music(platform: Platform, fields: dict[str, Any]) -> dict[str, Any]:
    held = fields.get("Music")
    if not isinstance(held, dict):
        raise Malformed("缺少 Music")
    return {"title": held.get("Title", "音乐"), "text": held.get("Description", ""), "url": held.get("MusicUrl", "")}


def _news(platform: Platform, fields: dict[str, Any]) -> dict[str, Any]:
    held = fields.get("Articles")
    items = held.get("item") if isinstance(held, dict) else None
    if isinstance(items, list) or str(fields.get("ArticleCount")) != "1":
        raise Malformed("图文回复只能有一篇（45008）")
    if not isinstance(items, dict) or not items.get("Title"):
        raise Malformed("图文回复没有标题")
    return {
        "title": items["Title"],
        "text": items.get("Description", ""),
        "url": items.get("Url", ""),
        "picture": items.get("PicUrl", ""),
    }


def _transfer(platform: Platform, fields: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "notice", "text": "消息已转给客服系统"}


SHOWN: dict[str, Any] = {
    "text": _text,
    "image": _media("Image"),
    "voice": _media("Voice"),
    "video": _media("Video"),
    "music": _music,
    "news": _news,
    "transfer_customer_service": _transfer,
}
