"""What each kind of message and event of the platform means to us (wx-cb-13), as the channel-neutral fields of
`Inbound`. wechatpy strips texts, turns an empty one into None and doesn't know half of the events; this does.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.wechat.wire import Fields

REPORTS = frozenset({"templatesendjobfinish", "masssendjobfinish", "subscribe_msg_sent_event"})
"""Events that say what became of a push message: for the outbox, not for the dialogue."""

# What a room's code holds: the address of its page, or its printed number alone.
_ROOM = re.compile(r"https?://[^/\s]+/[rq]/([\w:-]{4,40})/?(?:\?.*)?|([A-Z]{2}-[A-Z]{2}-\d{6})")


_TEMPLATE = re.compile(r"[\w-]{1,64}", re.ASCII)
"""A template's id."""


@dataclass(frozen=True, slots=True)
class Found:
    """The part of an `Inbound` that depends on the kind. `window`: which sending window the contact opens."""

    kind: str
    text: str = ""
    event: str = ""
    scene: str = ""
    choice: str = ""
    media: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)
    window: str = ""

    def fields(self) -> dict[str, Any]:
        """As keyword arguments of `Inbound`."""
        return {name: getattr(self, name) for name in self.__slots__}


def text_of(fields: Fields, name: str) -> str:
    """A field's text as it was sent, whitespace kept; empty where it is missing or not a text."""
    value = fields.get(name, "")
    return value if isinstance(value, str) else ""


def message(kind: str, fields: Fields) -> Found | None:
    """An ordinary message; None for a kind we don't know."""
    make = _MESSAGES.get(kind)
    return make(fields) if make else None


def event(name: str, fields: Fields) -> Found | None:
    """An event, by its lower-case name; None for one nobody here acts on."""
    make = _EVENTS.get(name)
    return make(fields) if make else None


def report(fields: Fields) -> tuple[str, str]:
    """Message id and status of a `REPORTS` event."""
    inner = _first(fields, "SubscribeMsgSentEvent")
    status = text_of(fields, "Status") or text_of(inner, "ErrorStatus")
    return text_of(fields, "MsgID") or text_of(fields, "MsgId") or text_of(inner, "MsgID"), status


def _text(fields: Fields) -> Found:
    choice = text_of(fields, "bizmsgmenuid")
    # A tap on an offered choice counts as a menu click, not as a message (wx-kf-01).
    window = "click" if choice else "message"
    return Found("text", text=text_of(fields, "Content"), choice=choice, window=window)


def _voice(fields: Fields) -> Found:
    # The platform's own speech recognition has been withdrawn (wx-voice-01); where a text still comes, use it.
    heard = text_of(fields, "Recognition")
    detail = {"format": text_of(fields, "Format"), "voice": "1"}
    kind = "text" if heard.strip() else "voice"
    return Found(kind, text=heard, media=text_of(fields, "MediaId"), detail=detail, window="message")


def _media(kind: str, **detail: str) -> Callable[[Fields], Found]:
    def found(fields: Fields) -> Found:
        kept = {name: text_of(fields, source) for name, source in detail.items() if text_of(fields, source)}
        return Found(kind, media=text_of(fields, "MediaId"), detail=kept, window="message")

    return found


def _plain(kind: str, text: str = "", **detail: str) -> Callable[[Fields], Found]:
    def found(fields: Fields) -> Found:
        kept = {name: text_of(fields, source) for name, source in detail.items() if text_of(fields, source)}
        return Found(kind, text=text_of(fields, text) if text else "", detail=kept, window="message")

    return found


_MESSAGES: dict[str, Callable[[Fields], Found]] = {
    "text": _text,
    "voice": _voice,
    "image": _media("image", url="PicUrl"),
    "video": _media("video", thumb="ThumbMediaId"),
    "shortvideo": _media("video", thumb="ThumbMediaId"),
    "location": _plain("location", "Label", latitude="Location_X", longitude="Location_Y", label="Label"),
    "link": _plain("link", "", title="Title", description="Description", url="Url"),
}


def _subscribe(fields: Fields) -> Found:
    key = text_of(fields, "EventKey")
    # Only a parametric code has this prefix; other subscriptions carry keys of other kinds, which are no scenes.
    scene = key.removeprefix("qrscene_") if key.startswith("qrscene_") else ""
    return Found("event", event="subscribe", scene=scene, detail=_ticket(fields), window="click")


def _scan(fields: Fields) -> Found:
    return Found("event", event="scan", scene=text_of(fields, "EventKey"), detail=_ticket(fields), window="click")


def _ticket(fields: Fields) -> dict[str, str]:
    ticket = text_of(fields, "Ticket")
    return {"ticket": ticket} if ticket else {}


def _click(fields: Fields) -> Found:
    return Found("event", event="click", choice=text_of(fields, "EventKey"), window="click")


def _view(fields: Fields) -> Found:
    # A link in the menu opens no sending window (wx-kf-02).
    return Found("event", event="view", detail={"url": text_of(fields, "EventKey")})


def _scancode_push(fields: Fields) -> Found:
    # The phone opens what it scanned by itself; this only tells us.
    detail = {"key": text_of(fields, "EventKey"), **_scanned(fields)}
    return Found("event", event="scancode_push", detail=detail, window="click")


def _scancode_waitmsg(fields: Fields) -> Found:
    # The phone shows a waiting dialogue until we answer: as good as a scan of a code of our own.
    scanned = _scanned(fields)
    room = _ROOM.fullmatch(scanned["scan_result"].strip())
    scene = f"r:{room[1] or room[2]}" if room else scanned["scan_result"]
    detail = {"key": text_of(fields, "EventKey"), "via": "scancode_waitmsg", **scanned}
    return Found("event", event="scan", scene=scene, detail=detail, window="click")


def _scanned(fields: Fields) -> dict[str, str]:
    info = _first(fields, "ScanCodeInfo")
    return {"scan_type": text_of(info, "ScanType"), "scan_result": text_of(info, "ScanResult")[:500]}


def _pictures(name: str) -> Callable[[Fields], Found]:
    # The pictures follow as messages of their own; this only says that they come.
    def found(fields: Fields) -> Found:
        count = text_of(_first(fields, "SendPicsInfo"), "Count")
        return Found("event", event=name, detail={"key": text_of(fields, "EventKey"), "count": count})

    return found


def _location_select(fields: Fields) -> Found:
    info = _first(fields, "SendLocationInfo")
    names = {"latitude": "Location_X", "longitude": "Location_Y", "label": "Label", "place": "Poiname"}
    detail = {name: text_of(info, source) for name, source in names.items()}
    return Found("event", event="location_select", detail={"key": text_of(fields, "EventKey"), **detail})


def _location(fields: Fields) -> Found:
    names = {"latitude": "Latitude", "longitude": "Longitude", "precision": "Precision"}
    detail = {name: text_of(fields, source) for name, source in names.items()}
    return Found("event", event="location", detail=detail)


def _consents(name: str, box: str) -> Callable[[Fields], Found]:
    """Which subscription notifications somebody said yes or no to: template ids separated by spaces."""

    def found(fields: Fields) -> Found:
        inner = fields.get(box)
        rows = inner.get("List", []) if isinstance(inner, dict) else inner
        rows = [row for row in (rows if isinstance(rows, list) else [rows]) if isinstance(row, dict)]
        by_answer: dict[str, list[str]] = {"accept": [], "reject": []}
        for row in rows:
            if _TEMPLATE.fullmatch(template := text_of(row, "TemplateId")):
                by_answer.setdefault(text_of(row, "SubscribeStatusString"), []).append(template)
        detail = {"accepted": " ".join(by_answer["accept"]), "rejected": " ".join(by_answer["reject"])}
        return Found("event", event=name, detail=detail)

    return found


def _first(fields: Fields, name: str) -> Fields:
    """The nested fields under `name`, or the first row of its `List`; empty where there are none."""
    value = fields.get(name, {})
    if isinstance(value, dict):
        value = value.get("List", value)
    if isinstance(value, list):
        value = value[0] if value else {}
    return value if isinstance(value, dict) else {}


def _bare(name: str) -> Callable[[Fields], Found]:
    return lambda _fields: Found("event", event=name)


_EVENTS: dict[str, Callable[[Fields], Found]] = {
    "subscribe": _subscribe,
    "unsubscribe": _bare("unsubscribe"),
    "scan": _scan,
    "location": _location,
    "click": _click,
    "view": _view,
    "view_miniprogram": _view,
    "scancode_push": _scancode_push,
    "scancode_waitmsg": _scancode_waitmsg,
    "pic_sysphoto": _pictures("pic_sysphoto"),
    "pic_photo_or_album": _pictures("pic_photo_or_album"),
    "pic_weixin": _pictures("pic_weixin"),
    "location_select": _location_select,
    "subscribe_msg_popup_event": _consents("subscribe_msg_popup", "SubscribeMsgPopupEvent"),
    "subscribe_msg_change_event": _consents("subscribe_msg_change", "SubscribeMsgChangeEvent"),
    # A person changed or withdrew what the platform may tell us: the same duty as unfollowing.
    "user_info_modified": _bare("user_info_modified"),
    "user_authorization_revoke": _bare("user_authorization_revoke"),
    "user_authorization_cancellation": _bare("user_authorization_cancellation"),
}
