"""`/chat`: the conversation in a browser. The page works as a plain form; its script only makes it quicker.

What is said carries a key that the browser made, so a double tap, a lost connection or a reload doesn't say it twice.
"""

import re
import secrets
from datetime import timedelta
from io import BytesIO
from typing import Any

import segno
from flask import Response, jsonify, redirect, render_template, request, url_for
from flask_wtf.csrf import generate_csrf
from sqlalchemy import Connection
from werkzeug.wrappers import Response as BaseResponse

import clock
from bot import turn
from bot.message import Inbound, Reply
from bot.service import service
from bot.web import bubbles, phones, visitors
from bot.web.blueprint import web
from bot.web.visitors import Visitor
from handlers.talk import START, WELCOME
from records import conversations, people, privacy, typing_marks
from records.base import Busy, read, write

LONGEST = 2_000
"""Characters of one message."""
SHOWN = 200
"""Rows of the transcript that a page shows."""
OVERLAP = timedelta(seconds=20)
"""Rows this young are sent again: ids are given out before they are committed, so a lower one may come later."""
KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
"""What a browser names a message with."""
NOT_SENT = "还没发出去，点一下重发。"
TOO_FAST = "发得太快了，请过一分钟再试。急事请直接打电话：110、119、120，心里难受打12356。"


class Unusable(Exception):
    """What was sent can't be taken; the message says why and what to do."""


@web.get("/chat", strict_slashes=False)
def chat() -> BaseResponse:
    """The conversation so far. `?kiosk=1`: on a public machine."""
    return _page(visitors.current(kiosk=request.args.get("kiosk") == "1"))


@web.post("/chat/say")
def say() -> BaseResponse | tuple[Response, int]:
    """Take one message: JSON `{text | choice, key}` from the script, or the page's form without it.

    JSON comes back as `{messages}`; the form's answer is the page. 503: nothing was stored, the same key is safe.
    """
    visitor = visitors.current()
    visitors.touch()
    sent = request.get_json(silent=True) if request.is_json else request.form
    said = {name: _field(sent, name) for name in ("text", "choice", "key")}
    try:
        turn.take(service(), _inbound(visitor, **said))
    except Unusable as fault:
        return _refused(visitor, str(fault), 422, said)
    except Busy:
        return _refused(visitor, NOT_SENT, 503, said)
    if not request.is_json:
        return redirect(url_for("web.chat", kiosk=1 if visitor.kiosk else None, _anchor="end"), 303)
    return answer(visitor, _after(sent))


@web.get("/chat/messages")
def messages() -> Response | tuple[Response, int]:
    """`?after=<id>`: what has been said since, staff's words too. `&active=1`: somebody touched the screen."""
    visitor = visitors.current()
    if request.args.get("active") == "1":
        visitors.touch()
    try:
        return jsonify(_news(visitor, request.args.get("after", 0, type=int)))
    except Busy:
        return jsonify(error="暂时看不到新消息，会自动再试。", code=503), 503


@web.post("/chat/typing")
def typing() -> Response:
    """Hands are on the keys: whoever has this chat before them sees it."""
    with read(service().engine) as conn:
        person = people.find(conn, "web", visitors.current().id)
    if person is not None and person.line == "claimed":
        typing_marks.mark(service().redis, "person", person.id)
        service().signal("typing", person.id)
    return jsonify(ok=True)


@web.errorhandler(429)
def too_fast(_error: Exception) -> tuple[Response | str, int]:
    """Too many at once; whoever is in need gets the numbers all the same."""
    if request.is_json or request.endpoint == "web.messages":
        return jsonify(error=TOO_FAST, code=429), 429
    return render_template("error.html", text=TOO_FAST, code=429), 429


@web.get("/chat/token")
def token() -> Response:
    """A fresh form token, for a page that stayed open longer than the browser's session."""
    return jsonify(token=generate_csrf())


@web.post("/chat/leave")
def leave() -> BaseResponse:
    """End at a kiosk: the next one to come is somebody else."""
    visitors.begin(kiosk=True)
    return redirect(url_for("web.chat", kiosk=1), 303)


@web.get("/chat/qr.svg")
def qr() -> Response:
    """The code that carries this conversation over to a phone."""
    visitor = visitors.current()
    address = url_for("web.carry_on", token=visitors.carry_token(visitor))
    image = BytesIO()
    segno.make(service().settings.public_url + address, error="m", micro=False).save(
        image, kind="svg", scale=8, border=3, light="#fff", dark="#111", xmldecl=False
    )
    response = Response(image.getvalue(), mimetype="image/svg+xml")
    response.headers["Cache-Control"] = "no-store"
    return response


@web.route("/chat/carry/<token>", methods=["GET", "POST"])
def carry_on(token: str) -> BaseResponse | tuple[str, int]:
    """On the phone: take the conversation over. The kiosk, and the code, have no way to it afterwards."""
    old = visitors.carried(token)
    if request.method == "GET" and old is not None:
        return Response(render_template("web/carry.html"))
    fresh = visitors.begin()
    moved = False
    if old is not None:
        with write(service().engine) as conn:
            moved = privacy.move_identity(conn, "web", old, fresh.id)
    if not moved:
        text = "这个码已经用过，或者过了10分钟。请在机器上重新打开一个码，或者直接开始新的对话。"
        return render_template("web/carry.html", gone=text), 410
    return redirect(url_for("web.chat"), 303)


def answer(visitor: Visitor, after: int) -> Response:
    """What has been said since `after`, told to a script whose message was taken."""
    try:
        return jsonify(_news(visitor, after))
    except Busy:
        return jsonify(messages=[], line=None)  # it is stored; the next look brings the answer


def _field(sent: Any, name: str) -> str:
    value = sent.get(name, "") if hasattr(sent, "get") else ""
    return value if isinstance(value, str) else ""


def _after(sent: Any) -> int:
    value = sent.get("after", 0) if hasattr(sent, "get") else 0
    return value if isinstance(value, int) and 0 <= value < 2**62 else 0


def _inbound(visitor: Visitor, text: str, choice: str, key: str) -> Inbound:
    """The message as the turn takes it. Raises `Unusable`."""
    text = text.replace("\r\n", "\n").strip()
    if not KEY.fullmatch(key):
        raise Unusable("这条消息缺少编号，请刷新页面后再发。")
    if len(text) > LONGEST:
        raise Unusable(f"一条最多{LONGEST}个字，您写了{len(text)}个字。请分成几条发。")
    if len(choice) > 120 or not choice.isprintable():
        raise Unusable("这个选项认不出来，请直接打字告诉我。")
    if not text and not choice:
        raise Unusable("还没有写字。请写一句话，再点发送。")
    detail = {"label": _label(visitor, choice)} if choice else {}
    return Inbound(
        channel="web", sender=visitor.id, key=f"w:{key}", kind="text", sent_at=clock.now(),
        text="" if choice else text, choice=choice, detail=detail,
    )  # fmt: skip


def _label(visitor: Visitor, choice: str) -> str:
    """What the tapped button said: looked up, for a page may send anything."""
    with read(service().engine) as conn:
        person = people.find(conn, "web", visitor.id)
        rows = conversations.transcript(conn, person.id, limit=40) if person else []
    return bubbles.label_of(choice, rows, START) or "（选项）"


def _news(visitor: Visitor, after: int) -> dict[str, Any]:
    """What the script needs: bubbles since `after`, and who is on the line."""
    with read(service().engine) as conn:
        person = people.find(conn, "web", visitor.id)
        if person is None:
            return {"messages": [], "line": None}
        typing = person.line == "claimed" and typing_marks.seen(service().redis, "staff", person.id)
        return {"messages": _bubbles(conn, person.id, after), "line": person.line, "typing": typing}


def _bubbles(conn: Connection, person_id: int, after: int = 0) -> list[dict[str, Any]]:
    rows = conversations.transcript(conn, person_id, after=max(0, after - 500), limit=SHOWN)
    young = clock.now() - OVERLAP
    return bubbles.of(
        conn, (row for row in rows if row.id > after or row.created_at > young), phones.of(service().knowledge)
    )


def _page(visitor: Visitor, *, error: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    line, history = None, []
    try:
        with read(service().engine) as conn:
            person = people.find(conn, "web", visitor.id)
            if person is not None:
                line, history = person.line, _bubbles(conn, person.id)
    except Busy:
        error = error or "暂时看不到以前的消息，请过一会儿刷新。要说的话可以先说。"
    welcome = Reply(text=f"{WELCOME}\n您可以点下面的，也可以直接打字。", choices=START)
    page = render_template(
        "web/chat.html",
        kiosk=visitor.kiosk,
        idle=visitors.IDLE,
        line=line,
        history=history,
        welcome=bubbles.of_reply(welcome, "0", phones.of(service().knowledge)),
        notice=service().switches.current().notice,
        error=error,
        said=said or {},
        key=secrets.token_urlsafe(12),
        longest=LONGEST,
    )
    return Response(page, status)


def _refused(visitor: Visitor, text: str, status: int, said: dict[str, str]) -> Response | tuple[Response, int]:
    if request.is_json:
        return jsonify(error=text, code=status), status
    return _page(visitor, error=text, status=status, said=said)
