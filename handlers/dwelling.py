"""Moving in, moving out and correcting a date by talking: the questions, and what may be said of a declaration.

ID numbers are never asked for in the chat: who has declared before moves with what is known of him, everybody else
gets the page behind the room's code, which has a consent of its own.
"""

import re
from typing import Any

from handlers.declared import Form
from handlers.slots import Slot
from handlers.turn import Choice, Link, Reply
from records import consent
from records.declarations import STATES, address_of

ENTER, LEAVE, REDATE = "enter:", "leave:", "redate:"
PREFIXES = (ENTER, LEAVE, REDATE)
END = "room"
ALL, ALONE = "全家一起", "只有我"
_ENTERED = re.compile(r"([A-Z]{2}-[A-Z]{2}-\d{6}):(o?a?c?)")
_NUMBER = re.compile(r"[A-Z]{2}-\d{8}-\d{4}")
_GUARDIAN = consent.GUARDIAN[consent.VERSION]


def form_of(name: str) -> Form | None:
    """The form behind `enter:<room>:<flags>`, `leave:<number>` or `redate:<number>`; None for what is none of them.

    Flags of `enter`: `o` other people declared with the person before, `a` grown-ups among them, `c` children under 14.
    A number with `+` behind it stands for a household.
    """
    entered = _ENTERED.fullmatch(name.removeprefix(ENTER)) if name.startswith(ENTER) else None
    if entered:
        return _form(name, "入住登记", "residence_register", _entering(entered[2]))
    kind, _, number = name.partition(":")
    if f"{kind}:" not in (LEAVE, REDATE) or not _NUMBER.fullmatch(number.removesuffix("+")):
        return None
    if kind == "redate":
        return _form(name, "更正入住日期", "residence_update", (_MOVED_IN,))
    who = (_WHO,) if number.endswith("+") else ()
    return _form(name, "搬走登记", "residence_update", (*who, _MOVED_OUT))


def _form(name: str, title: str, intent: str, slots: tuple[Slot, ...]) -> Form:
    return Form(name=name, title=title, start=title, intents=(intent,), slots=slots, end=END, names=(title,))


_WHO = Slot(
    "who", "哪些人", "是全家一起，还是只有您自己？", "choice", words=("谁", "几个人"),
    options=((ALL, ("全家", "都", "一起", "一样")), (ALONE, ("我自己", "就我", "本人", "我一个"))),
)  # fmt: skip
_MOVED_IN = Slot(
    "moved_in", "入住日期", "是哪一天搬进来的？今天就说“今天”。", "date", limit="past", words=("日期", "入住", "哪天", "时间")
)  # fmt: skip
_MOVED_OUT = Slot(
    "moved_out", "搬走日期", "是哪一天搬走的？今天就说“今天”。", "date", limit="past", words=("日期", "搬走", "哪天", "时间")
)  # fmt: skip


def _entering(flags: str) -> tuple[Slot, ...]:
    slots = [_WHO] if "o" in flags else []
    slots += [
        _MOVED_IN,
        Slot("child", "加上的孩子", "有没有孩子要一起登记？没办证件也行，写名字；没有就说“跳过”。", optional=True,
             words=("孩子", "小孩"), least=2, most=20),
        Slot("born", "孩子的生日", "孩子是哪年哪月哪日生的？", "date", limit="past", needs="child", words=("生日", "出生"),
             why="不满14岁的，要监护人同意"),
        Slot("guardian", "监护人同意", f"{_GUARDIAN}您同意吗？", "yes_no", needs="child", under={"born": 14}, must="是"),
    ]  # fmt: skip
    if "c" in flags:
        slots.append(
            Slot(
                "guardians", "监护人同意登记孩子", f"{_GUARDIAN}您同意吗？", "yes_no", unless={"who": ALONE}, must="是"
            )
        )
    if "a" in flags:
        said = consent.ON_BEHALF[consent.VERSION]
        slots.append(Slot("behalf", "同住人同意", f"{said}是这样吗？", "yes_no", unless={"who": ALONE}, must="是"))
    slots.append(Slot("agree", "本人同意", f"{consent.TEXTS[consent.VERSION]}\n您同意吗？", "yes_no", must="是"))
    return tuple(slots)


def page(code: str, where: str) -> Reply:
    """The page of a room, for whoever has to give an ID number."""
    text = (
        f"这间房是：{where}。\n登记要填身份证号，请不要发在聊天里：点下面的页面填，上面写着用来做什么，您同意才提交。"
        "不满16岁的孩子由家长一起填；搬走、码坏了也在这一页办。"
    )
    return Reply(text=text, links=(Link("打开这间房的页面", f"/r/{code}"),), choices=(_HUMAN,))


_HUMAN = Choice("找工作人员", "human_agent")


def no_such_room(code: str) -> Reply:
    """Said to a code that names no room."""
    text = f"没有查到编号 {code} 的房间，请对着门上的标签再看一下，编号像 NB-FH-000123。也可以直接扫门上的码。"
    choices = (Choice("没有码怎么登记", "residence_register"), Choice("码坏了", "rental_qr_report"), _HUMAN)
    return Reply(text=text, choices=choices)


def revoked(where: str) -> Reply:
    """Said to a code that is out of force."""
    text = f"这张码（{where}）已经作废换新了，不能再用。请扫门上新贴的码；没有新码就告诉我，我来上报。"
    return Reply(text=text, choices=(Choice("上报码的问题", "form:room_code_report"), _HUMAN))


def several(rows: list[Any], prefix: str) -> Reply:
    """Which of several declarations is meant."""
    choices = tuple(Choice(_short(row), f"form:{name}") for row, name in named(rows, prefix))
    return Reply(text="您登记过不止一处，是哪一处？", choices=choices[:5])


def named(rows: list[Any], prefix: str) -> list[tuple[Any, str]]:
    """One row for each filing among one's own open declarations, with the name of the form about it."""
    firsts = {row.number: row for row in reversed(rows)}
    many = {number for number in firsts if sum(row.number == number for row in rows) > 1}
    return [(row, f"{prefix}{number}{'+' if number in many else ''}") for number, row in firsts.items()]


def _short(row: Any) -> str:
    where = address_of(row)
    return where if len(where) <= 20 else f"…{where[-19:]}"


def told(row: Any, *, own: bool) -> str:
    """Where a declaration stands; the address only to whom it belongs."""
    where = f"（{address_of(row)}）" if own else ""
    left = f"，{row.moved_out:%-m月%-d日}搬走" if row.moved_out else ""
    return f"{row.number} 居住登记{where}：{STATES[row.state]}{left}（{row.declared_at:%-m月%-d日}申报）。"
