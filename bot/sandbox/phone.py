"""What a person can do with a phone, and what the platform tells the service about it.

Each function takes the platform and the phone's key, puts what the person sees on the screen, pushes the message or
event and comes back at once with the `Delivery`. Sources: platform documents "接收普通消息", "接收事件推送",
"自定义菜单事件", "生成带参数的二维码", "订阅通知".
"""

import base64
from typing import Any

import clock
from bot.sandbox import push
from bot.sandbox.platform import KEEP, TEMPLATES, Impossible, Person, Platform, message_id, new_id
from bot.sandbox.push import Delivery

MEDIA_LIFE = 3 * 86_400
BIGGEST_MEDIA = 2 * 1024 * 1024
"""Bytes; the platform takes 10 MB pictures, a rehearsal in Redis need not."""


def _fields(platform: Platform, person: Person, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "ToUserName": platform.account.original_id,
        "FromUserName": person.openid,
        "CreateTime": int(clock.now().timestamp()),
        "MsgType": kind,
        **more,
    }


def _message(
    platform: Platform, key: str, kind: str, title: str, window: str = "message", msg_id: int | None = None, **more: Any
) -> Delivery:
    person = platform.person(key)
    if not person.follows:
        raise Impossible(f"{person.name}还没有关注公众号，请先关注")
    platform.open_window(key, window)
    fields = _fields(platform, person, kind, **more, MsgId=msg_id or message_id())
    return push.start(platform, person, fields, title, answerable=True)


def _event(
    platform: Platform, key: str, event: str, title: str, *, window: str = "", answerable: bool = False, **more: Any
) -> Delivery:
    # The platform and the service tell events apart by the second; a person does not tap twice in one.
    with platform.change(key) as person:
        moment = max(int(clock.now().timestamp()), person.last_event + 1)
        person.last_event = moment
    if window:
        platform.open_window(key, window)
    fields = {**_fields(platform, person, "event", Event=event, **more), "CreateTime": moment}
    return push.start(platform, person, fields, title, answerable=answerable)


# --- following


def follow(platform: Platform, key: str, scene: str = "") -> Delivery:
    """Follow the account; with `scene`, by scanning a code that carries it."""
    more: dict[str, Any] = {"EventKey": f"qrscene_{scene}" if scene else ""}
    if scene:
        more["Ticket"] = _ticket(platform, scene)
    with platform.change(key) as person:
        if person.follows:
            raise Impossible(f"{person.name}已经关注了")
        person.follows, person.scene, person.followed_at = True, scene, int(clock.now().timestamp())
    title = f"关注（扫码 {scene}）" if scene else "关注"
    return _event(platform, key, "subscribe", title, window="click", answerable=True, **more)


def unfollow(platform: Platform, key: str) -> Delivery:
    """Stop following: the chat leaves the phone, windows close, consents end."""
    with platform.change(key) as person:
        if not person.follows:
            raise Impossible(f"{person.name}还没有关注")
        person.follows, person.scene, person.windows, person.consents = False, "", {}, {}
        person.epoch += 1
    platform.store.clear(f"chat:{key}")
    return _event(platform, key, "unsubscribe", "取消关注", EventKey="")


def scan(platform: Platform, key: str, scene: str) -> Delivery:
    """Scan a parametric code: its scene or its ticket. Who does not follow yet follows by it."""
    if not scene:
        raise Impossible("请填写二维码的场景值")
    known = platform.store.get(f"scene:{scene}")
    scene = known["scene"] if known else scene
    ticket = _ticket(platform, scene)
    if not platform.person(key).follows:
        return follow(platform, key, scene)
    return _event(
        platform, key, "SCAN", f"扫码 {scene}", window="click", answerable=True, EventKey=scene, Ticket=ticket
    )


def _ticket(platform: Platform, scene: str) -> str:
    """The ticket of the code that carries `scene`; a code nobody made is taken for a printed one of long ago."""
    ticket = platform.store.get(f"scene-ticket:{scene}")
    if ticket is None:
        return "gQ" + new_id(60)
    until = platform.store.get(f"scene:{ticket}")["until"]
    if until is not None and until <= clock.now().timestamp():
        raise Impossible("二维码已过期")
    return str(ticket)


# --- messages


def say(platform: Platform, key: str, text: str, msg_id: int | None = None) -> Delivery:
    """Send a text; `msg_id` only to provoke (the platform never repeats one by itself)."""
    if not text:
        raise Impossible("不能发送空消息")
    _mine(platform, key, "text", text=text)
    return _message(platform, key, "text", f"文本「{_short(text)}」", msg_id=msg_id, Content=text)


def send_media(platform: Platform, key: str, kind: str, mime: str, data: bytes) -> Delivery:
    """Send a picture, a voice message or a film; `kind` is image, voice or video."""
    if len(data) > BIGGEST_MEDIA:
        raise Impossible("文件超过 2 MB，请换一个小一点的")
    media_id = keep_media(platform, kind, mime, data)
    _mine(platform, key, kind, media=media_id, mime=mime)
    more: dict[str, Any] = {"MediaId": media_id}
    if kind == "image":
        more = {"PicUrl": f"{platform.public_url}/sandbox/media/{media_id}", **more}
    elif kind == "voice":
        # Recognition has been empty since the platform withdrew speech recognition (2023).
        more |= {"Format": "amr", "Recognition": ""}
    else:
        more["ThumbMediaId"] = keep_media(platform, "thumb", "image/png", b"")
    return _message(platform, key, kind, {"image": "图片", "voice": "语音", "video": "视频"}[kind], **more)


def send_location(platform: Platform, key: str, latitude: float, longitude: float, label: str) -> Delivery:
    """Send a place, picked on the map."""
    _mine(platform, key, "location", text=label, latitude=latitude, longitude=longitude)
    place: dict[str, Any] = {"Location_X": latitude, "Location_Y": longitude, "Scale": 16, "Label": label}
    return _message(platform, key, "location", f"位置「{_short(label)}」", **place)


def send_link(platform: Platform, key: str, title: str, text: str, url: str) -> Delivery:
    """Forward an article."""
    _mine(platform, key, "link", title=title, text=text, url=url)
    return _message(platform, key, "link", f"链接「{_short(title)}」", Title=title, Description=text, Url=url)


def tap(platform: Platform, key: str, choice: str, label: str) -> Delivery:
    """Tap an item of a msgmenu (its `id` and `content`): the phone sends the label with the id beside it."""
    _mine(platform, key, "text", text=label)
    return _message(
        platform, key, "text", f"点选「{_short(label)}」", window="click", Content=label, bizmsgmenuid=choice
    )


def _mine(platform: Platform, key: str, kind: str, **content: Any) -> None:
    if platform.person(key).follows:
        platform.show(key, "me", kind, **content)


def _short(text: str) -> str:
    return text if len(text) <= 16 else text[:15] + "…"


# --- the menu bar and other events


def press(platform: Platform, key: str, button: dict[str, Any], result: str = "") -> Delivery | None:
    """Press a button of the account's menu; `result` is what a scan_* button reads.

    Returns None for a kind of button that tells the service nothing (mini-programs).
    """
    if not platform.person(key).follows:
        raise Impossible("还没有关注公众号，看不到菜单")
    kind, name = button.get("type", ""), button.get("name", "")
    if kind == "click":
        title = f"菜单「{name}」"
        return _event(platform, key, "CLICK", title, window="click", answerable=True, EventKey=button["key"])
    if kind == "view":
        return _event(platform, key, "VIEW", f"菜单打开「{name}」", EventKey=button["url"])
    if kind in ("scancode_waitmsg", "scancode_push"):
        info = {"ScanType": "qrcode", "ScanResult": result}
        more = {"EventKey": button["key"], "ScanCodeInfo": info}
        waiting = kind == "scancode_waitmsg"
        return _event(platform, key, kind, f"扫一扫「{_short(result)}」", window="click", answerable=waiting, **more)
    if kind == "location_select":
        more = {"EventKey": button["key"], "SendLocationInfo": {"Location_X": 29.86, "Location_Y": 121.54, "Label": ""}}
        return _event(platform, key, kind, f"菜单「{name}」", **more)
    return None


def report_location(platform: Platform, key: str, latitude: float, longitude: float) -> Delivery:
    """The position that a phone reports by itself when the conversation is opened (if its owner allowed that)."""
    more: dict[str, Any] = {"Latitude": latitude, "Longitude": longitude, "Precision": 60.0}
    return _event(platform, key, "LOCATION", "上报地理位置", **more)


def consent(platform: Platform, key: str, template: str, accept: bool) -> Delivery:
    """Allow, or refuse, one message by this subscription template."""
    if template not in TEMPLATES:
        raise Impossible("没有这个订阅模板")
    if accept:
        with platform.change(key) as person:
            person.consents[template] = person.consents.get(template, 0) + 1
    item = {
        "TemplateId": template,
        "SubscribeStatusString": "accept" if accept else "reject",
        "PopupScene": 2,
    }
    title = f"{'允许' if accept else '拒绝'}订阅「{TEMPLATES[template][0]}」"
    return _event(platform, key, "subscribe_msg_popup_event", title, SubscribeMsgPopupEvent={"List": item})


def refuse_pushes(platform: Platform, key: str, template: str) -> Delivery:
    """Refuse all messages by a template, in the phone's settings of the account."""
    if template not in TEMPLATES:
        raise Impossible("没有这个订阅模板")
    with platform.change(key) as person:
        person.consents.pop(template, None)
    item = {"TemplateId": template, "SubscribeStatusString": "reject"}
    title = f"拒收「{TEMPLATES[template][0]}」"
    return _event(platform, key, "subscribe_msg_change_event", title, SubscribeMsgChangeEvent={"List": item})


def template_sent(platform: Platform, key: str, msg_id: int, status: str) -> Delivery:
    """Tell the service what became of a template message: success, failed:user block, failed:system failed."""
    title = f"模板消息结果 {status}"
    return _event(platform, key, "TEMPLATESENDJOBFINISH", title, MsgID=msg_id, Status=status)


def subscription_sent(platform: Platform, key: str, template: str, msg_id: int) -> Delivery:
    """Tell the service that a subscription message arrived."""
    item = {"TemplateId": template, "MsgID": msg_id, "ErrorCode": 0, "ErrorStatus": "success"}
    return _event(platform, key, "subscribe_msg_sent_event", "订阅通知已送达", SubscribeMsgSentEvent={"List": item})


# --- media


def keep_media(platform: Platform, kind: str, mime: str, data: bytes) -> str:
    """Keep temporary media for three days; returns the media id."""
    media_id = new_id(48)
    held = {
        "kind": kind,
        "mime": mime,
        "data": base64.b64encode(data).decode(),
        "until": clock.now().timestamp() + MEDIA_LIFE,
    }
    platform.store.put(f"media:{media_id}", held, keep=KEEP)
    return media_id


def media(platform: Platform, media_id: str) -> tuple[str, str, bytes] | None:
    """Kind, MIME type and bytes of a medium still kept, or None."""
    held = platform.store.get(f"media:{media_id}")
    if held is None or held["until"] <= clock.now().timestamp():
        return None
    return held["kind"], held["mime"], base64.b64decode(held["data"])
