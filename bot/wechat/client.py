"""The platform's API, called with time limits, one shared token, one retry, and every errcode looked at.

A subclass of wechatpy's client, for its connection handling and its API modules (`client.message.send_text`). What
it changes, because each of them bit: the token comes from `stable_token` under a lock; a refused token is renewed
once, where wechatpy would go on for ever; every call has a time limit; an answer that is not JSON is a fault; base
addresses are the account's own setting; one client serves a process, since each new one leaks its connections.
"""

import json
import logging
import os
import threading
from contextlib import suppress
from typing import Any

import redis
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException

import clock
from bot.service import Service
from bot.wechat.errors import ApiFault
from bot.wechat.tokens import Shared
from settings import Settings

log = logging.getLogger(__name__)

TIMEOUT = (2.0, 4.0)
"""Seconds to connect and to wait for each answer."""


class PlatformClient(WeChatClient):  # type: ignore[misc]
    """One account's API. Every method raises `ApiFault` and nothing else when a call fails."""

    def __init__(self, settings: Settings, store: redis.Redis | None) -> None:
        super().__init__(settings.wechat_app_id, settings.wechat_app_secret, timeout=TIMEOUT, auto_retry=False)
        self._store = store
        self.base = settings.wechat_api_base
        self.API_BASE_URL = f"{self.base}/cgi-bin/"
        local = self.base.startswith(("http://127.0.0.1", "http://localhost"))
        self._http.trust_env = not local  # an office's outgoing proxy is honoured, but not towards ourselves
        self._http.max_redirects = 0  # secrets go to the platform's address and nowhere it may be sent on to
        self._http.mount("http://", HTTPAdapter(pool_maxsize=16, max_retries=0))
        self._http.mount("https://", HTTPAdapter(pool_maxsize=16, max_retries=0))
        self.tokens = Shared(store, f"{self.appid}:token", self._stable_token, forcible=True)
        self.tickets = Shared(store, f"{self.appid}:jsapi", self._jsapi_ticket)

    @property
    def access_token(self) -> str:
        """The shared token (at least 512 characters must fit wherever it is kept)."""
        return self.tokens.get()

    def fetch_access_token(self) -> None:
        """Never used: wechatpy's own fetch knows no time limit and no stable_token."""
        raise ApiFault(None, "the access token comes from the shared store")

    def _stable_token(self, force: bool) -> tuple[str, int]:
        found = self.plain(
            "POST",
            "/cgi-bin/stable_token",
            json={
                "grant_type": "client_credential",
                "appid": self.appid,
                "secret": self.secret,
                "force_refresh": force,
            },
        )
        return _credential(found, "access_token")

    def _jsapi_ticket(self, _force: bool) -> tuple[str, int]:
        return _credential(self.call("ticket/getticket", method="get", params={"type": "jsapi"}), "ticket")

    def call(self, path: str, data: dict[str, Any] | None = None, *, method: str = "post", **kwargs: Any) -> Any:
        """Call `cgi-bin/<path>` with the access token; the answer's JSON object."""
        if data is not None:
            kwargs["data"] = data
        return self._request(method, path, **kwargs)

    def oauth_openid(self, code: str) -> str:
        """The openid behind a web-authorisation code; the page's own token is dropped, we need nothing of it."""
        params = {"appid": self.appid, "secret": self.secret, "code": code, "grant_type": "authorization_code"}
        openid = self.plain("GET", "/sns/oauth2/access_token", params=params).get("openid")
        if not isinstance(openid, str) or not openid:
            raise ApiFault(None, "no openid in the answer")
        return openid

    def mini_openid(self, app_id: str, secret: str, code: str) -> str:
        """The openid behind a mini-program's login code; the session key that comes with it is dropped."""
        params = {"appid": app_id, "secret": secret, "js_code": code, "grant_type": "authorization_code"}
        openid = self.plain("GET", "/sns/jscode2session", params=params).get("openid")
        if not isinstance(openid, str) or not openid:
            raise ApiFault(None, "no openid in the answer")
        return openid

    def plain(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        """A call that carries no access token. Raises `ApiFault`."""
        try:
            response = self._http.request(method, self.base + path, timeout=TIMEOUT, **kwargs)
            response.raise_for_status()
            found = response.json()
        except (requests.RequestException, ValueError) as fault:
            raise _no_answer(fault) from None
        try:
            return checked(found)
        except ApiFault as fault:
            self._note(fault)
            raise

    def _note(self, fault: ApiFault) -> None:
        """Keep the last fault that only operators can mend (40164: our address isn't on the list) for their pages."""
        if fault.action != "alert":
            return
        log.error("the platform needs an operator: %s", fault)
        if self._store is not None:
            note = {"errcode": fault.errcode, "words": str(fault), "at": clock.now().isoformat(timespec="seconds")}
            with suppress(redis.RedisError):
                self._store.set(f"wx:{self.appid}:trouble", json.dumps(note, ensure_ascii=False), ex=86_400)

    def _request(self, method: str, url_or_endpoint: str, **kwargs: Any) -> Any:
        """wechatpy's one gate to the network: our token, at most one renewal, `ApiFault` for everything."""
        params = dict(kwargs.pop("params", None) or {})
        own = "access_token" not in params
        for last in (False, True):
            if own:
                params["access_token"] = self.access_token
            try:
                return self._once(method, url_or_endpoint, params=params, **kwargs)
            except ApiFault as fault:
                self._note(fault)
                if last or not own or fault.action != "refresh_retry_once":
                    raise
                self.tokens.renew(str(params["access_token"]))
        raise AssertionError("the loop above returns or raises")

    def _once(self, method: str, url_or_endpoint: str, **kwargs: Any) -> Any:
        try:
            found = super()._request(method, url_or_endpoint, **kwargs)
        except WeChatClientException as fault:
            code = fault.errcode if isinstance(fault.errcode, int) else None
            raise ApiFault(code, _words(fault.errmsg) if code else "", sent=code is None) from None
        except (requests.RequestException, ValueError, TypeError) as fault:
            raise _no_answer(fault) from None
        return checked(found)

    def download(self, path: str, params: dict[str, str], limit: int) -> bytes:
        """The bytes behind `cgi-bin/<path>`, at most `limit` of them. Raises `ApiFault`."""
        for last in (False, True):
            token = self.access_token
            try:
                return self._bytes(path, {**params, "access_token": token}, limit)
            except ApiFault as fault:
                if last or fault.action != "refresh_retry_once":
                    raise
                self.tokens.renew(token)
        raise AssertionError("the loop above returns or raises")

    def film(self, media_id: str, limit: int) -> bytes:
        """The bytes of a film that somebody sent: of those the platform only says where they lie. Raises `ApiFault`."""
        url = str(self._request("get", "media/get", params={"media_id": media_id}).get("video_url", ""))
        if not url.startswith(("https://", "http://")):
            raise ApiFault(None, "no address of the film in the answer")
        return self._bytes(url, {}, limit)

    def _bytes(self, path: str, params: dict[str, str], limit: int) -> bytes:
        url = path if "://" in path else self.API_BASE_URL + path
        try:
            with self._http.get(url, params=params, timeout=TIMEOUT, stream=True) as response:
                response.raise_for_status()
                if "json" in response.headers.get("Content-Type", "") or "text" in response.headers.get(
                    "Content-Type", ""
                ):
                    checked(response.json())
                    raise ApiFault(None, "an answer in text where a file was asked for")
                held = b""
                for chunk in response.iter_content(64 * 1024):
                    held += chunk
                    if len(held) > limit:
                        raise ApiFault(None, f"the file is larger than {limit} bytes")
                return held
        except (requests.RequestException, ValueError) as fault:
            raise _no_answer(fault) from None


def checked(found: Any) -> dict[str, Any]:
    """`found` when it is a JSON object without an error: an HTTP 200 says nothing (wx-err-02). Raises `ApiFault`."""
    if not isinstance(found, dict):
        raise ApiFault(None, "the answer is not a JSON object", sent=True)
    try:
        code = int(found.get("errcode") or 0)
    except (TypeError, ValueError):
        raise ApiFault(None, "the errcode is not a number", sent=True) from None
    if code:
        raise ApiFault(code, _words(found.get("errmsg")))
    return found


def _credential(found: dict[str, Any], name: str) -> tuple[str, int]:
    value, seconds = found.get(name), found.get("expires_in", 7200)
    if not isinstance(value, str) or not value or not isinstance(seconds, int) or seconds <= 0:
        raise ApiFault(None, f"no usable {name} in the answer")
    return value, seconds


def _words(message: Any) -> str:
    """The platform's own words for the log: they name addresses and fields, never people; kept short."""
    return str(message or "")[:160]


def _no_answer(fault: Exception) -> ApiFault:
    # The text of a requests exception holds the address called, with secret and token in it: only its kind is kept.
    reason = getattr(fault.args[0], "reason", None) if fault.args else None
    unsent = isinstance(fault, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)
    return ApiFault(None, type(fault).__name__, sent=not unsent)


def trouble(service: Service) -> dict[str, Any] | None:
    """The last fault of the past day that operators must mend: errcode, words, at. None when there is none known."""
    try:
        noted = service.redis.get(f"wx:{service.settings.wechat_app_id}:trouble")
    except redis.RedisError:
        return None
    return json.loads(noted) if isinstance(noted, bytes | str) else None


_clients: dict[tuple[object, ...], PlatformClient] = {}
_making = threading.Lock()


def client_of(service: Service) -> PlatformClient:
    """The process's one client for the service's account."""
    settings = service.settings
    # The process id is part of the name: connections must not be shared over a fork.
    key = (os.getpid(), settings.wechat_app_id, settings.wechat_app_secret, settings.wechat_api_base, id(service.redis))
    with _making:
        found = _clients.get(key)
        if found is None:
            found = _clients[key] = PlatformClient(settings, service.redis)
        return found
