"""One chat: what was said, what is known, and everything a member of staff can do with it."""

import re
from typing import Any

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from sqlalchemy import Connection, Row
from werkzeug.wrappers import Response

import clock
from records import (
    audit,
    canned,
    cases,
    declarations,
    desk_queries,
    handoffs,
    notes,
    presence,
    ratings,
    same_person,
    staff,
    staff_words,
    switches,
    typing_marks,
    uploads,
)
from records.base import read, write
from staff import doors, files, words
from staff.blueprint import blueprint
from staff.house import house, me, scope
from staff.inbox import listing
from staff.permissions import needs
from staff.quota import LONGEST, quota, subject

BACK = "工作人员先离开了，下面由智能助手继续回答您。要再找人，说“转人工”。"
KEY = re.compile(r"[A-Za-z0-9-]{8,40}")


def seen(conn: Connection, handoff_id: int) -> Row[Any]:
    """The chat, when one may see it; 404 otherwise."""
    row = desk_queries.chat(conn, scope(), handoff_id)
    if row is None:
        abort(404, "没有这个会话，或者它不在您能看的范围里。")
    return row


def owned(conn: Connection, handoff_id: int) -> Row[Any]:
    """The chat, when it is one's own (a supervisor may step into any); 409 otherwise."""
    row = seen(conn, handoff_id)
    if row.state != "claimed":
        abort(409, "这个会话现在没有人接，请先点“接起”。" if row.state == "waiting" else "这个会话已经结束。")
    if row.claimed_by != me().id and not me().may("chat.step_in"):
        abort(409, f"这个会话现在由{row.owner}接待，您可以看，不能发。")
    return row


def held(done: bool) -> None:
    """409 when the chat went elsewhere between the look and the deed: the database decides, not the look."""
    if not done:
        abort(409, "这个会话刚刚被别人接走、转走或结束了，请刷新看看。")


@blueprint.get("/chat/<int:handoff_id>")
@needs("chat.see")
def chat(handoff_id: int) -> str:
    """The chat with the list beside it."""
    now = clock.now()
    with write(house().engine) as conn:
        row = seen(conn, handoff_id)
        audit.note(conn, me().actor, "chat.opened", f"handoff:{handoff_id}", now)
        if row.claimed_by == me().id:
            handoffs.read_up_to(conn, handoff_id, staff_words.last_id(conn, row.person_id))
    with read(house().engine) as conn:
        talk = _talk(conn, row)
        side = _side(conn, row)
        replies = canned.mine(conn, me().id, me().teams) if me().may("canned.use") else []
        rest = roster_for(conn, row)
    frame = listing()
    frame["selected"] = handoff_id
    return render_template(
        "staff/chat.html", chat=row, canned=replies, colleagues=rest, **talk, **side, **frame, **_composer(row)
    )


def roster_for(conn: Connection, row: Row[Any]) -> list[Row[Any]]:
    """To whom a chat can be passed on: everybody who may see it, those at their desks first."""
    mind = row.team == desk_queries.PSYCHOLOGY or row.reason == "crisis"
    who = [r for r in presence.roster(conn, clock.now()) if r.id != me().id]
    may = [r for r in who if r.role in ("counsellor", "supervisor") or (not mind and r.role in _DESK)]
    return sorted(may, key=lambda r: ({"on": 0, "busy": 1}.get(r.state, 2), row.team not in r.teams.split(), r.name))


_DESK = ("grid_worker", "front_desk", "officer", "counsellor", "supervisor")


def _talk(conn: Connection, row: Row[Any], after: int = 0, after_note: int = 0) -> dict[str, Any]:
    """The transcript and the notes in it, in the order they were written."""
    messages = desk_queries.transcript(conn, scope(), row, after=after)
    sent = staff_words.on_their_way(conn, [m.id for m in messages if m.author in ("staff", "bot")])
    written = notes.of_handoff(conn, row.id, after=after_note)
    lines: list[tuple[Any, str, Any]] = [(m.created_at, "message", m) for m in messages if _shown(m)]
    lines += [(note.at, "note", note) for note in written]
    lines.sort(key=lambda line: line[0])
    hands = {line.staff_id for _, _, line in lines if line.staff_id is not None}
    return {
        "lines": lines, "sent": sent, "names": staff.names(conn, hands),
        "last_id": messages[-1].id if messages else after,
        "last_note": written[-1].id if written else after_note,
        "hidden": desk_queries.hidden_before(conn, scope(), row) if not after else False,
        "article_titles": {id: a.title for id, a in house().knowledge.articles.items()} if messages else {},
    }  # fmt: skip


def _shown(message: Row[Any]) -> bool:
    body = message.body
    return message.kind != "event" or bool(isinstance(body, dict) and body.get("text"))


def _side(conn: Connection, row: Row[Any]) -> dict[str, Any]:
    """What is known of the person, beside the chat."""
    return {
        "person_cases": cases.of_person(conn, row.person_id, 6) if me().may("cases.see") else [],
        "case_states": cases.STATES,
        "earlier": desk_queries.earlier(conn, scope(), row.person_id, row.id),
        "steps": handoffs.history(conn, row.id),
        "rating": ratings.of_handoff(conn, row.id),
        "rating_words": ratings.SCORES,
        "homes": declarations.of_person(conn, row.person_id, 6) if me().may("rooms.see") else [],
        "home_states": declarations.STATES,
        "address_of": declarations.address_of,
        "kin": same_person.chats(conn, scope(), same_person.others(conn, row.person_id)),
        "likely": same_person.likely(conn, scope(), row.person_id) if row.state != "closed" else [],
        "outcomes": words.OUTCOMES,
        "team_names": staff.TEAMS,
    }


def _composer(row: Row[Any]) -> dict[str, Any]:
    """Whether one can write, and what the platform still lets through."""
    mine = row.state == "claimed" and (row.claimed_by == me().id or me().may("chat.step_in"))
    with read(house().engine) as conn:
        return {
            "can_write": mine and me().may("chat.reply"), "quota": quota(conn, row), "longest": staff_words.LONGEST,
            "push_longest": LONGEST, "push_subject": subject(row),
        }  # fmt: skip


@blueprint.get("/chat/<int:handoff_id>/news")
@needs("chat.see")
def chat_news(handoff_id: int) -> Response:
    """What happened since: new lines as HTML, the state, the quota, what became of what was sent."""
    after, after_note = (request.args.get(name, 0, type=int) for name in ("after", "note"))
    watching = [int(id) for id in request.args.get("watch", "").split(",")[:20] if id.isdecimal()]
    with read(house().engine) as conn:
        row = seen(conn, handoff_id)
        talk = _talk(conn, row, after, after_note)
        sent = staff_words.on_their_way(conn, watching)
        rest = quota(conn, row)
    if row.claimed_by == me().id and talk["last_id"] > row.read_id and request.args.get("seen") == "1":
        with write(house().engine) as conn:
            handoffs.read_up_to(conn, handoff_id, talk["last_id"])
    hands = row.state == "claimed" and typing_marks.seen(house().redis, "person", row.person_id)
    theirs = [line for _, kind, line in talk["lines"] if kind == "message" and line.author == "person"]
    return jsonify(
        html=render_template("staff/_lines.html", chat=row, **talk) if talk["lines"] else "",
        last=talk["last_id"], note=talk["last_note"], state=row.state, owner=row.owner or "", quota=rest,
        mine=row.claimed_by == me().id, heard=len(theirs), typing=hands,
        sent={id: _fate(found) for id, found in sent.items()},
    )  # fmt: skip


def _fate(row: Row[Any]) -> dict[str, Any]:
    return {"state": row.state, "words": words.UNDELIVERED.get(row.state, "已送达"), "errcode": row.errcode}


@blueprint.post("/chat/<int:handoff_id>/say")
@needs("chat.reply")
def say(handoff_id: int) -> Response:
    """Say something to the person."""
    text = request.form.get("text", "").strip()
    key = request.form.get("key", "")
    if not text or len(text) > staff_words.LONGEST:
        abort(400, f"一条消息要有内容，最多{staff_words.LONGEST}字；长的请分几条发。")
    if not KEY.fullmatch(key):
        abort(400)
    with write(house().engine) as conn:
        row = owned(conn, handoff_id)
        used = canned.one(conn, request.form.get("canned", 0, type=int), me().id, me().teams)
        copied = files.copy(used.media) if used is not None and used.media else None
        if used is not None and copied is not None:
            made = files.send(
                conn, row, me().id, copied, used.media_kind, used.media_title, key, clock.now(), text=text
            )  # fmt: skip
        else:
            made = staff_words.say(conn, row, me().id, text, key, clock.now())
        if used is not None and made is not None:
            canned.count_use(conn, used.id)
    if copied is not None and made is None:
        uploads.remove(house().settings.data_dir / "uploads", [copied])
    house().nudge()
    house().signal("message", row.person_id)
    return _done(handoff_id)


@blueprint.post("/chat/<int:handoff_id>/note")
@needs("chat.see")
def note(handoff_id: int) -> Response:
    """Write an internal note; @login tells a colleague."""
    text = request.form.get("text", "").strip()
    if not text or len(text) > 1000:
        abort(400, "备注要有内容，最多1000字。")
    with write(house().engine) as conn:
        row = seen(conn, handoff_id)
        after = staff_words.last_id(conn, row.person_id)
        notes.add(conn, row.person_id, handoff_id, me().id, after, text, clock.now())
    house().signal("note", row.person_id)
    return _done(handoff_id)


@blueprint.post("/chat/<int:handoff_id>/resend/<int:message_id>")
@needs("chat.reply")
def resend(handoff_id: int, message_id: int) -> Response:
    """Try a failed message again."""
    with write(house().engine) as conn:
        row = owned(conn, handoff_id)
        if not staff_words.resend(conn, message_id, row.person_id, clock.now()):
            abort(409, "这条消息不需要重发：它已经送达，或正在发送。")
    house().nudge()
    return _done(handoff_id)


@blueprint.post("/chat/<int:handoff_id>/transfer")
@needs("chat.reply")
def transfer(handoff_id: int) -> Response:
    """Pass a chat on: to a team's queue, or to a person; to one who isn't there only when that was confirmed."""
    kind, _, name = request.form.get("to", "").partition(":")
    now, why = clock.now(), request.form.get("why", "").strip()[:120]
    with write(house().engine) as conn:
        row = owned(conn, handoff_id)
        if kind == "team" and name in staff.TEAMS:
            held(handoffs.give_back(conn, handoff_id, team=name, owner=row.claimed_by, since=row.claimed_at))
            target = staff.TEAMS[name]
        elif kind == "staff" and name.isdecimal():
            other = next((r for r in roster_for(conn, row) if r.id == int(name)), None)
            if other is None:
                abort(400, "不能转给这个人：账号已停用，或没有权限看这类会话。")
            if other.state != "on" and request.form.get("anyway") != "1":
                abort(
                    409, f"{other.name}现在{presence.STATES[other.state]}，可能没人回。要转请再确认一次，或转给队列。"
                )
            held(handoffs.pass_to(conn, handoff_id, other.id, now, owner=row.claimed_by))
            target = other.name
        else:
            abort(400, "请选择转给谁。")
        handoffs.log(conn, handoff_id, me().actor, "transferred", now, f"转给{target}" + (f"：{why}" if why else ""))
        audit.note(conn, me().actor, "chat.transferred", f"handoff:{handoff_id}", now, f"{kind}:{name}")
    house().signal("handoff", row.person_id)
    flash(f"已转给{target}。", "good")
    return _left()


@blueprint.post("/chat/<int:handoff_id>/return")
@needs("chat.reply")
def give_back(handoff_id: int) -> Response:
    """Put a chat back into its queue."""
    now = clock.now()
    with write(house().engine) as conn:
        row = owned(conn, handoff_id)
        held(handoffs.give_back(conn, handoff_id, owner=row.claimed_by, since=row.claimed_at))
        handoffs.log(conn, handoff_id, me().actor, "returned", now)
    house().signal("handoff", row.person_id)
    flash("已退回队列。", "good")
    return _left()


@blueprint.post("/chat/<int:handoff_id>/close")
@needs("chat.reply")
def close(handoff_id: int) -> Response:
    """End a chat: with an outcome, the satisfaction asked once, and the bot answering again."""
    outcome, now = request.form.get("outcome", ""), clock.now()
    if outcome not in words.OUTCOMES and outcome != "to_bot":
        abort(400, "请选一个处理结果。")
    with write(house().engine) as conn:
        row = owned(conn, handoff_id)
        if row.reason == "crisis" and not handoffs.done(conn, handoff_id, "safety"):
            abort(409, "危机会话结束前，请先填安全核对单。")
        held(handoffs.close(conn, handoff_id, outcome, now, owner=row.claimed_by))
        handoffs.log(conn, handoff_id, me().actor, "handed_back" if outcome == "to_bot" else "closed", now,
                     words.OUTCOMES.get(outcome))  # fmt: skip
        audit.note(conn, me().actor, "chat.closed", f"handoff:{handoff_id}", now, outcome)
        if outcome == "to_bot":
            staff_words.tell(conn, row.person_id, row.channel, switches.load(conn).text("back") or BACK,
                             f"back:{handoff_id}", now)  # fmt: skip
        elif request.form.get("ask", "1") == "1" and ratings.ask(conn, row, now):
            staff_words.offer(
                conn,
                row,
                switches.load(conn).text("rating") or ratings.QUESTION,
                ratings.choices(handoff_id),
                f"rate:{handoff_id}",
                now,
            )
    house().nudge()
    house().signal("handoff", row.person_id)
    flash("会话已结束。" if outcome != "to_bot" else "已交还机器人。", "good")
    return _left()


@blueprint.post("/chat/<int:handoff_id>/labels")
@needs("chat.see")
def labels(handoff_id: int) -> Response:
    """Put labels on a chat."""
    wanted = list(dict.fromkeys(re.findall(r"[\w-]{1,12}", request.form.get("labels", ""))))[:8]
    with write(house().engine) as conn:
        seen(conn, handoff_id)
        handoffs.label(conn, handoff_id, " ".join(wanted))
        handoffs.log(conn, handoff_id, me().actor, "labelled", clock.now(), " ".join(wanted))
    return _done(handoff_id)


@blueprint.post("/chat/<int:handoff_id>/take-over")
@needs("chat.step_in")
def take_over(handoff_id: int) -> Response:
    """A supervisor takes a chat from whoever has it."""
    now = clock.now()
    with write(house().engine) as conn:
        row = owned(conn, handoff_id)
        if request.form.get("owner", row.claimed_by, type=int) != row.claimed_by:
            abort(409, f"{row.owner}刚刚接过了这个会话，请刷新后再决定。")
        held(handoffs.pass_to(conn, handoff_id, me().id, now, owner=row.claimed_by))
        handoffs.log(conn, handoff_id, me().actor, "stepped_in", now, f"从{row.owner}接过")
        audit.note(conn, me().actor, "chat.taken_over", f"handoff:{handoff_id}", now)
    house().signal("handoff", row.person_id)
    return redirect(url_for("staff.chat", handoff_id=handoff_id))


@blueprint.post("/chat/<int:handoff_id>/reveal")
@needs("personal.reveal")
def reveal(handoff_id: int) -> Response:
    """Show one message with its numbers unmasked. Needs a reason, and is recorded (promise 12)."""
    reason = request.form.get("reason", "").strip()
    message_id = request.form.get("message", 0, type=int)
    if len(reason) < 4:
        abort(400, "请写明查看的理由（至少4个字），会记入审计日志。")
    with write(house().engine) as conn:
        row = seen(conn, handoff_id)
        found = desk_queries.transcript(conn, scope(), row, after=message_id - 1, before=message_id + 1)
        if not found:
            abort(404)
        audit.note(conn, me().actor, "personal.revealed", f"message:{message_id}", clock.now(), reason[:200])
    body = found[0].body
    return jsonify(text=str(body.get("text", "")) if isinstance(body, dict) else "")


def _done(handoff_id: int) -> Response:
    if doors.wants_json():
        return jsonify(ok=True)
    return redirect(url_for("staff.chat", handoff_id=handoff_id) + "#end")


def _left() -> Response:
    target = url_for("staff.inbox", view="mine")
    return jsonify(to=target) if doors.wants_json() else redirect(target)
