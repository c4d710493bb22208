"""Sends one row of the outbox to somebody on WeChat, and says what became of it.

Customer messages are spent from the quota ledger before they are sent (wx-kf-01), so that two senders can't overdraw
it; one that the platform did not take is given back. Pushes by template need no window: what somebody asked to be told
goes as one where no window is open, and costs one of the consents he gave (wx-push-03).
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import clock
from bot import metrics
from bot.message import Choice
from bot.service import Service
from bot.wechat import media, pushes, replies
from bot.wechat.client import PlatformClient, client_of
from bot.wechat.errors import Action, ApiFault
from bot.wechat.gateway import Report
from records import outbox, people, push_consents
from records.base import write

log = logging.getLogger(__name__)

CUSTOMER = frozenset({"text", "menu", "news", "image"})
"""Kinds that need an open window and cost one of its messages."""
REFUSED = 43101
"""The person did not agree to this message, or no longer does."""
LONGEST_FIELD = 20
"""Characters of a template's field; longer ones are refused with the whole message (wx-push-02)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message, and so what the outbox does with its row.

    `delivered`; `accepted` (a push by template: the platform says later, by `platform_id`, what became of it); `retry` later; `wait` for the person's next contact; `drop`: this person can't get it; `alert`:
    operators must act. `errcode` is the platform's; `detail` is for staff and holds no personal data.
    """

    action: Literal["delivered", "accepted", "retry", "wait", "drop", "alert"]
    errcode: int | None = None
    detail: str = ""
    platform_id: str = ""


_BECOMES: dict[Action, Literal["retry", "wait", "drop", "alert"]] = {
    # One renewal was tried already; a token that is still refused may recover, and the outbox tries a few times only.
    "refresh_retry_once": "retry",
    "retry_later": "retry",
    "wait_for_contact": "wait",
    "drop_for_user": "drop",
    "alert": "alert",
}


class Unsendable(Exception):
    """A payload that no channel could send: a fault of whoever wrote it."""


def send(service: Service, person: Any, payload: Mapping[str, Any]) -> Outcome:
    """Send `payload` to `person` (a row of people).

    Kinds: `text` {text}; `menu` {head, choices: [{id, label}], tail}; `news` {title, description, path, picture};
    `image` {media_id} or {upload}; `template` and `subscribe` {template_id, data, path}. Customer messages with
    {about, at} may go as a subscription message instead (`bot.wechat.pushes`).
    """
    if not person.external:
        return Outcome("drop", None, "erased")
    kind = str(payload.get("kind", ""))
    window = None
    if kind in CUSTOMER:
        with write(service.engine) as conn:
            window = people.spend(conn, person.id, clock.now())
        if window is None:
            return _outside_the_window(service, person, payload)
    try:
        platform_id = _send(service, kind, str(person.external), payload)
        return Outcome("accepted" if platform_id else "delivered", 0, "", platform_id)
    except ApiFault as fault:
        _settle_quota(service, person.id, window, fault)
        if kind == "subscribe" and fault.errcode == REFUSED:  # its consent was spent where it was written
            with write(service.engine) as conn:
                push_consents.revoke(conn, person.id, clock.now(), str(payload["template_id"]))
        if window is not None and fault.action == "wait_for_contact" and payload.get("about"):
            return _outside_the_window(service, person, payload)
        return Outcome(_BECOMES[fault.action], fault.errcode, str(fault))
    except (Unsendable, KeyError, TypeError) as fault:
        if window is not None:
            with write(service.engine) as conn:
                people.give_back(conn, person.id, window)
        return Outcome("alert", None, f"payload of kind {kind[:20]!r} can't be sent: {type(fault).__name__}")


def _outside_the_window(service: Service, person: Any, payload: Mapping[str, Any]) -> Outcome:
    """As a subscription message, for one consent; without consent the row waits for the person's next contact."""
    push = pushes.instead(service.settings, payload)
    if push is None:
        return Outcome("wait", None, "no customer message left in any window")
    template = str(push["template_id"])
    with write(service.engine) as conn:
        if not push_consents.spend(conn, person.id, template, clock.now()):
            return Outcome("wait", None, "no customer message left in any window, and no consent to a push")
    try:
        platform_id = _send(service, "subscribe", str(person.external), push)
        return Outcome("accepted" if platform_id else "delivered", 0, "", platform_id)
    except ApiFault as fault:
        with write(service.engine) as conn:
            if fault.errcode == REFUSED:
                push_consents.revoke(conn, person.id, clock.now(), template)
            elif not fault.sent:
                push_consents.give(conn, person.id, template, clock.now())
        return Outcome("wait" if fault.errcode == REFUSED else _BECOMES[fault.action], fault.errcode, str(fault))


def _settle_quota(service: Service, person_id: int, window: str | None, fault: ApiFault) -> None:
    if window is None or fault.sent:
        return  # perhaps it arrived: leave it spent
    with write(service.engine) as conn:
        if fault.action == "wait_for_contact":
            people.exhaust(conn, person_id)
        else:
            people.give_back(conn, person_id, window)


def _send(service: Service, kind: str, openid: str, payload: Mapping[str, Any]) -> str:
    """One call of the API. Returns the platform's message id where it gives one. Raises `ApiFault`."""
    client = client_of(service)
    if kind == "text":
        return _customer(client, openid, "text", {"content": payload["text"]})
    if kind == "menu":
        return _menu(service, client, openid, payload)
    if kind == "news":
        return _customer(client, openid, "news", {"articles": [_article(service, payload)]})
    if kind == "image":
        media_id = payload.get("media_id") or media.upload(service, str(payload["upload"]))
        return _customer(client, openid, "image", {"media_id": media_id})
    if kind in ("template", "subscribe"):
        return _push(service, client, kind, openid, payload)
    raise Unsendable(kind)


def _customer(client: PlatformClient, openid: str, kind: str, content: Mapping[str, Any]) -> str:
    client.call("message/custom/send", {"touser": openid, "msgtype": kind, kind: content})
    return ""


def _menu(service: Service, client: PlatformClient, openid: str, payload: Mapping[str, Any]) -> str:
    choices = [Choice(str(item["label"]), str(item["id"])) for item in payload["choices"]]
    head = str(payload.get("head", ""))
    if service.settings.account_kind == "service":
        items = [{"id": choice.id, "content": choice.label} for choice in choices]
        content = {"head_content": head, "list": items, "tail_content": str(payload.get("tail", ""))}
        try:
            return _customer(client, openid, "msgmenu", content)
        except ApiFault as fault:
            if fault.errcode not in (40200, 48001):
                raise
            log.warning("the account can't send menus (%s); numbers it is", fault.errcode)
    text = "\n\n".join(part for part in (head, replies.numbered(choices), str(payload.get("tail", ""))) if part)
    return _customer(client, openid, "text", {"content": replies.split(text)[0]})


def _article(service: Service, payload: Mapping[str, Any]) -> dict[str, str]:
    """The one article that a news message may hold (wx-rep-03)."""
    return {
        "title": str(payload["title"]),
        "description": str(payload.get("description", "")),
        "url": service.settings.public_url + str(payload["path"]),
        "picurl": str(payload.get("picture", "")),
    }


def _push(service: Service, client: PlatformClient, kind: str, openid: str, payload: Mapping[str, Any]) -> str:
    data = {str(name): {"value": _field(str(value))} for name, value in payload["data"].items()}
    body: dict[str, Any] = {"touser": openid, "template_id": payload["template_id"], "data": data}
    page = service.settings.public_url + str(payload["path"]) if payload.get("path") else ""
    if kind == "template":
        if page:
            body["url"] = page
        if payload.get("key"):
            body["client_msg_id"] = str(payload["key"])[:32]  # the platform sends one id once
        found = client.call("message/template/send", body)
    else:
        if page:
            body["page"] = page
        found = client.call("message/subscribe/bizsend", body)
    return str(found.get("msgid", ""))


def hear(service: Service, report: Report) -> None:
    """The platform's later word about a push by template (wx-push-04), for its row in the outbox. Raises `Busy`."""
    status = report.status.lower().replace(" ", "")
    state = "delivered" if status in ("success", "sendsuccess") else "refused" if status in _THEIRS else "failed"
    log.info("push message report: %r", report.status[:40])
    metrics.count("city_deliveries", f"reported_{state}", "0")
    if report.message_id:
        with write(service.engine) as conn:
            outbox.hear(
                conn, report.message_id, state, None if state == "delivered" else report.status[:60], clock.now()
            )


_THEIRS = frozenset({"failed:userblock", "failed:userrefused", "user_block", "user_refused"})
"""Words that say that this person does not want it."""


def _field(text: str) -> str:
    """A value as a template takes it: one line, 20 characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_FIELD else line[: LONGEST_FIELD - 1] + "…"
