"""The platform's API as the service calls it: tokens, errors on demand, and the list of calls.

Source: the platform's server API documents. Every answer is HTTP 200 with JSON; `errcode` says whether it worked. A
call is a function from the platform and what was asked to a dict (or a `File`); the modules `api_messages`,
`api_assets` and `api_pages` hold the calls themselves and register them here.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import clock
from bot.sandbox.platform import KEEP, Platform, Refused, new_id

EFFECTS = ("errcode", "delay", "hang", "reset", "http500")
"""What a rule may do to a call: answer an errcode, answer late, never answer, cut the line, answer HTTP 500."""


@dataclass(frozen=True, slots=True)
class Upload:
    """The file of a multipart request."""

    mime: str
    data: bytes


@dataclass(frozen=True, slots=True)
class File:
    """An answer that is a file and not JSON."""

    mime: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """One call: method, path below the API's root, query, JSON body, upload."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    upload: Upload | None = None

    def need(self, name: str, errcode: int = 47001) -> Any:
        """A field of the body that must be there. Raises `Refused`."""
        if name not in self.data:
            raise Refused(errcode, f"data format error: {name} is missing")
        return self.data[name]


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send back. `effect` (hang, reset) is for the server to act out instead, after `wait` seconds."""

    status: int = 200
    body: bytes = b"{}"
    mime: str = "application/json; charset=utf-8"
    effect: str = ""
    wait: float = 0.0


Call = Callable[[Platform, Ask], "dict[str, Any] | File"]
CALLS: dict[str, tuple[Call, bool]] = {}


def call(path: str, token: bool = True) -> Callable[[Call], Call]:
    """Register a call under its path; with `token` it needs a valid access_token."""

    def register(function: Call) -> Call:
        CALLS[path] = (function, token)
        return function

    return register


def answer(platform: Platform, ask: Ask) -> Answer:
    """Answer one call of the service, and write it into the wire log."""
    began = time.monotonic()
    rule = _rule(platform, ask.path)
    effect = rule["effect"] if rule else ""
    wait = float(rule["seconds"]) if rule and effect in ("delay", "hang") else 0.0
    if effect in ("hang", "reset", "http500"):
        title = {"hang": f"挂起 {wait:g} 秒不回答", "reset": "断开连接", "http500": "HTTP 500"}[effect]
        _log(platform, ask, "（没有回答）", fault=title, began=began)
        return Answer(status=500, body=b"Internal Server Error", mime="text/plain", effect=effect, wait=wait)
    try:
        if rule and effect == "errcode":
            raise Refused(int(rule["errcode"]))
        result = _result(platform, ask)
    except Refused as refusal:
        result = {"errcode": refusal.errcode, "errmsg": f"{refusal.errmsg} rid: {new_id(6)}"}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        result = {"errcode": 47001, "errmsg": f"data format error ({type(error).__name__}) rid: {new_id(6)}"}
    if isinstance(result, File):
        _log(platform, ask, f"（文件 {result.mime}，{len(result.data)} 字节）", began=began)
        return Answer(body=result.data, mime=result.mime, wait=wait)
    body = json.dumps(result, ensure_ascii=False)
    _log(
        platform,
        ask,
        json.dumps(hidden(result), ensure_ascii=False),
        fault=str(result.get("errcode") or ""),
        began=began,
    )
    return Answer(body=body.encode(), wait=wait)


def _result(platform: Platform, ask: Ask) -> "dict[str, Any] | File":
    if ask.path not in CALLS:
        raise Refused(48001, f"api unauthorized: the sandbox does not know {ask.path}")
    function, needs_token = CALLS[ask.path]
    if needs_token:
        check_token(platform, ask.query.get("access_token", ""))
    return function(platform, ask)


def _rule(platform: Platform, path: str) -> dict[str, Any] | None:
    """Use up one turn of the first rule that covers `path`."""
    if not platform.switches()["rules"]:
        return None
    found: list[dict[str, Any]] = []

    def change(switches: dict[str, Any]) -> None:
        for rule in switches["rules"]:
            if rule["left"] > 0 and (rule["path"] == "*" or path.endswith(rule["path"])):
                rule["left"] -= 1
                found.append(rule)
                break
        switches["rules"] = [rule for rule in switches["rules"] if rule["left"] > 0]

    platform.turn(change)
    return found[0] if found else None


# --- tokens


def check_token(platform: Platform, token: str) -> None:
    """Raises `Refused` 41001 (missing), 40001 (not ours, or replaced) or 42001 (expired)."""
    if not token:
        raise Refused(41001, "access_token missing")
    held = platform.store.get(f"token:{token}")
    if held is None or held.get("revoked"):
        raise Refused(40001)
    if held["until"] <= clock.now().timestamp():
        raise Refused(42001)


def _check_secret(platform: Platform, app_id: str, secret: str) -> None:
    if app_id != platform.account.app_id:
        raise Refused(40013, "invalid appid")
    if secret != platform.account.app_secret:
        raise Refused(40125, "invalid appsecret")


def _issue(platform: Platform, seconds: float) -> str:
    token = f"{platform.switches()['token_life']}_{new_id(96)}"
    platform.store.put(f"token:{token}", {"until": clock.now().timestamp() + seconds}, keep=KEEP)
    return token


def _revoke(platform: Platform, token: str) -> None:
    platform.store.put(f"token:{token}", {"until": 0, "revoked": True}, keep=KEEP)


@call("cgi-bin/stable_token", token=False)
def stable_token(platform: Platform, ask: Ask) -> dict[str, Any]:
    """The same token while valid, a new one in its last five minutes; force_refresh 20 times a day, 30 s apart."""
    if ask.data.get("grant_type") != "client_credential":
        raise Refused(40002, "invalid grant_type")
    _check_secret(platform, str(ask.data.get("appid", "")), str(ask.data.get("secret", "")))
    now = clock.now().timestamp()
    life = float(platform.switches()["token_life"])
    with platform.store.lock():
        held = platform.store.get("stable") or {"token": "", "until": 0.0, "forced": []}
        if ask.data.get("force_refresh"):
            held["forced"] = [at for at in held["forced"] if at > now - 86_400]
            if held["forced"] and held["forced"][-1] > now - 30:
                raise Refused(45011, "api minute-quota reach limit, must slower, retry next minute")
            if len(held["forced"]) >= 20:
                raise Refused(45009)
            held["forced"].append(now)
            if held["token"]:
                _revoke(platform, held["token"])
            held["until"] = 0.0
        margin = min(300.0, life / 4)
        if held["until"] - now <= margin:
            held |= {"token": _issue(platform, life), "until": now + life}
        platform.store.put("stable", held, keep=KEEP)
    return {"access_token": held["token"], "expires_in": int(held["until"] - now)}


@call("cgi-bin/token", token=False)
def token(platform: Platform, ask: Ask) -> dict[str, Any]:
    """A new token at every call; the one before goes on for five minutes. Apart from stable_token."""
    if ask.query.get("grant_type") != "client_credential":
        raise Refused(40002, "invalid grant_type")
    _check_secret(platform, ask.query.get("appid", ""), ask.query.get("secret", ""))
    now = clock.now().timestamp()
    life = float(platform.switches()["token_life"])
    with platform.store.lock():
        before = platform.store.get("plain-token")
        if before:
            platform.store.put(f"token:{before['token']}", {"until": min(before["until"], now + 300)}, keep=KEEP)
        issued = {"token": _issue(platform, life), "until": now + life}
        platform.store.put("plain-token", issued, keep=KEEP)
    return {"access_token": issued["token"], "expires_in": int(life)}


def spoil_tokens(platform: Platform, how: str) -> int:
    """Make the tokens in use expire (`expired` → 42001) or be replaced by another machine (`revoked` → 40001)."""
    spoiled = 0
    with platform.store.lock():
        for name in ("stable", "plain-token"):
            held = platform.store.get(name)
            if held and held["token"]:
                spoiled += 1
                past = {"until": 0, "revoked": how == "revoked"}
                platform.store.put(f"token:{held['token']}", past, keep=KEEP)
                platform.store.put(name, {**held, "token": "", "until": 0.0}, keep=KEEP)
    words = "过期（42001）" if how == "expired" else "被别处刷新（40001）"
    platform.log("note", f"演练：{spoiled} 个在用的 access_token {words}")
    return spoiled


# --- the log


SECRET = ("access_token", "secret", "appsecret", "refresh_token", "ticket", "code", "js_code", "session_key")


def hidden(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields with secrets shortened, as they may be shown."""
    return {k: (f"{v[:6]}…" if k in SECRET and isinstance(v, str) and len(v) > 6 else v) for k, v in fields.items()}


def _log(platform: Platform, ask: Ask, reply: str, *, began: float, fault: str = "") -> None:
    query = "&".join(f"{name}={value}" for name, value in hidden(ask.query).items())
    touser = str(ask.data.get("touser") or ask.query.get("openid") or "")
    sent = json.dumps(hidden(ask.data), ensure_ascii=False, indent=2) if ask.data else ""
    if ask.upload is not None:
        sent = f"（上传 {ask.upload.mime}，{len(ask.upload.data)} 字节）"
    platform.log(
        "in",
        f"{ask.path.removeprefix('cgi-bin/')}" + (f" → {fault}" if fault else ""),
        kind="api",
        line=f"{ask.method} /{ask.path}" + (f"?{query}" if query else ""),
        text=sent,
        reply=reply,
        phone=platform.store.get(f"openid:{touser}") or "" if touser else "",
        bad=bool(fault),
        ms=round((time.monotonic() - began) * 1000),
    )
