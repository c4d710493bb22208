"""The conversation: one message is one committed turn, the same turn as in every channel."""

from typing import Any

from sqlalchemy import Connection

import clock
from bot import turn
from bot.api import models
from bot.api.contract import operation, person
from bot.api.problems import Problem
from bot.message import Inbound
from bot.service import service
from bot.web import bubbles, phones
from handlers.talk import START
from records import conversations, people
from records.base import read

SHOWN = 200
"""Rows of the transcript in one answer."""


@operation(
    "POST", "/messages", tag="对话", summary="发一句话，或点一个选项", body=models.Said, answer=models.Conversation,
    limits=(("30 per minute", "person"), ("600 per day", "person"), ("6000 per minute", "address")),
)  # fmt: skip
def say(body: models.Said) -> models.Conversation:
    """Take one message and answer with its bubbles; the same key again gives the same answer, and nothing runs twice."""
    if (body.text is None) == (body.choice is None):
        raise Problem(422, "text 和 choice 要填一个，也只能填一个。", [("/text", "和 choice 二选一")])
    if body.choice is not None and not body.choice.isprintable():
        raise Problem(422, "这个选项认不出来。", [("/choice", "请用上一次回答给的 id")])
    text = (body.text or "").replace("\r\n", "\n").strip()
    if body.text is not None and not text:
        raise Problem(422, "还没有写字。", [("/text", "要填")])
    row, key = person(), f"w:{body.key}"
    detail = {"label": _label(row.id, body.choice)} if body.choice else {}
    inbound = Inbound(
        channel=row.channel, sender=row.external, key=key, kind="text", sent_at=clock.now(), text=text,
        choice=body.choice or "", detail=detail,
    )  # fmt: skip
    taken = turn.take(service(), inbound)
    with read(service().engine) as conn:
        rows = [one for one in conversations.transcript(conn, row.id, limit=SHOWN) if one.turn_id == taken.turn_id]
        return _conversation(bubbles.of(conn, rows, phones.of(service().knowledge)), _line(conn, row.id))


@operation(
    "GET", "/messages", tag="对话", summary="取新消息（工作人员的话也在里面）", query=models.After, answer=models.Conversation,
    limits=(("90 per minute", "person"), ("6000 per minute", "address")),
)  # fmt: skip
def messages(query: models.After) -> models.Conversation:
    """What was said after a message, the last 200 at most."""
    row = person()
    with read(service().engine) as conn:
        rows = conversations.transcript(conn, row.id, after=query.after, limit=SHOWN)
        return _conversation(bubbles.of(conn, rows, phones.of(service().knowledge)), row.line)


def _line(conn: Connection, person_id: int) -> str | None:
    row = people.get(conn, person_id)
    return row.line if row is not None else None


def _label(person_id: int, choice: str | None) -> str:
    """What the tapped option said: looked up, for a program may send anything."""
    with read(service().engine) as conn:
        rows = conversations.transcript(conn, person_id, limit=40)
    return bubbles.label_of(choice or "", rows, START) or "（选项）"


def _conversation(found: list[dict[str, Any]], line: str | None) -> models.Conversation:
    said = [models.Message.model_validate(one) for one in found]
    return models.Conversation(messages=said, line=line)
