"""API calls for web pages inside WeChat: signing in (OAuth) and the JS-SDK's ticket.

Sources: platform documents "网页授权", "JS-SDK 使用权限签名算法". A code is good once and for five minutes; the page
token is not the account's access_token.
"""

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
