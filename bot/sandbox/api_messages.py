"""API calls that reach a person: customer messages, template messages, subscription notifications.

Sources: platform documents "发送客服消息", "模板消息", "订阅通知".
"""

from collections.abc import Mapping
from typing import Any

from bot.sandbox import phone
from bot.sandbox.api import Ask, call
from bot.sandbox.platform import TEMPLATES, Person, Platform, Refused, message_id

TEXT_BYTES = 2048
FIELD_CHARS = 20


@call("cgi-bin/message/custom/send")
def custom_send(platform: Platform, ask: Ask) -> dict[str, Any]:
    """A message within the windows a person opened. Errors: 40003, 43004, 45015, 45047, 40200, 45002, 40008."""
    kind = str(ask.need("msgtype", 40008))
    if kind not in CUSTOM:
        raise Refused(40008, "invalid message type")
    if kind == "msgmenu" and platform.account.kind != "service":
        raise Refused(40200, "invalid account type for msgmenu")
    content = ask.data.get(kind)
    if not isinstance(content, dict):
        raise Refused(47001, f"data format error: {kind} is missing")
    entry = CUSTOM[kind](platform, content)
    person = platform.owner(str(ask.need("touser", 40003)))
    platform.spend(person.key)
    platform.show(person.key, "account", kind, via="custom", **entry)
    return {"errcode": 0, "errmsg": "ok"}


@call("cgi-bin/message/custom/typing")
def typing(platform: Platform, ask: Ask) -> dict[str, Any]:
    """'Is typing…' at the top of the chat; costs nothing."""
    platform.owner(str(ask.need("touser", 40003)))
    return {"errcode": 0, "errmsg": "ok"}


def _text(platform: Platform, content: Mapping[str, Any]) -> dict[str, Any]:
    text = str(content.get("content", ""))
    if not text:
        raise Refused(44004, "empty content")
    if len(text.encode()) > TEXT_BYTES:
        raise Refused(45002, "content size out of limit")
    return {"text": text}


def _msgmenu(platform: Platform, content: Mapping[str, Any]) -> dict[str, Any]:
    items = content.get("list")
    if not isinstance(items, list) or not items:
        raise Refused(47001, "data format error: list is missing")
    choices = [{"id": str(item["id"]), "label": str(item["content"])} for item in items]
    size = sum(len(choice["label"].encode()) for choice in choices)
    head, tail = str(content.get("head_content", "")), str(content.get("tail_content", ""))
    if size + len((head + tail).encode()) > TEXT_BYTES:
        raise Refused(45002, "content size out of limit")
    return {"text": head, "choices": choices, "tail": tail}


def _media(platform: Platform, content: Mapping[str, Any]) -> dict[str, Any]:
    media_id = str(content.get("media_id", ""))
    if phone.media(platform, media_id) is None:
        raise Refused(40007, "invalid media_id")
    return {"media": media_id}


def _news(platform: Platform, content: Mapping[str, Any]) -> dict[str, Any]:
    articles = content.get("articles")
    if not isinstance(articles, list) or not articles:
        raise Refused(47001, "data format error: articles is missing")
    if len(articles) > 1:
        raise Refused(45008, "article size out of limit")
    first = articles[0]
    return {
        "title": str(first.get("title", "")),
        "text": str(first.get("description", "")),
        "url": str(first.get("url", "")),
        "picture": str(first.get("picurl", "")),
    }


def _card(platform: Platform, content: Mapping[str, Any]) -> dict[str, Any]:
    return {"title": str(content.get("title", "")), "text": str(content.get("description", "")), "url": ""}


CUSTOM: dict[str, Any] = {
    "text": _text,
    "msgmenu": _msgmenu,
    "image": _media,
    "voice": _media,
    "video": _media,
    "music": _card,
    "news": _news,
    "mpnews": _card,
    "mpnewsarticle": _card,
    "wxcard": _card,
    "miniprogrampage": _card,
}


@call("cgi-bin/message/template/send")
def template_send(platform: Platform, ask: Ask) -> dict[str, Any]:
    """A template message; its fate follows as an event. Errors: 48001, 40003, 40037, 43004, 47003."""
    person, template, fields = _templated(platform, ask)
    if not person.follows:
        raise Refused(43004)
    msg_id = message_id() >> 20
    _card_on(platform, person, template, fields, str(ask.data.get("url", "")), "template")
    phone.template_sent(platform, person.key, msg_id, "success")
    return {"errcode": 0, "errmsg": "ok", "msgid": msg_id}


@call("cgi-bin/message/subscribe/bizsend")
def bizsend(platform: Platform, ask: Ask) -> dict[str, Any]:
    """A subscription notification: one consent, one message. Errors: 48001, 40003, 40037, 43101, 47003."""
    person, template, fields = _templated(platform, ask)
    with platform.change(person.key) as owner:
        if owner.consents.get(template, 0) < 1:
            raise Refused(43101)
        owner.consents[template] -= 1
    msg_id = message_id() >> 20
    _card_on(platform, person, template, fields, str(ask.data.get("page", "")), "subscribe")
    phone.subscription_sent(platform, person.key, template, msg_id)
    return {"errcode": 0, "errmsg": "ok", "msgid": msg_id}


def _templated(platform: Platform, ask: Ask) -> tuple[Person, str, list[tuple[str, str]]]:
    if platform.account.kind != "service":
        raise Refused(48001)
    person = platform.owner(str(ask.need("touser", 40003)))
    template = str(ask.need("template_id", 40037))
    if template not in TEMPLATES:
        raise Refused(40037, "invalid template_id")
    data = ask.data.get("data")
    if not isinstance(data, dict) or not data:
        raise Refused(47003, "argument invalid! data is empty")
    fields = [(name, str(value.get("value", "")) if isinstance(value, dict) else "") for name, value in data.items()]
    for name, value in fields:
        if not value or len(value) > FIELD_CHARS or "\n" in value:
            raise Refused(47003, f"argument invalid! data.{name}.value is empty, over 20 characters or broken")
    return person, template, fields


def _card_on(
    platform: Platform, person: Person, template: str, fields: list[tuple[str, str]], url: str, via: str
) -> None:
    title, labels = TEMPLATES[template]
    shown = [(labels.get(name, name), value) for name, value in fields]
    platform.show(person.key, "account", "template", title=title, fields=shown, url=url, via=via)


def _content(labels: Mapping[str, str]) -> str:
    return "\n".join(f"{label}:{{{{{name}.DATA}}}}" for name, label in labels.items())


@call("wxaapi/newtmpl/gettemplate")
def subscription_templates(platform: Platform, ask: Ask) -> dict[str, Any]:
    """The account's subscription templates."""
    found = [
        {"priTmplId": key, "title": title, "content": _content(fields), "type": 2}
        for key, (title, fields) in TEMPLATES.items()
    ]
    return {"errcode": 0, "errmsg": "ok", "data": found}


@call("cgi-bin/template/get_all_private_template")
def private_templates(platform: Platform, ask: Ask) -> dict[str, Any]:
    """The account's message templates."""
    found = [
        {"template_id": key, "title": title, "content": _content(fields)} for key, (title, fields) in TEMPLATES.items()
    ]
    return {"template_list": found}
