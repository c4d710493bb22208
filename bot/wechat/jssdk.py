"""Signatures for pages that use WeChat's JS-SDK (wx-js-01): only our own pages, with one shared ticket."""

import secrets
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, jsonify, request
from wechatpy.utils import WeChatSigner

import clock
from bot.service import Service
from bot.wechat.client import client_of
from bot.wechat.errors import ApiFault

blueprint = Blueprint("wechat_jssdk", __name__)


class ForeignPage(Exception):
    """A page that isn't ours: a signature for it would lend it our account's abilities."""


def config(service: Service, url: str) -> dict[str, str | int]:
    """What `wx.config` needs on the page `url` (the first one opened, on iOS, wx-js-03).

    Raises `ForeignPage`, or `ApiFault` when there is no ticket to be had.
    """
    ours, theirs = urlsplit(service.settings.public_url), urlsplit(url)
    if (ours.scheme, ours.netloc) != (theirs.scheme, theirs.netloc):
        raise ForeignPage(f"pages are signed for {ours.netloc} only")
    ticket = client_of(service).tickets.get()
    nonce, stamp = secrets.token_hex(8), int(clock.now().timestamp())
    signer = WeChatSigner(b"&")
    signer.add_data(f"jsapi_ticket={ticket}", f"noncestr={nonce}", f"timestamp={stamp}", f"url={url.partition('#')[0]}")
    return {
        "appId": service.settings.wechat_app_id,
        "timestamp": stamp,
        "nonceStr": nonce,
        "signature": str(signer.signature),
    }


@blueprint.get("/wechat/jssdk")
def sign_page() -> Response | tuple[Response, int]:
    """`?url=` a page of ours: its `wx.config` as JSON."""
    service: Service = current_app.extensions["service"]
    try:
        return jsonify(config(service, request.args.get("url", "")[:2000]))
    except (ForeignPage, ValueError):
        return jsonify(error="只能给本站的页面签名"), 403
    except ApiFault:
        return jsonify(error="暂时拿不到微信的签名，请稍后再试"), 503
