"""What the bot couldn't answer, and what staff propose to do about it: a training example, or a question of an article.

    proposed ──► approved (by a second person) ──► exported
        └──────► refused

Texts are people's own words, kept sealed and shown masked. What was said in danger or to a counsellor never comes here.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, Row, String, and_, insert, or_, select, update
from sqlalchemy.orm import Mapped, aliased, mapped_column

from records.base import Base, BigId, Instant, SealedText
from records.conversations import Message

KINDS = {"example": "训练例句", "question": "条目的问法"}
STATES = {"proposed": "等另一个人同意", "approved": "已同意", "refused": "不采用", "exported": "已导出"}
PRIVATE = ("psych_support", "psych_crisis")


class Proposal(Base):
    """One sentence, and what it is to teach."""

    __tablename__ = "training_proposals"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    text: Mapped[str | None] = mapped_column(SealedText)
    target: Mapped[str] = mapped_column(String(60))
    """The intent of an example, the article of a question."""
    message_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("messages.id", ondelete="CASCADE"), index=True)
    """The message it came from; erased with it."""
    state: Mapped[str] = mapped_column(String(10), default="proposed")
    proposed_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[datetime] = mapped_column(Instant)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)


class NotAllowed(ValueError):
    """Why a proposal can't be decided so. The message is for whoever pressed the button."""


def unanswered(conn: Connection, since: datetime, *, limit: int = 200) -> list[Row[Any]]:
    """What people asked the bot and got no article for (not understood, out of scope), or only a doubtful one (it had to
    ask which of two was meant). The newest first.

    Each row: id, body, intent, band, probability, created_at. Never what belongs to a counsellor.
    """
    answer = aliased(Message)
    given = (
        select(answer.id)
        .where(
            answer.person_id == Message.person_id, answer.turn_id == Message.turn_id, answer.author == "bot",
            answer.articles.is_not(None),
        )
        .exists()
    )  # fmt: skip
    lost = or_(Message.band == "person", Message.intent == "out_of_scope")
    missed = or_(Message.band == "ask", and_(lost, ~given))
    mine = (
        Message.author == "person", Message.kind == "text", Message.owner == "question", missed,
        Message.created_at >= since, or_(Message.intent.is_(None), Message.intent.not_in(PRIVATE)),
    )  # fmt: skip
    proposed = select(Proposal.id).where(Proposal.message_id == Message.id).exists()
    columns = (Message.id, Message.body, Message.intent, Message.band, Message.probability, Message.created_at)
    return list(conn.execute(select(*columns).where(*mine, ~proposed).order_by(Message.id.desc()).limit(limit)))


def missed(conn: Connection, message_id: int) -> Row[Any] | None:
    """One message that may become a proposal, or None."""
    found = select(Message.id, Message.body, Message.intent, Message.created_at).where(
        Message.id == message_id, Message.author == "person", Message.owner == "question",
        or_(Message.intent.is_(None), Message.intent.not_in(PRIVATE)),
    )  # fmt: skip
    return conn.execute(found).first()


def propose(
    conn: Connection, kind: str, text: str, target: str, *, staff_id: int, at: datetime, message_id: int | None = None
) -> int:  # fmt: skip
    """Propose a sentence. Raises `ValueError` for a kind that doesn't exist."""
    if kind not in KINDS:
        raise ValueError(f"there is no kind {kind!r}; there are: {', '.join(KINDS)}")
    row = {
        "kind": kind, "text": text, "target": target, "message_id": message_id, "proposed_by": staff_id,
        "proposed_at": at,
    }  # fmt: skip
    return int(conn.execute(insert(Proposal).returning(Proposal.id), row).scalar_one())


def listing(conn: Connection, states: Iterable[str] = ("proposed",), limit: int = 200) -> list[Row[Any]]:
    """Proposals, the newest first."""
    found = select(Proposal.__table__).where(Proposal.state.in_(tuple(states)))
    return list(conn.execute(found.order_by(Proposal.id.desc()).limit(limit)))


def decide(conn: Connection, proposal_id: int, *, yes: bool, staff_id: int, at: datetime) -> Row[Any]:
    """Approve or refuse. Returns the row before. Raises `NotAllowed`: one's own, or decided already."""
    row = conn.execute(select(Proposal.__table__).where(Proposal.id == proposal_id)).first()
    if row is None or row.state != "proposed":
        raise NotAllowed("这一条已经有人处理过了，请刷新再看")
    if yes and row.proposed_by == staff_id:
        raise NotAllowed("自己提的要请另一个人同意")
    values = {"state": "approved" if yes else "refused", "decided_by": staff_id, "decided_at": at}
    open_still = (Proposal.id == proposal_id, Proposal.state == "proposed")
    if not conn.execute(update(Proposal).where(*open_still).values(**values)).rowcount:
        raise NotAllowed("别人刚刚处理过这一条，请刷新再看")
    return row


def exported(conn: Connection, ids: Iterable[int]) -> None:
    """These examples are in the training files now."""
    conn.execute(update(Proposal).where(Proposal.id.in_(tuple(ids))).values(state="exported"))
