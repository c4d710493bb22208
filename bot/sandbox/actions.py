"""What the page (and a test over HTTP) may ask of a phone or of the switches: checks the JSON, then does it."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

import clock
from bot.sandbox import phone, samples
from bot.sandbox.api import EFFECTS
from bot.sandbox.platform import WINDOWS, Impossible, Platform
from bot.sandbox.push import Delivery
from bot.sandbox.wire import MODES

Body = dict[str, Any]
Action = Callable[[Platform, str, Body], Delivery | None]


def checked(key: str) -> str:
    """A phone's key: 1 to 32 letters, digits, dashes or Chinese characters. Raises `Impossible`."""
    if not 1 <= len(key) <= 32 or not all(char.isalnum() or char in "-_" for char in key):
        raise Impossible("手机的名字要用 1 到 32 个字母、数字或汉字")
    return key


def perform(platform: Platform, key: str, action: str, body: Body) -> Delivery | None:
    """Do `action` with phone `key`. Raises `Impossible`."""
    if action not in ACTIONS:
        raise Impossible(f"手机不会这个动作：{action}")
    return ACTIONS[action](platform, key, body)


def _text(body: Body, name: str, longest: int = 10_000) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise Impossible(f"{name} 应为不超过 {longest} 字的文字")
    return value


def _number(body: Body, name: str, low: float, high: float) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Impossible(f"{name} 应为 {low:g} 到 {high:g} 之间的数字")
    return value


def _say(platform: Platform, key: str, body: Body) -> Delivery:
    msg_id = body.get("msg_id")
    return phone.say(platform, key, _text(body, "text"), msg_id if isinstance(msg_id, int) else None)


def _media(kind: str, mime: str, sample: Callable[[], bytes]) -> Action:
    def send(platform: Platform, key: str, body: Body) -> Delivery:
        if "data" not in body:
            return phone.send_media(platform, key, kind, mime, sample())
        try:
            data = base64.b64decode(_text(body, "data", longest=4_000_000), validate=True)
        except binascii.Error as error:
            raise Impossible("data 应为 base64") from error
        return phone.send_media(platform, key, kind, _text(body, "mime", 60) or mime, data)

    return send


def _location(platform: Platform, key: str, body: Body) -> Delivery:
    latitude, longitude = _number(body, "latitude", -90, 90), _number(body, "longitude", -180, 180)
    return phone.send_location(platform, key, latitude, longitude, _text(body, "label", 200))


def _report(platform: Platform, key: str, body: Body) -> Delivery:
    return phone.report_location(
        platform, key, _number(body, "latitude", -90, 90), _number(body, "longitude", -180, 180)
    )


def _link(platform: Platform, key: str, body: Body) -> Delivery:
    return phone.send_link(platform, key, _text(body, "title", 200), _text(body, "text", 500), _text(body, "url", 1000))


def _press(platform: Platform, key: str, body: Body) -> Delivery | None:
    """`at` is the way to the button: [first] or [first, below]."""
    buttons: Any = platform.store.get("menu") or []
    button: dict[str, Any] = {}
    for index in body.get("at") or []:
        if not isinstance(index, int) or not 0 <= index < len(buttons):
            raise Impossible("菜单里没有这一项")
        button = buttons[index]
        buttons = button.get("sub_button") or []
    if not button or buttons:
        raise Impossible("菜单里没有这一项")
    return phone.press(platform, key, button, _text(body, "result", 500))


def _consent(platform: Platform, key: str, body: Body) -> Delivery:
    return phone.consent(platform, key, _text(body, "template", 100), bool(body.get("accept")))


def _refuse_pushes(platform: Platform, key: str, body: Body) -> Delivery:
    return phone.refuse_pushes(platform, key, _text(body, "template", 100))


def _quota(platform: Platform, key: str, body: Body) -> None:
    """`state`: full (as after a message), empty (45047 next) or closed (45015 next)."""
    state = body.get("state")
    if state not in ("full", "empty", "closed"):
        raise Impossible("state 应为 full、empty 或 closed")
    with platform.change(key) as person:
        left, seconds = WINDOWS["message"]
        until = clock.now().timestamp() + seconds
        full = {"message": {"until": until, "left": left if state == "full" else 0}}
        person.windows = {} if state == "closed" else dict(full)
    words = {"full": "恢复为 5 条", "empty": "用完（45047）", "closed": "窗口已关（45015）"}[state]
    platform.log("note", f"演练：客服消息额度{words}", phone=key)


ACTIONS: dict[str, Action] = {
    "follow": lambda platform, key, body: phone.follow(platform, key, _text(body, "scene", 64)),
    "unfollow": lambda platform, key, body: phone.unfollow(platform, key),
    "scan": lambda platform, key, body: phone.scan(platform, key, _text(body, "scene", 120)),
    "say": _say,
    "tap": lambda platform, key, body: phone.tap(platform, key, _text(body, "id", 200), _text(body, "label", 500)),
    "press": _press,
    "image": _media("image", samples.PICTURE, samples.picture),
    "voice": _media("voice", samples.VOICE, samples.voice),
    "video": _media("video", samples.VIDEO, samples.video),
    "location": _location,
    "report-location": _report,
    "link": _link,
    "consent": _consent,
    "refuse-pushes": _refuse_pushes,
    "quota": _quota,
}


def set_switches(platform: Platform, body: Body) -> Body:
    """Change switches: `mode`, `patience`, `token_life`, `lost_answers`, `slow`; add a `rule` for API calls.

    A rule: `path` (end of the call's path, or *), `effect`, `left` (calls), `errcode` or `seconds`. Returns all
    switches. Raises `Impossible`.
    """
    new: Body = {}
    if "mode" in body:
        if body["mode"] not in MODES or (body["mode"] != "plain" and not platform.account.aes_key):
            raise Impossible("mode 应为 plain、compatible 或 safe；没有 EncodingAESKey 时只能是 plain")
        new["mode"] = body["mode"]
    limits = {"patience": (0.1, 30), "token_life": (1, 7200), "lost_answers": (0, 30), "slow": (0, 30)}
    for name, (low, high) in limits.items():
        if name in body:
            new[name] = _number(body, name, low, high)
    rule = _rule(body["rule"]) if "rule" in body else None

    told: list[str] = []

    def change(switches: Body) -> None:
        told.extend(f"{WORDS[name]} {value}" for name, value in new.items() if switches[name] != value)
        switches.update(new)
        if rule is not None:
            switches["rules"].append(rule)
            told.append(f"{rule['path']} 出错 {rule['left']} 次（{rule['errcode'] or rule['effect']}）")

    result = platform.turn(change)
    if told:
        platform.log("note", "演练开关：" + "，".join(told))
    return result


WORDS = {
    "mode": "加密方式",
    "patience": "平台等待秒数",
    "token_life": "令牌有效秒数",
    "lost_answers": "丢失回答次数",
    "slow": "路上秒数",
}


def _rule(given: Any) -> Body:
    if not isinstance(given, dict) or given.get("effect") not in EFFECTS:
        raise Impossible(f"rule.effect 应为 {'、'.join(EFFECTS)} 之一")
    return {
        "path": _text(given, "path", 100).removeprefix("/") or "*",
        "effect": given["effect"],
        "left": int(_number({"left": 1, **given}, "left", 1, 1000)),
        "errcode": int(_number({"errcode": -1, **given}, "errcode", -1, 100_000))
        if given["effect"] == "errcode"
        else 0,
        "seconds": _number({"seconds": 10, **given}, "seconds", 0, 120),
    }
