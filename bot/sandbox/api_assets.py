"""API calls about the account's things: room and desk codes, the menu, media, followers.

Sources: platform documents "生成带参数的二维码", "自定义菜单", "素材管理", "用户管理".
"""

import io
from typing import Any
from urllib.parse import quote

import segno

import clock
from bot.sandbox import phone
from bot.sandbox.api import Ask, File, call
from bot.sandbox.platform import KEEP, Platform, Refused, new_id

LONGEST = 2_592_000
PERMANENT_CODES = 100_000
IMAGE_BYTES = 10 * 1024 * 1024
BUTTONS = {
    "click": "key",
    "view": "url",
    "scancode_push": "key",
    "scancode_waitmsg": "key",
    "pic_sysphoto": "key",
    "pic_photo_or_album": "key",
    "pic_weixin": "key",
    "location_select": "key",
    "media_id": "media_id",
    "article_id": "article_id",
    "view_limited": "media_id",
    "miniprogram": "url",
}


@call("cgi-bin/qrcode/create")
def qrcode_create(platform: Platform, ask: Ask) -> dict[str, Any]:
    """A parametric code, temporary (60 s unless `expire_seconds`, 30 days at most) or one of 100,000 permanent ones."""
    if platform.account.kind == "subscription":
        raise Refused(48001)
    kind = str(ask.data.get("action_name", ""))
    if kind not in ("QR_SCENE", "QR_STR_SCENE", "QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE"):
        raise Refused(40052, "invalid action name")
    scene = _scene(kind, ask.data.get("action_info"))
    limited = "LIMIT" in kind
    seconds = 0 if limited else int(ask.data.get("expire_seconds", 60))
    if not limited and not 1 <= seconds <= LONGEST:
        raise Refused(40053, "invalid expire_seconds")
    ticket = "gQ" + new_id(60)
    with platform.store.lock():
        made = platform.store.get("codes") or 0
        if limited and made >= PERMANENT_CODES:
            raise Refused(45029, "qrcode count out of limit")
        platform.store.put("codes", made + limited)
        until = None if limited else clock.now().timestamp() + seconds
        keep = None if limited else seconds + KEEP
        platform.store.put(f"scene:{ticket}", {"scene": scene, "until": until}, keep=keep)
        platform.store.put(f"scene-ticket:{scene}", ticket, keep=keep)
    url = f"{platform.public_url}/sandbox/q/{quote(ticket)}"
    return {"ticket": ticket, "url": url} if limited else {"ticket": ticket, "expire_seconds": seconds, "url": url}


def _scene(kind: str, info: Any) -> str:
    held = info.get("scene") if isinstance(info, dict) else None
    if not isinstance(held, dict):
        raise Refused(40053, "invalid action info")
    if "STR" in kind:
        text = held.get("scene_str")
        if not isinstance(text, str) or not 1 <= len(text) <= 64:
            raise Refused(40053, "invalid action info: scene_str must have 1 to 64 characters")
        return text
    number = held.get("scene_id")
    top = PERMANENT_CODES if "LIMIT" in kind else 2**32 - 1
    if not isinstance(number, int) or not 1 <= number <= top:
        raise Refused(40053, f"invalid action info: scene_id must be 1 to {top}")
    return str(number)


@call("cgi-bin/showqrcode", token=False)
def showqrcode(platform: Platform, ask: Ask) -> File:
    """The picture of a code; scanned by a real phone it opens the sandbox with that scene."""
    ticket = ask.query.get("ticket", "")
    if platform.store.get(f"scene:{ticket}") is None:
        raise Refused(40039, "invalid ticket")
    picture = io.BytesIO()
    segno.make(f"{platform.public_url}/sandbox/q/{quote(ticket)}", error="m").save(picture, kind="png", scale=6)
    return File("image/png", picture.getvalue())


# --- menu


@call("cgi-bin/menu/create")
def menu_create(platform: Platform, ask: Ask) -> dict[str, Any]:
    """Publish the menu: 3 buttons, 5 below each. Errors: 40016, 40017, 40018, 40019, 40020, 40023, 40025."""
    buttons = ask.need("button", 40016)
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        raise Refused(40016, "invalid button size")
    for button in buttons:
        _check_name(button, 16, 40018)
        below = button.get("sub_button") or []
        if len(below) > 5:
            raise Refused(40023, "invalid sub button size")
        for child in below:
            _check_name(child, 60, 40025)
            _check_button(child)
        if not below:
            _check_button(button)
    platform.store.put("menu", buttons)
    return {"errcode": 0, "errmsg": "ok"}


def _check_name(button: dict[str, Any], limit: int, errcode: int) -> None:
    name = button.get("name", "")
    if not name or len(str(name).encode()) > limit:
        raise Refused(errcode, "invalid button name size")


def _check_button(button: dict[str, Any]) -> None:
    kind = button.get("type")
    if kind not in BUTTONS:
        raise Refused(40017, "invalid button type")
    value = str(button.get(BUTTONS[kind], ""))
    if BUTTONS[kind] == "url" and (not value.startswith(("http://", "https://")) or len(value) > 1024):
        raise Refused(40020, "invalid button url size")
    if not value or (BUTTONS[kind] == "key" and len(value.encode()) > 128):
        raise Refused(40019, "invalid button key size")


@call("cgi-bin/menu/get")
def menu_get(platform: Platform, ask: Ask) -> dict[str, Any]:
    """The published menu. Error: 46003 when there is none."""
    menu = platform.store.get("menu")
    if menu is None:
        raise Refused(46003, "menu no exist")
    return {"menu": {"button": menu}}


@call("cgi-bin/menu/delete")
def menu_delete(platform: Platform, ask: Ask) -> dict[str, Any]:
    """Take the menu away."""
    platform.store.drop("menu")
    return {"errcode": 0, "errmsg": "ok"}


# --- media


@call("cgi-bin/media/upload")
def media_upload(platform: Platform, ask: Ask) -> dict[str, Any]:
    """Keep a file for three days. Errors: 40004 (type), 41005 (no file), 40006 (size)."""
    kind = ask.query.get("type", "")
    if kind not in ("image", "voice", "video", "thumb"):
        raise Refused(40004, "invalid media type")
    if ask.upload is None or not ask.upload.data:
        raise Refused(41005, "media data missing")
    if len(ask.upload.data) > IMAGE_BYTES:
        raise Refused(40006, "invalid meida size")
    media_id = phone.keep_media(platform, kind, ask.upload.mime, ask.upload.data)
    return {"type": kind, "media_id": media_id, "created_at": int(clock.now().timestamp())}


@call("cgi-bin/media/get")
def media_get(platform: Platform, ask: Ask) -> "dict[str, Any] | File":
    """The file itself; for a film, where to fetch it. Error: 40007 for an id unknown or older than three days."""
    media_id = ask.query.get("media_id", "")
    found = phone.media(platform, media_id)
    if found is None:
        raise Refused(40007, "invalid media_id")
    kind, mime, data = found
    if kind == "video":
        return {"video_url": f"{platform.public_url}/sandbox/media/{media_id}"}
    return File(mime, data)


# --- people and the rest


@call("cgi-bin/user/info")
def user_info(platform: Platform, ask: Ask) -> dict[str, Any]:
    """What an account may know of a follower: no name, no picture (since 2021-12-27)."""
    person = platform.owner(ask.query.get("openid", ""))
    if not person.follows:
        return {"subscribe": 0, "openid": person.openid, "tagid_list": []}
    return {
        "subscribe": 1,
        "openid": person.openid,
        "nickname": "",
        "sex": 0,
        "language": "zh_CN",
        "city": "",
        "province": "",
        "country": "",
        "headimgurl": "",
        "subscribe_time": person.followed_at,
        "remark": "",
        "groupid": 0,
        "tagid_list": [],
        "subscribe_scene": "ADD_SCENE_QR_CODE" if person.scene else "ADD_SCENE_SEARCH",
        "qr_scene": int(person.scene) if person.scene.isdigit() else 0,
        "qr_scene_str": "" if person.scene.isdigit() else person.scene,
    }


@call("cgi-bin/getcallbackip")
def getcallbackip(platform: Platform, ask: Ask) -> dict[str, Any]:
    """Where pushes come from."""
    return {"ip_list": ["127.0.0.1"]}


@call("cgi-bin/get_api_domain_ip")
def get_api_domain_ip(platform: Platform, ask: Ask) -> dict[str, Any]:
    """Where the API lives."""
    return {"ip_list": ["127.0.0.1"]}
