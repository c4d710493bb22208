"""Reading articles back: lists, what was shown on a day, what comes due, what was answered from, owners' notices."""

from collections import Counter
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, or_, select, update
from sqlalchemy.orm import aliased

from records.article_tables import Article, Event, Notice, Period, Revision
from records.articles import SIGNATURES
from records.conversations import Message

_ARTICLE, _REVISION = Article.__table__, Revision.__table__


def listing(
    conn: Connection, *, kind: str = "article", state: str = "", regions: tuple[str, ...] = (), words: str = "",
    owner: str = "", limit: int = 500,
) -> list[Row[Any]]:  # fmt: skip
    """Articles for the desk, what waits for somebody first. `words` are looked for in id and title.

    `kind`: another of `article_tables.KINDS`, or "" for all.
    """
    found = select(_ARTICLE)
    if kind:
        found = found.where(Article.kind == kind)
    if state:
        found = found.where(Article.state == state)
    if regions:
        found = found.where(Article.region.in_(regions))
    if owner:
        found = found.where(Article.owner == owner)
    for word in words.split():
        found = found.where(
            or_(Article.title.contains(word, autoescape=True), Article.id.contains(word, autoescape=True))
        )
    order = ("in_review", "approved", "due", "draft", "published", "withdrawn")
    rank = func.instr if conn.dialect.name == "sqlite" else func.strpos
    return list(conn.execute(found.order_by(rank(" ".join(order), Article.state), Article.id).limit(limit)))


def counts(conn: Connection) -> dict[str, int]:
    """How many articles are in each state."""
    mine = select(Article.state, func.count()).where(Article.kind == "article")
    rows = conn.execute(mine.group_by(Article.state))
    return {state: count for state, count in rows}  # noqa: C416 - rows aren't pairs to the type checker


def texts(conn: Connection, article_id: str) -> list[Row[Any]]:
    """All texts of an article, the newest first."""
    found = select(_REVISION).where(Revision.article_id == article_id).order_by(Revision.number.desc())
    return list(conn.execute(found))


def events(conn: Connection, article_id: str) -> list[Row[Any]]:
    """The steps of an article's life, the newest first."""
    found = select(Event.__table__).where(Event.article_id == article_id).order_by(Event.id.desc())
    return list(conn.execute(found))


def periods(conn: Connection, article_id: str) -> list[Row[Any]]:
    """When which text of an article was shown, the newest first."""
    found = select(Period.__table__).where(Period.article_id == article_id).order_by(Period.id.desc())
    return list(conn.execute(found))


def _shown() -> Select[Any]:
    same = and_(Revision.article_id == Period.article_id, Revision.number == Period.number)
    return (
        select(_REVISION, Period.begins, Period.ends, Article.file)
        .join(Period, same)
        .join(Article, Article.id == Revision.article_id)
    )


def waiting(conn: Connection) -> dict[str, int]:
    """How many entries of each kind wait for a second person or for publication."""
    mine = select(Article.kind, func.count()).where(Article.state.in_(("in_review", "approved")))
    return {kind: count for kind, count in conn.execute(mine.group_by(Article.kind))}  # noqa: C416 - as in counts


def now_shown(conn: Connection, kind: str = "article") -> list[Row[Any]]:
    """Every article's text as the snapshot of what may be told needs it: the shown one, else the newest."""
    number = func.coalesce(Article.shown, Article.revision)
    same = and_(Revision.article_id == Article.id, Revision.number == number)
    first = aliased(Revision)
    found = select(_REVISION, Article.file, Article.state, Article.shown, first.id.label("first")).join(Article, same)
    found = found.where(Article.kind == kind)
    rows = conn.execute(found.join(first, and_(first.article_id == Article.id, first.number == 1)))
    return sorted(rows, key=lambda row: (row.file, row.first))  # the order of the files, as it was imported


def shown_at(conn: Connection, article_id: str, at: datetime) -> Row[Any] | None:
    """The text of an article that was shown at a moment, or None: what a message of that moment was answered from."""
    then = (Period.begins <= at, or_(Period.ends.is_(None), Period.ends > at))
    found = _shown().where(Period.article_id == article_id, *then).order_by(Period.id.desc()).limit(1)
    return conn.execute(found).first()


def shown_between(
    conn: Connection, begin: datetime, end: datetime, *, words: str = "", kind: str = "article"
) -> list[Row[Any]]:  # fmt: skip
    """All texts shown at any moment between two, with from when until when; several of one article if it changed."""
    found = _shown().where(Period.begins < end, or_(Period.ends.is_(None), Period.ends > begin), Article.kind == kind)
    for word in words.split():
        found = found.where(
            or_(Article.title.contains(word, autoescape=True), Article.id.contains(word, autoescape=True))
        )
    return list(conn.execute(found.order_by(Article.file, Article.id, Period.id)))


def comes_due(conn: Connection, until: date) -> list[Row[Any]]:
    """What is shown now and will end by itself up to a day, the next first."""
    found = select(_ARTICLE).where(Article.shown.is_not(None), Article.shown_until <= until)
    return list(conn.execute(found.order_by(Article.shown_until, Article.id)))


def answered_from(conn: Connection, since: datetime, until: datetime) -> Counter[str]:
    """How often each article was shown in answers between two moments."""
    rows = conn.execute(
        select(Message.articles, func.count())
        .where(Message.articles.is_not(None), Message.created_at >= since, Message.created_at < until)
        .group_by(Message.articles)
    )
    total: Counter[str] = Counter()
    for ids, count in rows:
        for id in set((ids or "").split()):
            total[id] += count
    return total


def as_row(content: dict[str, Any], text: Row[Any], status: str) -> dict[str, Any]:
    """A text as a row of an article file, with its signatures."""
    signed = {
        "reviewed_on": text.reviewed_on.isoformat() if text.reviewed_on else text.at.date().isoformat(),
        "reviewed_by": text.reviewed_by or "待审核", "approved_by": text.approved_by, "status": status,
    }  # fmt: skip
    kept = {name: content[name] for name in content if name not in SIGNATURES}
    return kept | {name: value for name, value in signed.items() if value}


def unseen_notices(conn: Connection) -> list[Row[Any]]:
    """Owners' notices nobody has ticked off, the newest first."""
    found = select(Notice.__table__).where(Notice.seen_at.is_(None)).order_by(Notice.id.desc()).limit(100)
    return list(conn.execute(found))


def notice_seen(conn: Connection, notice_id: int, staff_id: int, at: datetime) -> bool:
    """Tick a notice off. False when somebody did already."""
    mine = update(Notice).where(Notice.id == notice_id, Notice.seen_at.is_(None))
    return bool(conn.execute(mine.values(seen_by=staff_id, seen_at=at)).rowcount)
