"""`/wechat`: the callback of the official account. What comes in is verified, what goes out is well formed, always.

A person sees 该公众号暂时无法提供服务 whenever we answer with anything but a good reply or nothing (wx-cb-08), so every
path here ends in one of: a rendered reply; an empty 200, once the message is safely kept; a refusal of a request
that never came from the platform.
"""

import logging
from time import monotonic

import redis
from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

import clock
from bot.service import Service
from bot.wechat import budget, delivery, gateway, replies
from bot.wechat.faults import where
from bot.wechat.gateway import Received
from bot.wechat.refusal import Refused
from records.crypto import cipher

log = logging.getLogger(__name__)

LARGEST = 64 * 1024
"""Bytes of a callback's body."""

blueprint = Blueprint("wechat", __name__)


@blueprint.get("/wechat")
def check() -> Response:
    """The platform checks our address: return its `echostr` (wx-cb-01)."""
    echo = gateway.verify_url(_service().settings, request.args, clock.now())
    return _plain(echo)


@blueprint.post("/wechat")
def receive() -> Response:
    """One message or event."""
    arrived = monotonic()
    request.max_content_length = LARGEST
    service = _service()
    received = gateway.receive(service.settings, request.args, request.get_data(cache=False), clock.now())
    if received.report is not None:
        delivery.hear(service, received.report)
        return _plain("")
    if received.inbound is None:
        log.info("nothing to do for kind %a", received.kind[:60])
        return _plain("")
    _refuse_reuse(service, received)
    return _answer(service, received, arrived)


def _answer(service: Service, received: Received, arrived: float) -> Response:
    inbound = received.inbound
    if inbound is None:
        return _plain("")
    outcome = budget.answer(service, inbound, arrived)
    if outcome.taken is not None:
        text, _in_the_outbox = replies.first_and_rest(service.settings, outcome.taken.replies)
        return _rendered(service, received, text)
    if outcome.emergency:
        return _rendered(service, received, outcome.emergency)
    # Nothing is kept only when neither database nor disk takes it. Then the platform must not hear 'ok': an
    # acknowledged message would be lost for good, an unacknowledged one is pushed again.
    return _plain("") if outcome.kept else _plain("", 503)


def _rendered(service: Service, received: Received, text: str) -> Response:
    if not text:
        return _plain("")
    body = replies.passive(service.settings, received, text, clock.now())
    kind = "application/json" if service.settings.callback_format == "json" else "application/xml"
    return Response(body, content_type=f"{kind}; charset=utf-8")


def _refuse_reuse(service: Service, received: Received) -> None:
    """In plain mode the signature doesn't cover the body, so one that was overheard could carry any message.

    It is bound to the first message it came with; a retry brings the same message, a forger another one. (In safe
    mode msg_signature covers the body.) With Redis away this guard rests. Raises `Refused` (403).
    """
    if received.safe or received.inbound is None:
        return
    name = f"wx:signature:{request.args.get('signature', '')[:64]}"
    mine = cipher().lookup("signature", received.inbound.sender, received.inbound.key).hex()
    try:
        if service.redis.set(name, mine, nx=True, ex=2 * 3600):
            return
        first = service.redis.get(name)
    except redis.RedisError:
        return
    if first is not None and (first.decode() if isinstance(first, bytes) else str(first)) != mine:
        raise Refused(403, "signature-reused")


@blueprint.errorhandler(Refused)
def refused(fault: Refused) -> Response:
    """One log line, an empty body, no trace."""
    log.warning("callback refused: %s %s", fault.status, fault.reason)
    return _plain("", fault.status)


@blueprint.errorhandler(RequestEntityTooLarge)
def too_large(_fault: RequestEntityTooLarge) -> Response:
    """A body over `LARGEST`."""
    return refused(Refused(413, "body-too-large"))


@blueprint.errorhandler(HTTPException)
def other_refusal(fault: HTTPException) -> Response:
    """What the server itself objects to: its status, without its page."""
    return refused(Refused(fault.code or 400, "bad-request"))


@blueprint.errorhandler(Exception)
def broken(fault: Exception) -> Response:
    """A fault of ours before the message was kept: the platform must push it again, and sees no page."""
    log.error("callback failed: %s", where(fault))
    return _plain("", 503)


def _plain(text: str, status: int = 200) -> Response:
    response = Response(text, status=status, content_type="text/plain; charset=utf-8")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _service() -> Service:
    service: Service = current_app.extensions["service"]
    return service
