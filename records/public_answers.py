"""What came of suggestions and of what was asked in public (你说我办; after 象山's 乡音说事): answers on a public page.

    draft ──► review ──► published ──► withdrawn
                 └──► draft

Written by one person and published by another; who asked is not in it.
"""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, Row, String, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, Instant

MOVES = {"draft": {"review"}, "review": {"published", "draft"}, "published": {"withdrawn"}, "withdrawn": set()}
STATES = {"draft": "草稿", "review": "待审核", "published": "已公开", "withdrawn": "已撤下"}
KINDS = {"suggestion": "意见建议", "asked": "你说我办"}
LONGEST = 1_500
_PERSONAL = re.compile(r"1[3-9]\d{9}|\d{17}[\dXx]")


class IllegalMove(ValueError):
    """An answer can't go from its state to that one. The message is for whoever pressed the button."""


class PublicAnswer(Base):
    """One matter and what became of it."""

    __tablename__ = "public_answers"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    region: Mapped[str] = mapped_column(String(24), index=True)
    title: Mapped[str] = mapped_column(String(60))
    question: Mapped[str] = mapped_column(String(LONGEST))
    answer: Mapped[str] = mapped_column(String(LONGEST))
    office: Mapped[str] = mapped_column(String(60))
    """Who answers for it."""
    case_number: Mapped[str | None] = mapped_column(String(24))
    """The case it came from; not shown in public."""
    state: Mapped[str] = mapped_column(String(12), default="draft", index=True)
    written_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str] = mapped_column(String(120), default="")
    made_at: Mapped[datetime] = mapped_column(Instant)
    published_at: Mapped[datetime | None] = mapped_column(Instant)


def write(
    conn: Connection, *, kind: str, region: str, title: str, question: str, answer: str, office: str, by: int,
    at: datetime, case_number: str = "", answer_id: int = 0,
) -> int:  # fmt: skip
    """Keep an answer as a draft (with `answer_id`: change a draft). Returns its id. Raises `ValueError`."""
    if kind not in KINDS or not (1 <= len(title) <= 60 and 1 <= len(office) <= 60):
        raise ValueError("标题和答复单位都要填，最多60字。")
    if not (1 <= len(question) <= LONGEST and 1 <= len(answer) <= LONGEST):
        raise ValueError(f"问的和答的都要写，各最多{LONGEST}字。")
    if _PERSONAL.search(question + answer + title):
        raise ValueError("要公开的内容里有手机号或身份证号，请去掉再存。")
    row = {"kind": kind, "region": region, "title": title, "question": question, "answer": answer, "office": office,
           "case_number": case_number or None}  # fmt: skip
    if answer_id:
        mine = (PublicAnswer.id == answer_id, PublicAnswer.state == "draft")
        if not conn.execute(update(PublicAnswer).where(*mine).values(written_by=by, **row)).rowcount:
            raise ValueError("只有草稿能改。")
        return answer_id
    made = row | {"state": "draft", "written_by": by, "made_at": at, "reason": ""}
    return int(conn.execute(insert(PublicAnswer).returning(PublicAnswer.id), made).scalar_one())


def move(conn: Connection, answer_id: int, state: str, by: int, at: datetime, reason: str = "") -> None:
    """Move an answer on. Raises `IllegalMove`: from a wrong state, or when one would publish one's own words."""
    row = get(conn, answer_id)
    if row is None or state not in MOVES[row.state]:
        raise IllegalMove("这条答复刚刚有变化，请刷新看看。")
    if state == "published" and row.written_by == by:
        raise IllegalMove("自己写的答复要由另一个人审核。")
    values: dict[str, Any] = {"state": state, "reason": reason[:120]}
    if state == "published":
        values |= {"approved_by": by, "published_at": at}
    mine = (PublicAnswer.id == answer_id, PublicAnswer.state == row.state)
    if not conn.execute(update(PublicAnswer).where(*mine).values(values)).rowcount:
        raise IllegalMove("别人刚刚处理过这条答复，请刷新看看。")


def get(conn: Connection, answer_id: int) -> Row[Any] | None:
    """One answer, or None."""
    return conn.execute(select(PublicAnswer.__table__).where(PublicAnswer.id == answer_id)).first()


def listed(conn: Connection, limit: int = 60) -> list[Row[Any]]:
    """All answers for the console, the newest first."""
    return list(conn.execute(select(PublicAnswer.__table__).order_by(PublicAnswer.id.desc()).limit(limit)))


def published(conn: Connection, region: str = "", *, before: int = 0, limit: int = 30) -> list[Row[Any]]:
    """What everybody may read, the newest first; `region`: only those of one place; `before`: with a smaller id."""
    statement = select(PublicAnswer.__table__).where(PublicAnswer.state == "published")
    if region:
        statement = statement.where(PublicAnswer.region == region)
    if before:
        statement = statement.where(PublicAnswer.id < before)
    return list(conn.execute(statement.order_by(PublicAnswer.id.desc()).limit(limit)))


def regions(conn: Connection) -> list[str]:
    """The places that have published answers."""
    found = select(PublicAnswer.region).where(PublicAnswer.state == "published").distinct()
    return sorted(conn.execute(found).scalars())
