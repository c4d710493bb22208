"""What a message says of the filling beside its answers: this stays open, the rest too, let me see what stands there."""

import re
from dataclasses import replace

from bot import repair
from bot.asking import CONFIRM, Message, Progress, wanted
from handlers.declared import Form
from handlers.slots import Slot
from intents import Entity

_PARTS = re.compile(r"(?:(?!不留|别留)[^，,。；;！!\n ])+|(?:不留|别留)(?:(?!不留|别留)[^，,。；;！!\n ])*")
"""Clauses; 不留名字不留电话 is two."""
_REST = re.compile(
    r"(?:别的|其他的?|其它的?|剩下的?|余下的?|后面的?|另外的?)(?:那?几?[项个题])?(?:就|都|也|全部?|先|我|统统)*"
    r"(?:跳过|不填|不写|空着|没有|没|不要|不用(?:填|写)?|不说|免)[了吧啊呢]*"
)
"""All that may stay open does."""
_OPEN = r"(?:那?一?[项个]|号码?|材料|方面)?(?:就|先|也|都|我|暂时|这边)*(?:跳过|不填|不写|空着|不留|没有|没|不要|不发|不拍|拿不出|不方便[留说写填]?|不说)[了吧啊呢]*"
_WITHOUT = r"(?:不|没有?|别)(?:想|要|用|方便)?(?:留|填|写|说|给|拍|发|有)?(?:我的?)?"


_NO_PHOTO = re.compile(
    r"(?:我)?(?:照片|图片?)(?:就|也|都|先)*(?:没有|没拍|没|不发|不拍|拍不了)了?|没(?:有)?(?:拍)?(?:照片|图片?)"
)
"""No picture, whether one was asked for or not."""


def parted(form: Form, progress: Progress, m: Message) -> tuple[Progress, Message | None, bool]:
    """`progress` with what is to stay open passed over, the message without such clauses (None where nothing else was
    said), and whether it asks to see what was filled in. A message of one clause is left as it is."""
    clauses = list(_PARTS.finditer(m.said))
    if len(clauses) < 2 or progress.asking == CONFIRM or repair.SHOW.fullmatch(m.said):
        return progress, m, False
    look = repair.shows(clauses[-1][0])
    gone = [clauses[-1]] if look else []
    passed: list[str] = []
    for clause in clauses[: len(clauses) - look]:
        names = _left_open(form, progress, clause[0], m)
        if names or _NO_PHOTO.fullmatch(clause[0]):
            gone.append(clause)
            passed += names
    if not gone or not (passed or m.heard.entities):
        return progress, m, False
    progress = replace(progress, skipped=tuple(dict.fromkeys((*progress.skipped, *passed))))
    return progress, _without(m, gone), look


def _left_open(form: Form, progress: Progress, clause: str, m: Message) -> list[str]:
    """The optional questions that a clause passes over."""
    open_ = [s for s in wanted(form, progress, m.today) if s.optional and not progress.value(s.name)]
    if _REST.fullmatch(clause):
        return [slot.name for slot in open_]
    return [slot.name for slot in open_ if slot.kind != "yes_no" and _passes(slot, clause)]


def _passes(slot: Slot, clause: str) -> bool:
    words = "|".join(map(re.escape, sorted({slot.label, *slot.words}, key=len, reverse=True)))
    return (
        re.fullmatch(rf"(?:那|这个?|至于|我的?)?(?:{words}){_OPEN}|{_WITHOUT}(?:{words})[了吧啊]*", clause) is not None
    )


def _without(m: Message, gone: list[re.Match[str]]) -> Message | None:
    """The message without some clauses, its entities where they stand now; None where no word is left."""
    said = m.said
    for clause in gone:
        said = said[: clause.start()] + "，" * len(clause[0]) + said[clause.end() :]
    rest = said.strip("，,。；;！! \n")
    if not re.search(r"\w", rest):
        return None
    offset = len(said) - len(said.lstrip("，,。；;！! \n"))
    kept = (e for e in m.heard.entities if e.text in rest)
    entities = tuple(Entity(e.type, e.value, e.text, e.start - offset, e.end - offset) for e in kept)
    return replace(m, said=rest, heard=replace(m.heard, text=rest, entities=entities))
