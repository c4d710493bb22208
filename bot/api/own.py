"""What is the caller's own: cases, everything that is held about him, and its deletion."""

from typing import Any

from sqlalchemy import Row

import clock
from bot.api import models
from bot.api.contract import operation, person
from bot.api.problems import Problem
from bot.service import service
from records import cases, privacy, uploads
from records.base import read, write


@operation("GET", "/cases", tag="我的", summary="我的办件", answer=models.Cases)
def own_cases() -> models.Cases:
    """The caller's cases, the newest first."""
    with read(service().engine) as conn:
        rows = cases.of_person(conn, person().id, limit=50)
    return models.Cases(cases=[models.Case(**_short(one)) for one in rows])


@operation("GET", "/cases/<number>", tag="我的", summary="一件办件和它的经过", answer=models.WholeCase, refusals=(404,))
def own_case(number: str) -> models.WholeCase:
    """One of the caller's cases; 404 for anybody else's, as for none."""
    with read(service().engine) as conn:
        row = cases.by_number(conn, number)
        if row is None or row.person_id != person().id:
            raise Problem(404, "没有这个编号的办件，请核对编号。")
        steps = [step for step in cases.history(conn, row.id) if step.shown]
    history = [
        models.CaseStep(
            at=step.at, action=step.action, words=cases.STATES.get(step.action, step.action), text=step.text
        )
        for step in steps
    ]
    answers = [(str(label), str(value)) for label, value in row.data or []]
    return models.WholeCase(**_short(row), answers=answers, history=history)


@operation(
    "GET", "/me", tag="我的", summary="导出我的全部记录", answer=models.Export, limits=(("20 per hour", "person"),)
)  # fmt: skip
def export() -> models.Export:
    """Everything that is held about the caller (个人信息保护法 art. 45)."""
    with read(service().engine) as conn:
        return models.Export(exported_at=clock.now(), data=privacy.export_of(conn, person().id))


@operation(
    "DELETE", "/me", tag="我的", summary="删除我的记录", query=models.Sure, answer=models.Erased,
    limits=(("20 per hour", "person"),),
)  # fmt: skip
def erase(query: models.Sure) -> models.Erased:
    """Delete what is held about the caller, and end his sessions (art. 47). What law requires stays without him."""
    row = person()
    with write(service().engine) as conn:
        done = privacy.erase(conn, row.id, clock.now())
    if done.held:
        return models.Erased(held=True, cases_kept=0, words="工作人员正在帮您；这次帮完以后，您的记录会自动删除。")
    uploads.remove(service().settings.data_dir / "uploads", done.media)
    words = "您的对话和资料已经删除。"
    if done.kept:
        words += f"{done.kept}件办件依法留存备查，姓名、电话和说过的话已经去掉。"
    words += "还有效的居住登记依法由登记机关留存，搬走后按规定注销。"
    return models.Erased(held=False, cases_kept=done.kept, words=words)


def _short(row: Row[Any]) -> dict[str, Any]:
    names = ("number", "title", "state", "filed_at", "closed_at")
    return {name: getattr(row, name) for name in names} | {"state_words": cases.STATES[row.state]}
