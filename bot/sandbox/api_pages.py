"""API calls for web pages inside WeChat: signing in (OAuth, a mini-program's login) and the JS-SDK's ticket.

Sources: platform documents "网页授权", "小程序登录", "JS-SDK 使用权限签名算法". A code is good once and for five minutes; the page
token is not the account's access_token.
"""

import base64
import hashlib
from typing import Any

import clock
from bot.sandbox.api import Ask, call
from bot.sandbox.platform import KEEP, Platform, Refused, new_id

CODE_LIFE = 300
PAGE_LIFE = 7200


def issue_code(platform: Platform, key: str, scope: str) -> str:
    """A one-time code that says who opened the page."""
    code = new_id(24)
    # Reading the person writes them down, so that the openid is known even to those who never followed.
    with platform.change(key) as person:
        held = {"openid": person.openid, "scope": scope, "until": clock.now().timestamp() + CODE_LIFE, "used": False}
        platform.store.put(f"code:{code}", held, keep=KEEP)
    return code


@call("sns/oauth2/access_token", token=False)
def page_token(platform: Platform, ask: Ask) -> dict[str, Any]:
    """Change a code for an openid. Errors: 40013, 40125, 41008, 40029 (unknown or too old), 40163 (used)."""
    if ask.query.get("appid") != platform.account.app_id:
        raise Refused(40013, "invalid appid")
    if ask.query.get("secret") != platform.account.app_secret:
        raise Refused(40125, "invalid appsecret")
    code = ask.query.get("code", "")
    if not code:
        raise Refused(41008, "missing code")
    with platform.store.lock():
        held = platform.store.get(f"code:{code}")
        if held is None or (not held["used"] and held["until"] <= clock.now().timestamp()):
            raise Refused(40029, "invalid code")
        if held["used"]:
            raise Refused(40163, "code been used")
        platform.store.put(f"code:{code}", {**held, "used": True}, keep=KEEP)
    return _page_token(platform, held["openid"], held["scope"])


def issue_login_code(platform: Platform, key: str) -> str:
    """What `wx.login` gives a mini-program on the phone `key`: good once, for five minutes."""
    code = new_id(24)
    digest = hashlib.sha256(f"{platform.account.mini_app_id}/{key}".encode()).digest()
    openid = "o" + base64.urlsafe_b64encode(digest).decode()[:27]  # another one than the account knows
    held = {"openid": openid, "until": clock.now().timestamp() + CODE_LIFE}
    platform.store.put(f"login-code:{code}", held, keep=KEEP)
    return code


@call("sns/jscode2session", token=False)
def login_code(platform: Platform, ask: Ask) -> dict[str, Any]:
    """Change a mini-program's login code for an openid. Errors: 40013, 40125, 40029 (unknown, used, too old)."""
    if not platform.account.mini_app_id or ask.query.get("appid") != platform.account.mini_app_id:
        raise Refused(40013, "invalid appid")
    if ask.query.get("secret") != platform.account.mini_app_secret:
        raise Refused(40125, "invalid appsecret")
    name = f"login-code:{ask.query.get('js_code', '')}"
    with platform.store.lock():
        held = platform.store.get(name)
        if held is None or held.get("used") or held["until"] <= clock.now().timestamp():
            raise Refused(40029, "invalid code")
        platform.store.put(name, {**held, "used": True}, keep=KEEP)
    return {"openid": held["openid"], "session_key": base64.b64encode(new_id(16)[:16].encode()).decode()}


@call("sns/oauth2/refresh_token", token=False)
def refresh_page_token(platform: Platform, ask: Ask) -> dict[str, Any]:
    """Renew a page token. Error: 40030."""
    held = platform.store.get(f"page-refresh:{ask.query.get('refresh_token', '')}")
    if held is None:
        raise Refused(40030, "invalid refresh_token")
    return _page_token(platform, held["openid"], held["scope"])


def _page_token(platform: Platform, openid: str, scope: str) -> dict[str, Any]:
    token, refresh = new_id(60), new_id(60)
    held = {"openid": openid, "scope": scope, "until": clock.now().timestamp() + PAGE_LIFE}
    platform.store.put(f"page-token:{token}", held, keep=KEEP)
    platform.store.put(f"page-refresh:{refresh}", held, keep=KEEP)
    return {
        "access_token": token,
        "expires_in": PAGE_LIFE,
        "refresh_token": refresh,
        "openid": openid,
        "scope": scope,
    }


@call("sns/userinfo", token=False)
def userinfo(platform: Platform, ask: Ask) -> dict[str, Any]:
    """Name and picture of who consented: nothing real since 2021-12-27. Errors: 40001, 48001 (snsapi_base)."""
    held = platform.store.get(f"page-token:{ask.query.get('access_token', '')}")
    if held is None or held["until"] <= clock.now().timestamp():
        raise Refused(40001)
    if held["scope"] != "snsapi_userinfo":
        raise Refused(48001)
    return {"openid": held["openid"], "nickname": "微信用户", "sex": 0, "headimgurl": "", "privilege": []}


@call("cgi-bin/ticket/getticket")
def getticket(platform: Platform, ask: Ask) -> dict[str, Any]:
    """The JS-SDK's ticket; the same one for two hours."""
    if ask.query.get("type") != "jsapi":
        raise Refused(40097, "invalid args: type must be jsapi")
    now = clock.now().timestamp()
    with platform.store.lock():
        held = platform.store.get("jsapi")
        if held is None or held["until"] <= now:
            held = {"ticket": "sM4AOVdWfPE4DxkXGEs8V" + new_id(48), "until": now + PAGE_LIFE}
            platform.store.put("jsapi", held, keep=KEEP)
    return {"errcode": 0, "errmsg": "ok", "ticket": held["ticket"], "expires_in": int(held["until"] - now)}


def sign_in_page(platform: Platform, said: dict[str, Any]) -> None:
    """Check a page's `wx.config` as the platform does. Raises `Refused`: 40013, or 40048 for a wrong signature."""
    if said.get("appId") != platform.account.app_id:
        raise Refused(40013, "invalid appid")
    held = platform.store.get("jsapi") or {}
    parts = {
        "jsapi_ticket": held.get("ticket", ""), "noncestr": said.get("nonceStr", ""),
        "timestamp": said.get("timestamp", ""), "url": said.get("url", ""),
    }  # fmt: skip
    text = "&".join(f"{name}={value}" for name, value in parts.items())
    if not held or hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest() != said.get("signature"):
        raise Refused(40048, "invalid signature")
