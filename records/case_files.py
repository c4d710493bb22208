"""Pictures and papers that staff put to a case. The bytes lie encrypted with all other uploads."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, Row, String, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from records import cases
from records.base import Base, Instant, SealedText

MOST = 20
"""Files of one case."""


class CaseFile(Base):
    """One file of one case."""

    __tablename__ = "case_files"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    upload: Mapped[str] = mapped_column(String(32))
    """The name under which the bytes are kept; see `records.uploads`."""
    kind: Mapped[str] = mapped_column(String(32))
    """`image/jpeg` or `application/pdf`."""
    title: Mapped[str] = mapped_column(SealedText)
    added_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    added_at: Mapped[datetime] = mapped_column(Instant)


def add(conn: Connection, case_id: int, upload: str, kind: str, title: str, staff_id: int, at: datetime) -> int:
    """Put a file to a case, and note it in its history. Raises `ValueError` when there are too many."""
    if len(of_case(conn, case_id)) >= MOST:
        raise ValueError(f"一个事项最多{MOST}个附件。")
    row = {"case_id": case_id, "upload": upload, "kind": kind, "title": title, "added_by": staff_id, "added_at": at}
    made = int(conn.execute(insert(CaseFile).returning(CaseFile.id), row).scalar_one())
    cases.note(conn, case_id, f"staff:{staff_id}", "attached", at, text=title)
    return made


def of_case(conn: Connection, case_id: int) -> list[Row[Any]]:
    """A case's files, the oldest first."""
    table = CaseFile.__table__
    return list(conn.execute(select(table).where(CaseFile.case_id == case_id).order_by(CaseFile.id)))


def get(conn: Connection, case_id: int, file_id: int) -> Row[Any] | None:
    """One file of a case, or None."""
    mine = (CaseFile.id == file_id, CaseFile.case_id == case_id)
    return conn.execute(select(CaseFile.__table__).where(*mine)).first()
