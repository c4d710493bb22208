"""Which part of a message is the wish: what is denied, already done, or only told is told apart from it."""

import re
from functools import lru_cache

_CLAUSE = re.compile(r"[^，。；！？ ]+[，。；！？ ]*")
_JOINT = re.compile(
    r"(?<=.)(?:另外|还有|顺便|再问|再有|对了|以及|同时|而是|我问的是|我要的是|想问的?是|重点是|今天想问|现在问|那(?=[^个么些里边种样]))"
)
_MARKS = "，。；！？ "
# 不是补办，是到期了: said to keep a misunderstanding away, or done with before.
_DENIED = re.compile(
    r"(?:^|[我你他她它们这那可并又也都真就但]|现在|今天)"
    r"(?:不是|并非|不想|没想|不要|不用|不问|不办|不查|不说|没说|没问|没要|别)"
    r"|先不[问管说提]|不是(?:来|要|想|问|说)|先(?:放|等|搁|不)|(?:回头|以后|改天|下次)再[说问讲办]"
    r"|(?:已经|早就|都|我)?(?:知道|明白|清楚|懂|弄清|搞清|问过|办好|办完|弄好|搞定|解决|处理|举报过|报过|看过|换好|签完"
    r"|补好|登记完|交完|谢谢|了解)[^怎哪吗么]{0,4}了|算了|没问题$|没丢|没坏|没过期|没到期|没搬"
)


def clauses(text: str) -> list[str]:
    """A normalised message in pieces, cut at punctuation and before words such as 另外 or 顺便; joined, they are it."""
    out: list[str] = []
    for clause in _CLAUSE.findall(text):
        start = 0
        for joint in _JOINT.finditer(clause):
            if joint.start() - start >= 3:
                out.append(clause[start : joint.start()])
                start = joint.start()
        out.append(clause[start:])
    return out


@lru_cache(maxsize=16)  # asked about one message several times over
def focus(text: str) -> str:
    """The message without the clauses that say what is not meant or is done with; whole when nothing is left."""
    parts = clauses(text)
    wanted = [part for part in parts if not _DENIED.search(part.strip(_MARKS))]
    return "".join(wanted) if wanted and len(wanted) < len(parts) else text
