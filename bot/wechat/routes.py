"""`/wechat`: the callback of the official account. What comes in is verified, what goes out is well formed, always.

A person sees 该公众号暂时无法提供服务 whenever we answer with anything but a good reply or nothing (wx-cb-08), so every
path here ends in one of: a rendered reply; an empty 200, once the message is safely kept; a refusal of a request
that never came from the platform.
"""

import logging
from collections.abc import Callable, Mapping
from time import monotonic
from typing import NamedTuple

import redis
from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

import clock
from bot.message import Inbound
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
    request.max_content_length = LARGEST
    answer = respond(_service(), request.args, lambda: request.get_data(cache=False), monotonic())
    return _plain(answer.body, answer.status, answer.kind)


class Answer(NamedTuple):
    """What the platform gets."""

    body: str = ""
    status: int = 200
    kind: str = "text/plain; charset=utf-8"


def respond(service: Service, args: Mapping[str, str], read: Callable[[], bytes], arrived: float) -> Answer:
    """The answer to one callback. `args`: its query; `read`: gives its body; `arrived`: when it came (monotonic)."""
    try:
        received = gateway.receive(service.settings, args, read(), clock.now())
        if received.report is not None:
            delivery.hear(service, received.report)
            return Answer()
        if received.inbound is None:
            log.info("nothing to do for kind %a", received.kind[:60])
            return Answer()
        _refuse_reuse(service, args.get("signature", ""), received)
        return _answer(service, received, received.inbound, arrived)
    except Refused as fault:
        return _refusal(fault)
    except RequestEntityTooLarge:
        return _refusal(Refused(413, "body-too-large"))
    except HTTPException as fault:  # what the server itself objects to: its status, without its page
        return _refusal(Refused(fault.code or 400, "bad-request"))
    except Exception as fault:  # noqa: BLE001 - before the message was kept: it must be pushed again, and shows no page
        log.error("callback failed: %s", where(fault))
        return Answer(status=503)


def _refusal(fault: Refused) -> Answer:
    """One log line, an empty body, no trace."""
    log.warning("callback refused: %s %s", fault.status, fault.reason)
    return Answer(status=fault.status)


def _answer(service: Service, received: Received, inbound: Inbound, arrived: float) -> Answer:
    outcome = budget.answer(service, inbound, arrived)
    if outcome.taken is not None:
        text, _in_the_outbox = replies.first_and_rest(service.settings, outcome.taken.replies)
        return _rendered(service, received, text)
    if outcome.emergency:
        return _rendered(service, received, outcome.emergency)
    # Nothing is kept only when neither database nor disk takes it. Then the platform must not hear 'ok': an
    # acknowledged message would be lost for good, an unacknowledged one is pushed again.
    return Answer() if outcome.kept else Answer(status=503)


def _rendered(service: Service, received: Received, text: str) -> Answer:
    if not text:
        return Answer()
    body = replies.passive(service.settings, received, text, clock.now())
    kind = "application/json" if service.settings.callback_format == "json" else "application/xml"
    return Answer(body, kind=f"{kind}; charset=utf-8")


def _refuse_reuse(service: Service, signature: str, received: Received) -> None:
    """In plain mode the signature doesn't cover the body, so one that was overheard could carry any message.

    It is bound to the first message it came with; a retry brings the same message, a forger another one. (In safe
    mode msg_signature covers the body.) With Redis away this guard rests. Raises `Refused` (403).
    """
    if received.safe or received.inbound is None:
        return
    name = f"wx:signature:{signature[:64]}"
    mine = [one.hex() for one in cipher().lookups("signature", received.inbound.sender, received.inbound.key)]
    try:
        if service.redis.set(name, mine[0], nx=True, ex=2 * 3600):
            return
        first = service.redis.get(name)
    except redis.RedisError:
        return
    if first is not None and (first.decode() if isinstance(first, bytes) else str(first)) not in mine:
        raise Refused(403, "signature-reused")


@blueprint.errorhandler(Refused)
def refused(fault: Refused) -> Response:
    """The address check's refusals; a message's are `respond`'s."""
    return _plain(*_refusal(fault))


def _plain(text: str, status: int = 200, kind: str = Answer().kind) -> Response:
    response = Response(text, status=status, content_type=kind)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _service() -> Service:
    service: Service = current_app.extensions["service"]
    return service
