"""Choices: what an id means, which one a message picks, and other small readings of short messages."""

import re
import unicodedata
from dataclasses import dataclass

from bot.message import Inbound
from bot.state import State
from handlers.calculators import PREFIX, REMIND
from handlers.declared import forms
from handlers.policy import STEPS
from handlers.registry import titles
from handlers.talk import CASE_NUMBER
from handlers.turn import MAX_LABEL
from intents import Understanding
from knowledge_base import Knowledge
from knowledge_base.schema import ASPECTS

_NUMERALS = {name: number for number, name in enumerate("一二三四五六七八九十", 1)}
_NUMBER = re.compile(r"(?:选|选择|第|要|点|回复)?\s*(\d{1,2}|[一二三四五六七八九十])\s*(?:个|号|项|条)?[。.!！]?")
_PLACE_ONLY = re.compile(
    r"(?:那么?|要是|如果|换成?|改成?|我?(?:在|是|住)?|和|呢|的|吗|啊|怎么样|咋样|怎么办|又|[?？。,，!！\s])*"
)


_FORM_WORDS = {"form:confirm": "确认", "form:cancel": "取消", "form:resume": "接着填"}


@dataclass(frozen=True, slots=True)
class Goal:
    """What a choice leads to: an intent and the side of it, the same question for another region, a form, or words
    taken as if the person had typed them."""

    intent: str = ""
    aspect: str = "main"
    region: str = ""
    form: str = ""
    say: str = ""
    remind: str = ""


def goal(choice: str) -> Goal | None:
    """The meaning of a choice's id; None for one that we never offer (it came from outside, trust nothing)."""
    if choice.startswith("region="):
        return Goal(region=choice.removeprefix("region="))
    if choice.startswith("say:"):
        return Goal(say=choice.removeprefix("say:")[:60])
    if choice in _FORM_WORDS:
        return Goal(say=_FORM_WORDS[choice])
    if choice.startswith("form:"):
        name = choice.removeprefix("form:")
        return Goal(form=name) if name in forms() or name.startswith(PREFIX) else None
    if choice.startswith(REMIND):
        return Goal(remind=choice)
    intent, _, aspect = choice.partition("/")
    if intent not in titles() or (aspect and aspect not in ASPECTS and aspect != STEPS):
        return None
    return Goal(intent, aspect or "main")


def picked(inbound: Inbound, state: State) -> str:
    """The id of the choice that a message picks: tapped, or given by number or label; empty when it picks none."""
    if inbound.choice:
        return inbound.choice
    if not state.offered or not 0 < len(inbound.text) <= MAX_LABEL:
        return ""
    said = unicodedata.normalize("NFKC", inbound.text).strip()
    number = _NUMBER.fullmatch(said)
    if number:
        at = _NUMERALS.get(number[1]) or int(number[1])
        return state.offered[at - 1][1] if 1 <= at <= len(state.offered) else ""
    return next((id for label, id in state.offered if label == said), "")


def only_a_place(heard: Understanding) -> bool:
    """Whether a message says nothing but a place (换成慈溪呢): the same question, asked for there."""
    rest = heard.text
    for entity in heard.entities:
        if entity.type != "district":
            return False
        rest = rest.replace(entity.text, "")
    return _PLACE_ONLY.fullmatch(rest.replace("宁波", "").replace("中山", "")) is not None and len(heard.text) <= 16


def city(said: str, knowledge: Knowledge) -> str | None:
    """The key of a city of ours that is named; districts come as entities."""
    for key in ("ningbo", "zhongshan"):
        if key in knowledge.regions and knowledge.regions.regions[key].short in said:
            return key
    return None


_ASPECTS = (
    ("fee", r"(?:贵不贵|要?多少钱|收费吗?|要钱吗?|要不要钱|费用|免费吗?|要花(?:多少)?钱吗?|什么价|几多钱|咋收费)"),
    ("papers", r"(?:要?带(?:什么|啥|哪些)(?:东西|材料|证件)?|(?:要|需要)(?:什么|啥|哪些)(?:材料|资料|证件|手续|东西)|材料(?:有哪些|是什么)?|准备(?:什么|啥|哪些).{0,4})"),
    ("where", r"(?:在|去|到)?(?:哪里|哪儿|哪|啥地方|什么地方|哪个地方|哪边)(?:办|弄|交|申请|办理|搞)?|(?:地址|窗口)(?:在哪里?|是哪里?)?"),
    ("time", r"(?:要)?(?:多久|多长时间|几天|多少天|几时能?好|啥时候能好|什么时候能(?:办)?好|多久能(?:办)?(?:好|下来|拿到))"),
    ("proxy", r"(?:能|可以|可不可以|能不能)?(?:不可以)?(?:请|找|让)?(?:别人|家里人|家人|朋友|老公|老婆|老乡)?(?:代办|帮我?办|代领|替我?办)"),
    ("online", r"(?:能|可以|可不可以|能不能)?(?:在)?(?:网上|手机上?|线上)(?:能|可以)?(?:办|弄|申请|搞)?"),
    ("penalty", r"(?:会|要)?(?:不会)?(?:被)?罚(?:款|钱)?(?:多少)?|(?:过期|晚|迟)了?会?怎么?样"),
    ("deadline", r"(?:什么时候|啥时候|几号|哪天)(?:办|去|截止|开始|之前)?|期限(?:是)?(?:多久)?"),
    ("who", r"(?:我)?(?:弟弟?|妹妹?|哥哥?|姐姐?|老婆|老公|爸妈?|妈妈?|爱人|对象|孩子|娃|小孩|父母|老乡|朋友|同事|家里人)(?:也|都)?(?:能|可以|行)(?:不能)?(?:办|弄|用)?"),
)  # fmt: skip
_BEFORE = r"(?:那|那么|这个|这|它|请问|办这个|办|弄|弄这个|你说的|这事|还有|我想问|再问|的话)*"
_AFTER = r"(?:的|吗|啊|呢|嘛|不|吧|了|么|行吗|行不行|[?？。,，!！ ])*"
_SIDES = tuple((aspect, re.compile(_BEFORE + f"(?:{words})" + _AFTER)) for aspect, words in _ASPECTS)


def side(text: str) -> str:
    """The side of the last topic that a short message asks for (贵不贵, 在哪办, 我弟弟也行吗); empty for none."""
    said = unicodedata.normalize("NFKC", text).strip()
    if len(said) > 16:
        return ""
    return next((aspect for aspect, pattern in _SIDES if pattern.fullmatch(said)), "")


_START = re.compile(
    r"(?:帮我?|给我|替我|我要|我想|我来|想|要|怎么)?(?:在这里?|现在|直接)?(?:登记|投诉|举报|报名|申请|填(?:表|一?个表)?|填一下|预约|约(?=个|一个|一下|一次|心理)|算(?:一下|一算|算)?|测(?:一下|一测|算)|上报|报案|立案|提交|提醒)"
)
_BARE_START = re.compile(
    r"(?:那|那就|好|好的|行|嗯|可以|来)?[，, ]*(?:请|麻烦)?(?:你|您)?(?:帮我?|给我|替我|我要|我想|想|要|我来)?(?:现在|直接)?"
    r"(?:登记|投诉|举报|报名|申请|填(?:表|一?个表)?|预约|算|测|提醒|上报|立案|提交|办)(?:一下|一个|看看|上|它|他|他们|这个)?[吧啊呗了嘛。！! ]*"
)
_ASKING_HOW = re.compile(r"怎么|怎样|咋|如何|哪里|哪儿|在哪|多少|什么|啥|吗|？|\?")


def wants_form(text: str) -> bool:
    """Whether a message asks to have something filed, computed or booked here and now, not how it is done."""
    return wants_sum(text) or (_START.search(text) is not None and _ASKING_HOW.search(text) is None)


def bare_start(text: str) -> bool:
    """Whether a message asks to start without saying what: it means the last subject."""
    return _BARE_START.fullmatch(text.strip()) is not None


def names_a_case(text: str) -> bool:
    """Whether a message holds a case's number."""
    return CASE_NUMBER.search(text.upper()) is not None


_SUM = re.compile(r"算一?下|算一?算|测一?下|测一?测|估算?一?下|帮我?(?:算|测|估)|给我(?:算|测|估)|看看?我(?:能|够|符)")


def wants_sum(text: str) -> bool:
    """Whether a message asks to have something worked out."""
    return _SUM.search(text) is not None
