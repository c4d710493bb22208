"""How things are said: unsafe wishes refused in one sentence, an apology for anger, a word about ID numbers."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import yaml

from handlers.turn import Choice, Reply

_ANGRY = re.compile(
    r"气死|火大|什么破|什么玩意|垃圾|废物|骗子|坑人|没用的?东西|有病|神经病|他妈|tmd|妈的|操你|滚|投诉你们?|推来推去|踢皮球|问了(?:好几|八百|多少)[遍次]|"
    r"还有没有人管|太差劲|差评|态度(?:太|真)?差|欺负(?:人|我们)|瞎(?:说|扯)|答非所问|听不懂人话"
)
HUMAN = Choice("找工作人员", "human_agent")


@cache
def _unsafe() -> tuple[tuple[str, tuple[re.Pattern[str], ...], str], ...]:
    rows = yaml.safe_load((Path(__file__).parent / "unsafe.yml").read_text(encoding="utf-8"))["requests"]
    return tuple((row["name"], tuple(re.compile(sign, re.I) for sign in row["signs"]), row["say"]) for row in rows)


def refused(text: str) -> Reply | None:
    """The refusal of an unlawful wish, with the lawful way; None for an honest message."""
    for _name, signs, say in _unsafe():
        if any(sign.search(text) for sign in signs):
            return Reply(text=say, choices=(HUMAN,))
    return None


def angry(text: str) -> bool:
    """Whether somebody is losing patience with us or the office."""
    return _ANGRY.search(text) is not None


def soothed(reply: Reply) -> Reply:
    """`reply` with an apology before it and a person within reach."""
    choices = reply.choices if any(c.id == HUMAN.id for c in reply.choices) else (*reply.choices, HUMAN)
    text = f"让您受累了，对不起。我尽量说清楚；想直接跟人说，就点“找工作人员”。\n\n{reply.text}"
    return replace(reply, text=text, choices=choices)


ID_NUMBER = "您发的身份证号我已经遮住，没有留下来。以后办事要用证号时，我会给您一个专门的页面填，不用发在聊天里。"
"""Said when somebody types an ID number into the chat."""
