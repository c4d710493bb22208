"""The tables of articles and of what else the desk edits; records.articles moves them, records.article_history reads
them back."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, BigId, Instant

KINDS = {"article": "条目", "hotline": "电话", "value": "规则数值", "synonyms": "近义词"}
"""What has this life: an article, a phone service, the dated values of one parameter of a rule, the synonyms."""


class Article(Base):
    """One article, or another entry of `KINDS`: the state of its newest text, and which text is shown."""

    __tablename__ = "articles"

    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), default="article", server_default="article", index=True)
    file: Mapped[str] = mapped_column(String(80))
    """Where it lies in the files: `ningbo/permit.yml`."""
    region: Mapped[str] = mapped_column(String(24), index=True)
    title: Mapped[str] = mapped_column(String(80))
    owner: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(12), index=True)
    revision: Mapped[int]
    """The number of the newest text."""
    shown: Mapped[int | None]
    """The number of the text people see; None: none."""
    shown_until: Mapped[date | None] = mapped_column(Date, index=True)
    """The last day on which the shown text may be shown: its review day, or the end of a law it rests on."""
    stopped: Mapped[str | None] = mapped_column(String(8))
    """Why it ended by itself: `review`, `law`, or None."""
    seed_hash: Mapped[str] = mapped_column(String(64), default="")
    """Of the file's row as it was last imported or exported; see knowledge_base.transfer."""
    changed_at: Mapped[datetime] = mapped_column(Instant)
    changed_by: Mapped[str] = mapped_column(String(60))


class Revision(Base):
    """One text of an article; only its signatures are filled in later."""

    __tablename__ = "article_revisions"
    __table_args__ = (UniqueConstraint("article_id", "number"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    article_id: Mapped[str] = mapped_column(ForeignKey("articles.id"))
    number: Mapped[int]
    content: Mapped[Any] = mapped_column(JSON)
    hash: Mapped[str] = mapped_column(String(64))
    author: Mapped[str] = mapped_column(String(60))
    """`staff:7`, `command:knowledge import`."""
    at: Mapped[datetime] = mapped_column(Instant)
    why: Mapped[str] = mapped_column(String(200))
    reviewed_on: Mapped[date | None] = mapped_column(Date)
    reviewed_by: Mapped[str] = mapped_column(String(40), default="")
    approved_by: Mapped[str] = mapped_column(String(40), default="")


class Period(Base):
    """From when until when a text was shown to people."""

    __tablename__ = "article_periods"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    article_id: Mapped[str] = mapped_column(ForeignKey("articles.id"), index=True)
    number: Mapped[int]
    begins: Mapped[datetime] = mapped_column(Instant, index=True)
    ends: Mapped[datetime | None] = mapped_column(Instant)


class Event(Base):
    """One step of an article's life; rows are only added."""

    __tablename__ = "article_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    article_id: Mapped[str] = mapped_column(ForeignKey("articles.id"), index=True)
    number: Mapped[int]
    at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(String(60))
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(String(200), default="")


class Notice(Base):
    """Word to the owner of an article: it ended by itself."""

    __tablename__ = "article_notices"

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[str] = mapped_column(ForeignKey("articles.id"))
    owner: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(Instant)
    seen_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    seen_at: Mapped[datetime | None] = mapped_column(Instant)


class Version(Base):
    """One row: a number that grows whenever what people are told changes. Every process watches it."""

    __tablename__ = "knowledge_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
