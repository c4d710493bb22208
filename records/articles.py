"""Articles: what the service tells people, who wrote it, who approved it, and what was shown on any day.

    draft ──► in_review ──► approved ──► published ──► due
      ▲           │             │            │  │        │
      └───────────┴─────────────┴────────────┴──┼────────┤   (a new text, or sent back)
                                                └──► withdrawn

The state is that of the newest text. What people see is the text that was published last: it stays while a newer one
is being written, and ends when the newer one is published, when it is withdrawn, or by itself when its review day or its
law has passed. Every save is a revision; nothing is overwritten. `content` is a row of an article file without
`status`, `reviewed_on`, `reviewed_by` and `approved_by`, which are the revision's own columns. Phone services, the
values of rules and the synonyms live the same life (`article_tables.KINDS`).
"""

import hashlib
import json
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from records.article_tables import Article, Event, Notice, Period, Revision, Version

MOVES = {
    "draft": {"draft", "in_review", "withdrawn"},
    "in_review": {"draft", "approved"},
    "approved": {"draft", "published"},
    "published": {"draft", "due", "withdrawn"},
    "due": {"draft", "withdrawn"},
    "withdrawn": {"draft"},
}
"""Allowed moves; to `draft` by saving a new text, or from `in_review` by sending it back."""
STATES = {
    "draft": "草稿",
    "in_review": "待审核",
    "approved": "已审核，待发布",
    "published": "已发布",
    "due": "到期待复核",
    "withdrawn": "已撤下",
}
SIGNATURES = ("status", "reviewed_on", "reviewed_by", "approved_by")
"""Fields of a file's row that are not part of the text."""


class IllegalMove(ValueError):
    """An article can't go from its state to that one. The message is for whoever pressed the button."""


class Conflict(Exception):
    """Somebody else saved first. `mine` was not stored; `theirs` is the newest text, `number` its number."""

    def __init__(self, mine: dict[str, Any], theirs: Row[Any]) -> None:
        super().__init__(f"version {theirs.number} was saved by {theirs.author} meanwhile")
        self.mine = mine
        self.theirs: dict[str, Any] = theirs.content
        self.number: int = theirs.number
        self.author: str = theirs.author


_ARTICLE, _REVISION = Article.__table__, Revision.__table__
_VERSION = select(Version.number).where(Version.id == 1)


def digest(data: Any) -> str:
    """A text's or row's fingerprint: the same for the same data in any order of its fields."""
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def version(conn: Connection) -> int:
    """The number that grows with every change of what people are told; 0 in a database that was never filled."""
    return conn.execute(_VERSION).scalar() or 0


def touch(conn: Connection) -> None:
    """Tell every process to build its snapshot anew."""
    if not conn.execute(update(Version).where(Version.id == 1).values(number=Version.number + 1)).rowcount:
        conn.execute(insert(Version), {"id": 1, "number": 1})


def get(conn: Connection, article_id: str) -> Row[Any] | None:
    """An article's row, or None."""
    return conn.execute(select(_ARTICLE).where(Article.id == article_id)).first()


def revision(conn: Connection, article_id: str, number: int) -> Row[Any] | None:
    """One text of an article, or None."""
    return conn.execute(
        select(_REVISION).where(Revision.article_id == article_id, Revision.number == number)
    ).first()  # fmt: skip


def last_day(content: dict[str, Any]) -> date | None:
    """The last day on which a text may be shown. None: it has none, as a phone number, which is told until withdrawn."""
    ends = [s["effective_to"] for s in content.get("sources", ()) if isinstance(s, dict) and s.get("effective_to")]
    ends += [content["next_review"]] if content.get("next_review") else []
    return min((date.fromisoformat(str(end)) for end in ends), default=None)


def first_day(content: dict[str, Any]) -> date | None:
    """The first day on which all that a text rests on is in force. None: no text says so."""
    starts = (s.get("effective_from") for s in content.get("sources", ()) if isinstance(s, dict))
    return max((date.fromisoformat(str(start)) for start in starts if start), default=None)


def create(
    conn: Connection, content: dict[str, Any], *, file: str, actor: str, at: datetime, why: str, kind: str = "article"
) -> None:  # fmt: skip
    """Begin an article with its first draft. Raises IntegrityError when the id is taken."""
    _insert(conn, content, file, "draft", actor, at, kind)
    _add_text(conn, content["id"], 1, content, actor, at, why)
    note(conn, content["id"], 1, "draft", actor, at, why)


def save(
    conn: Connection, content: dict[str, Any], *, base: int, actor: str, at: datetime, why: str
) -> int:  # fmt: skip
    """Store a new text over text number `base`, as a draft. Returns its number.

    Raises `Conflict` when somebody saved after `base` was read, so that nobody's words are lost.
    """
    row = _must(conn, content["id"])
    if "draft" not in MOVES[row.state]:
        raise IllegalMove(f"“{STATES[row.state]}”的条目不能改")
    values = {"state": "draft", "revision": base + 1, "stopped": None, **_shown_columns(content, actor, at)}
    mine = (Article.id == content["id"], Article.revision == base, Article.state == row.state)
    if not conn.execute(update(Article).where(*mine).values(**values)).rowcount:
        theirs = revision(conn, content["id"], _must(conn, content["id"]).revision)
        assert theirs is not None
        raise Conflict(content, theirs)
    _add_text(conn, content["id"], base + 1, content, actor, at, why)
    note(conn, content["id"], base + 1, "draft", actor, at, why)
    return base + 1


def move(
    conn: Connection, article_id: str, state: str, *, number: int, actor: str, at: datetime, name: str = "",
    reason: str = "",
) -> Row[Any]:  # fmt: skip
    """Move an article whose newest text is `number` to `state`. `name` signs a submission or an approval.

    Returns the row before. Raises `IllegalMove`: not in the table, an approval by somebody who wrote the text, a
    return without a reason, or somebody else was first.
    """
    row = _must(conn, article_id)
    if row.revision != number:
        raise IllegalMove("您看的时候别人改过这一条，请刷新后看新的内容")
    back = state != "draft" or row.state in (
        "in_review",
        "approved",
    )  # a new draft of anything else is saved, not moved
    if state not in MOVES[row.state] or state == row.state or not back:
        raise IllegalMove(f"这一条现在是“{STATES[row.state]}”，不能改成“{STATES.get(state, state)}”")
    if state == "approved" and actor in writers(conn, row):
        raise IllegalMove("自己写的内容要请另一个人审核")
    if state in ("draft", "withdrawn") and not reason:
        raise IllegalMove("请写明理由，写的人会看到")
    _sign(conn, article_id, number, state, name, at)
    values: dict[str, Any] = {"state": state, "stopped": None, "changed_at": at, "changed_by": actor}
    if state == "published":
        _show(conn, row, number, at, values)
    elif state == "withdrawn" and row.shown is not None:
        end_showing(conn, article_id, at)
        values |= {"shown": None, "shown_until": None}
    same = (Article.id == article_id, Article.state == row.state, Article.revision == number)
    if not conn.execute(update(Article).where(*same).values(**values)).rowcount:
        raise IllegalMove("别人刚刚处理过这一条，请刷新再看")
    note(conn, article_id, number, state, actor, at, reason)
    return row


def writers(conn: Connection, row: Row[Any]) -> set[str]:
    """Who wrote what is to be approved: the authors of every text since the one that was shown last."""
    shown = select(Period.number).where(Period.article_id == row.id).order_by(Period.id.desc()).limit(1)
    since = conn.execute(shown).scalar() or 0
    found = select(Revision.author).where(Revision.article_id == row.id, Revision.number > since)
    return set(conn.execute(found).scalars())


def expire(conn: Connection, at: datetime) -> list[str]:
    """Take out what is past its review day (`due`) or rests on a law that has ended (`withdrawn`), and tell the owners.

    A newer text in the making keeps its state. Returns the ids.
    """
    today = at.date()
    over = list(conn.execute(select(_ARTICLE).where(Article.shown.is_not(None), Article.shown_until < today)))
    for row in over:
        text = revision(conn, row.id, row.shown)
        assert text is not None
        by_review = date.fromisoformat(str(text.content["next_review"])) == row.shown_until
        end_showing(conn, row.id, at)
        state = ("due" if by_review else "withdrawn") if row.state == "published" else row.state
        stopped = ("review" if by_review else "law") if row.state == "published" else None
        why = f"复核期{row.shown_until}已过" if by_review else f"依据到{row.shown_until}为止"
        values = {"shown": None, "shown_until": None, "state": state, "stopped": stopped}
        conn.execute(update(Article).where(Article.id == row.id).values(**values))
        note(conn, row.id, row.revision, state, "job:expiry", at, why)
        told = {"article_id": row.id, "owner": row.owner, "text": f"“{row.title}”{why}，已自动停用。", "at": at}
        conn.execute(insert(Notice), told)
    return [row.id for row in over]


def note(
    conn: Connection, article_id: str, number: int, state: str, actor: str, at: datetime, reason: str = ""
) -> None:  # fmt: skip
    """Add a step to an article's history."""
    row = {"article_id": article_id, "number": number, "at": at, "actor": actor, "state": state}
    conn.execute(insert(Event), row | {"reason": reason[:200]})


def end_showing(conn: Connection, article_id: str, at: datetime) -> None:
    """The shown text is no longer shown."""
    conn.execute(update(Period).where(Period.article_id == article_id, Period.ends.is_(None)).values(ends=at))
    touch(conn)


def _show(conn: Connection, row: Row[Any], number: int, at: datetime, values: dict[str, Any]) -> None:
    text = revision(conn, row.id, number)
    assert text is not None
    until = last_day(text.content)
    if until is not None and until < at.date():
        raise IllegalMove(f"复核期或依据的有效期{until}已过，先改好日期再发布")
    start = first_day(text.content)
    if start is not None and start > at.date():  # else nothing at all would be shown until that day
        raise IllegalMove(f"所依据的文件从{start}起才施行，到那天再发布；在那之前人们看到的不变")
    end_showing(conn, row.id, at)
    conn.execute(insert(Period), {"article_id": row.id, "number": number, "begins": at})
    values |= {"shown": number, "shown_until": until}


def _sign(conn: Connection, article_id: str, number: int, state: str, name: str, at: datetime) -> None:
    signed: dict[str, dict[str, Any]] = {
        "in_review": {"reviewed_by": name[:40], "reviewed_on": at.date(), "approved_by": ""},
        "approved": {"approved_by": name[:40]},
        "draft": {"reviewed_by": "", "reviewed_on": None, "approved_by": ""},
    }  # fmt: skip
    if state in signed:
        mine = (Revision.article_id == article_id, Revision.number == number)
        conn.execute(update(Revision).where(*mine).values(**signed[state]))


def _must(conn: Connection, article_id: str) -> Row[Any]:
    row = get(conn, article_id)
    if row is None:
        raise IllegalMove(f"没有编号为 {article_id} 的条目")
    return row


def _shown_columns(content: dict[str, Any], actor: str, at: datetime) -> dict[str, Any]:
    names = {
        "region": content.get("region") or "national", "title": content.get("title") or content.get("name", ""),
        "owner": content.get("owner") or "知识编辑",
    }  # fmt: skip
    return names | {"changed_at": at, "changed_by": actor}


def _insert(
    conn: Connection, content: dict[str, Any], file: str, state: str, actor: str, at: datetime, kind: str
) -> None:  # fmt: skip
    shown = _shown_columns(content, actor, at)
    conn.execute(
        insert(Article), {"id": content["id"], "kind": kind, "file": file, "state": state, "revision": 1} | shown
    )


def _add_text(
    conn: Connection, article_id: str, number: int, content: dict[str, Any], actor: str, at: datetime, why: str,
    **signatures: Any,
) -> None:  # fmt: skip
    row = {
        "article_id": article_id, "number": number, "content": content, "hash": digest(content), "author": actor,
        "at": at, "why": why[:200], **signatures,
    }  # fmt: skip
    conn.execute(insert(Revision), row)


def place(
    conn: Connection, row: dict[str, Any], *, file: str, actor: str, at: datetime, why: str, kind: str = "article"
) -> None:  # fmt: skip
    """Put a file's whole row in as it stands, with its signatures: git's review is its second person.

    A published row is shown at once instead of what was shown; any other ends the showing.
    """
    content = {name: value for name, value in row.items() if name not in SIGNATURES}
    state = row["status"]
    found = get(conn, row["id"])
    if found is None:
        number = 1
        _insert(conn, content, file, state, actor, at, kind)
    else:
        number = found.revision + 1
        values = {
            "state": state,
            "revision": number,
            "file": file,
            "stopped": None,
            **_shown_columns(content, actor, at),
        }
        conn.execute(update(Article).where(Article.id == row["id"]).values(**values))
        if found.shown is not None:
            end_showing(conn, row["id"], at)
    signatures = {
        "reviewed_on": date.fromisoformat(str(row["reviewed_on"])) if row.get("reviewed_on") else None,
        "reviewed_by": row.get("reviewed_by", ""), "approved_by": row.get("approved_by", ""),
    }  # fmt: skip
    _add_text(conn, row["id"], number, content, actor, at, why, **signatures)
    note(conn, row["id"], number, state, actor, at, why)
    shown: dict[str, Any] = {"shown": None, "shown_until": None}
    until = last_day(content)
    if state == "published" and (until is None or until >= at.date()):
        conn.execute(insert(Period), {"article_id": row["id"], "number": number, "begins": at})
        shown = {"shown": number, "shown_until": until}
    conn.execute(update(Article).where(Article.id == row["id"]).values(seed_hash=digest(row), **shown))
