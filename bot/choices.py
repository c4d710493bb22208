"""Choices: what an id means, which one a message picks, and other small readings of short messages."""

import re
import unicodedata
from dataclasses import dataclass

from bot.message import Inbound
from bot.repair import QUESTION
from bot.sides import KIN
from bot.state import State
from handlers import dwelling
from handlers.calculators import PREFIX, REMIND
from handlers.declared import forms, named_in
from handlers.policy import SIDES
from handlers.registry import titles
from handlers.talk import CASE_NUMBER
from handlers.turn import MAX_LABEL
from intents import Understanding
from knowledge_base import Knowledge

_NUMERALS = {name: number for number, name in enumerate("一二三四五六七八九十", 1)}
_NUMBER = re.compile(
    r"(?:那|我|就|给我|按|再|看|说|问|想|这)*(?:选|选择|第|要|点|回复|办)?\s*(\d{1,2}|[一二三四五六七八九十])\s*(?:个|号|项|条|种)?"
    r"(?:呢|吧|是什么|是啥|怎么(?:办|弄|说)|怎么样|的)?[。.!！？?]?"
)
_ORDINAL = re.compile(r".{0,3}(前|后|上|下)(?:面|边)?(?:那|的)?(?:那)?(?:一)?(?:个|种)(?:的)?[吧。！!]*")
_LAST = re.compile(r".{0,3}最后(?:那)?(?:一)?(?:个|项|条)(?:呢|吧)?[？?。]*")
_PLACE_TALK = (
    r"(?:那边?|那么|那里|这边?|这里|这个|这头|这块|如果|假如|换成?|改成?|到|去|写错了|错了|不对|不|没|我|们|现在|目前|人|家|是|在|住|要|想|问|说|看|查|搬|和|呢|的|话|吗|啊|哦|"
    r"怎么样|咋样|咋办|怎么办|怎么弄|一样|也|都|又|有没有|行不行|可以|能办|办|了|地区|区|市|县|情况|规定|政策|要求|具体|打工|上班|[?？。,，!！\s])*"
)
_PLACE_ONLY = re.compile(
    # what takes any characters (老家四川的) twice at most: among the words around it, it could be read in too many ways
    rf"{_PLACE_TALK}(?:(?:(?:是|都是)?(?:外地|外省|农村|[一-龥]{{2,3}})的?(?:户口|户籍)|老家[一-龥]{{2,3}}){_PLACE_TALK}){{0,2}}"
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
    rate: str = ""
    tell: str = ""
    """A topic to be told about."""


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
        ours = name in forms() or name.startswith((PREFIX, *dwelling.PREFIXES))
        return Goal(form=name) if ours else None
    if choice.startswith(REMIND):
        return Goal(remind=choice)
    if choice.startswith("rate:"):
        return Goal(rate=choice)
    if choice.startswith("tell:"):
        topic = choice.removeprefix("tell:")
        return Goal(tell=topic) if topic in titles() else None
    intent, _, aspect = choice.partition("/")
    if intent not in titles() or (aspect and aspect not in SIDES):
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
    if _LAST.fullmatch(said):
        return state.offered[-1][1]
    if "提醒" in said and len(said) <= 16 and not re.search("不[要用想]|别|什么|怎么|[？?]", said):
        return next((id for _, id in state.offered if id.startswith(REMIND)), "")
    before = _ORDINAL.fullmatch(said) if state.asking == "which" else None
    if before:
        return state.offered[0 if before[1] in "前上" else 1][1]
    return _labelled(said, state)


def _labelled(said: str, state: State) -> str:
    """The choice whose label was typed, whole or but for the small words around it."""
    bare = _SMALL.sub("", said)
    return next((id for label, id in state.offered if label == said or _SMALL.sub("", label) == bare != ""), "")


_SMALL = re.compile(r"^(?:我要|我想|我选|选|点|帮我|想|要|问|就|那)+|[的吧啊呢了。！!，, “”\"]")


def only_a_place(heard: Understanding) -> bool:
    """Whether a message says nothing but a place (换成慈溪呢): the same question, asked for there."""
    rest = unicodedata.normalize("NFKC", heard.text)
    for entity in heard.entities:
        if entity.type != "district":
            return False
        rest = rest.replace(entity.text, "")
    rest = rest.replace("宁波", "").replace("中山", "")
    if len(heard.text) > 20:
        return False
    if _PLACE_ONLY.fullmatch(rest) is not None or (len(rest) >= 2 and little_beside(rest)):
        return True
    return heard.band != "answer" or heard.intent == "out_of_scope" if _LIVES.fullmatch(rest) else False


_LIVES = re.compile(
    r"(?:我|俺|我们|咱)?(?:们|家)?(?:现在|目前)?(?:人)?(?:住在?|在|是|搬到)了?[一-龥]{2,3}(?:街道|镇|乡|村|社区|那边|这边|这里|的)?[啊呢。！!]?"
)
"""Says where one is, down to a town that isn't on file (我住慈溪浒山)."""


_AROUND = re.compile(
    r"我说的是|我是说|说的是|指的是|问的是|我问的|换成|换到|换|改成|改到|要是|如果|假如|倘若|假设|比如|搬到|搬去|搬|那边|那里|那儿|那头|这边|这里|那块|地方|"
    r"多少|几多|几天|多久|怎么样|怎么算|怎么弄|怎么办|咋样|咋办|什么情况|啥情况|什么样|一样|有吗|有没有|现在|目前|打工|上班|做事|干活|做工|的话|人在|就是|情况|政策|规定|工地|厂里|厂子|公司|单位|店里?|学校|宿舍|"
    r"[我你您他她们俺咱这那个的是在到去住呢吗么嘛吧啊呀哦了也都又还也就不没对错问说讲看查算厂人家县市区省镇边头要想能行话，,。？?！!~ ]"
)


def little_beside(rest: str) -> bool:
    """Whether what a message says beside a place's name only says that it is about that place, or whose place it is."""
    return not _AROUND.sub("", KIN.sub("", rest))


def city(said: str, knowledge: Knowledge) -> str | None:
    """The key of a city of ours that is named; districts come as entities."""
    for key in ("ningbo", "zhongshan"):
        if key in knowledge.regions and knowledge.regions.regions[key].short in said:
            return key
    return None


_VERBS = r"(?:报(?=一?下|上去|给)|回电|回个电话|登记|投诉|举报|报名|报个名|报到|申请|填(?:表|一?个表|一?张表)?|预约|约|算|测|上报|报案|立案|提交|提醒|报修|反映|求助|维权|提(?:个|点|一个|一点|条)?(?:意见|建议))"
_START = re.compile(
    rf"(?:(?:帮|给|替)(?:我家)?(?:孩子|小孩|娃|儿子|女儿|我妈|我爸|老婆|老公|家人|爸妈)|帮我?|给我|替我|给他|给她|帮他|帮她|我要|我想|我来|我们要|想要|请|麻烦)(?:你|您|来|去|直接|现在|在这里?|先|把)*(?:给|替|为|向|跟|和)?(?:我|我家|我们|孩子|小孩|娃|儿子|女儿|家里|他|她|街道|社区|你们|政府|部门)*(?:实名|匿名|网上)?{_VERBS}|{_VERBS}(?:一下|一?个)(?!月)|^(?:我|我们|俺)?(?:要|想)?(?:举报|投诉)(?!人|电话|热线|的|信箱|方式|渠道|有|不|会|要|平台|以后|之后|过|没)[^？?吗怎哪么]{{7,}}$|^(?:我|我们|俺|我想|我来)?(?:投诉|举报|反映|提(?:个|点|一个)?(?:意见|建议))(?:一下|个事|个问题|情况)?[：:，, ]|[，, ](?:帮我|给我|我要|要)?(?:登记|投诉|举报|报名|预约|上报)(?:一下)?[。！!]?$|(?:^|[，,。 ])(?:要|想)(?:给(?:我|孩子|小孩|娃|儿子|女儿|家里|他|她))?{_VERBS}"
)
_BARE_START = re.compile(
    rf"(?:那|好|好的|好啊|行|嗯|可以|来|就|要的?|对)*[，, ]*(?:请|麻烦)?(?:你|您)?(?:帮我?|给我|替我|我要|我想|我就|想|要|我来|我)?(?:现在|直接|就|先|也)?"
    rf"(?:(?:{_VERBS}){{1,2}}|办|报)(?:一下|一个|看看|上去?|个名|名)?(?:它|他|她|他们|她|这(?:个|家|件|种)?(?:事|厂|店|老板|单位|公司|房东|人)?(?:情)?|(?:那个|我们?)?(?:老板|厂里|房东|单位|公司))?[吧啊呗了嘛呀。！! ]*|"
    r"(?:那|你|您|你们|[，, ])*(?:能|可以|可不可以|能不能)(?:在这里?|直接|现在|帮我)+(?:登记|投诉|举报|报名|申请|预约|填|报)(?:上去|一下|个名)?(?:吗|么|不)?[？?]?|怎么(?:在这里?)(?:登记|投诉|报名)[？?]?"
)


_OUTRIGHT = re.compile(
    r"(?:登记|报名|上报|举报|预约|投诉|填写?|提交)[^？?吗]{2,10}|[^？?吗怎]{2,8}(?:登记|报名|预约|投诉|举报|申请表)"
)


def wants_form(text: str) -> bool:
    """Whether a message asks to have something filed, computed or booked here and now, not how it is done."""
    if wants_sum(text) or bare_start(text):
        return True
    if _OUTRIGHT.fullmatch(text.strip()) and named_in(text.strip()):
        return True
    if _POLITE.search(text) or wants_call(text) or _SUGGESTS.match(text):
        return True
    return _START.search(text) is not None and QUESTION.search(re.sub("不[？?]?$", "", text)) is None


_SUGGESTS = re.compile(
    r"(?:我|我们|俺|要|想|来|再|给|跟|向|对|你们|政府|街道|社区|领导|您)*(?:提|说|反映)(?:个|点|一个|一点|条|几点|一下)?(?:意见|建议)[：:，,。！! ]+(?=.{4})"
)
"""A suggestion, begun with its name (给你们提个建议：…), whatever is asked in it."""


def named_right_away(text: str, names: tuple[str, ...]) -> bool:
    """Whether the wish itself names the form (登记法律援助, …), whatever the rest is about."""
    return any(re.search(rf"{_VERBS}(?:一?下|一?个)?{re.escape(name)}", text) for name in names)


def wants_call(text: str) -> bool:
    """Whether a message asks to be rung, and is about little else."""
    short = len(re.sub(r"\d", "", text)) <= 40
    return short and _CALL.search(text) is not None and not _RINGS_ALREADY.search(text)


_RINGS_ALREADY = re.compile(
    r"(?:天天|老是|总是|一直|每天|昨天|刚才|刚刚|有人|骗子|陌生|催|讨债|骚扰).{0,8}(?:(?:打|来|回)(?:电话)?给我|打我(?:的)?(?:电话|手机))|(?:打|来)电话(?:给我)?(?:说|讲|骗|要我|叫我|催)|给我打电话(?:说|讲|骗|要我|叫我|催)"
)
"""Somebody rings or rang, which is no wish."""


_SOON = r"(?:今天|明天|后天|大后天|今晚|明晚|(?:下|这|本)?(?:个)?(?:周|星期|礼拜)[一二三四五六日末天]|\d{1,2}[号日]|上午|下午|中午|早上|晚上|傍晚|[\d一二两三四五六七八九十]{1,3}(?:点|[:：]\d\d)(?:半|钟|多)?|到|[以之]?后|左右|再|有空|方便|上班|下班|时候|了|的|[，, ])"
_RINGER = r"(?:工作人员|咨询师|心理老师|心理医生|老师|医生|专家|同志|律师|师傅|调解员|网格员|人工|人|他们|她们|他|她|你们|你|您)"
_RINGS = r"(?:打(?:我|俺)(?:的)?(?:电话|手机|号码)|(?:打|回|来|拨)(?:一?个)?(?:电话)?(?:过来|回来)?给(?:我|俺)|给(?:我|俺)(?:打|回|来|拨)(?:一?个)?(?:电话|过来))"
_CALL = re.compile(
    rf"(?:(?:能不能|可不可以|可以|能|麻烦|请|帮我|要|想|那|就)*(?:叫|让|请|找|派|喊|安排|麻烦|要)(?:一?(?:个|位))?(?:心理|你们)?(?:的)?{_RINGER}|你们?|您|工作人员|^(?:那|那就)?|[，, ])(?:(?:能不能|可不可以|可以|能|麻烦|请|就|直接|在|等|现在)|{_SOON})*{_RINGS}"
    r"|(?:给我|帮我|我想|我要)留(?:一?个)?(?:回电|电话|号码)|(?:请|叫|让|找|要|安排)(?:一?(?:个|位))?(?:工作人员|咨询师|心理老师|老师|人)(?:给我)?回(?:个)?电(?:话)?"
)
"""A wish to be rung."""
_POLITE = re.compile(
    rf"(?:能|可以|可不可以|能不能|可否|麻烦|请|你)(?:你|您|麻烦|请|不能|在这里?|直接|现在)*(?:帮|给|替)(?:我|俺|我们|我家|他|她|孩子)?.{{0,8}}?{_VERBS}(?:上去|一下|一个|上|下|个名|(?:一下|一?个)?.{{0,4}}(?:调解|救助|援助|培训|求职|意见|意向|咨询))?(?:吗|么|不|嘛|行不行|好吗)?[？?。]?$"
)
"""A wish said as a question (能帮我投诉吗)."""


def beyond_the_wish(text: str) -> str:
    """What a message tells beside its wish to file something (我要提意见：路灯坏了 → 路灯坏了)."""
    if lead := _SUGGESTS.match(text):
        return text[lead.end() :].strip(" ，,。：:！!")
    found = _START.search(text)
    rest = f"{text[: found.start()]} {text[found.end() :]}" if found else text
    rest = re.sub(
        r"(?:^|(?<=[，,。 ]))(?:我|我们|俺)?(?:也|再|来|就|想|要)*(?:跟|给|向|和|同)(?:你|您|咱)们?(?:说|讲)?(?= |$)",
        "",
        rest,
    )
    rest = re.sub(r"[，,。 ]+(?=[，,。])", "", rest)
    rest = rest.strip(" ，,。：:；;、！!的").removeprefix("说").strip(" ，,：:")
    return re.sub(r"^(?:一?[个件]|这个|点)?(?:事情?|问题|情况)[，,：:。 ]+", "", rest)


def bare_start(text: str) -> bool:
    """Whether a message asks to start without saying what: it means the last subject."""
    return _BARE_START.fullmatch(text.strip()) is not None


_ABOUT_ONESELF = re.compile(r"1\d{10}|我(?:叫|姓|的名字|名字)|(?:电话|手机)|^在|[村路街镇号幢栋弄]")


def starts_and_tells(text: str) -> bool:
    """Whether a message asks to start without saying what, and then tells who and where one is (那帮我报上去，我叫…)."""
    first, *rest = [clause for clause in re.split(r"[，,。；;！!？? ]+", text.strip()) if clause] or [""]
    told = "，".join(rest)
    return bool(told) and bare_start(first) and _ABOUT_ONESELF.search(told) is not None and not wants_form(told)


_MY_CASE = re.compile(
    r"刚(?:才|刚)?(?:报|提|交|登记|投诉|举报|申请|反映|填)(?:上去|好)?的.{0,6}(?:到哪|办到|处理|进展|进度|怎么样|咋样|哪一步|弄好|受理)|"
    r"(?:上次|上回|之前|前几天|前天|昨天|以前|上个?月|上个?(?:星期|礼拜)|早先|我).{0,10}(?:报|提|交|登记|投诉|举报|申请|反映)(?:过|了|的).{0,10}"
    r"(?:办到|处理|进展|进度|(?:有|出)(?:没有)?结果|下文|回音|怎么样了|咋样了|哪一步|(?:弄|修|办|解决|整|搞|批|补|换)(?:好|完|掉|下来)?了?(?:没有?|吗|么|不|嘛)[？?。]*$)"
)


def asks_for_case(text: str) -> bool:
    """Whether a message asks what has become of something filed before (上回报过一个，办到哪一步了)."""
    return len(text) <= 30 and _MY_CASE.search(text) is not None


def names_a_case(text: str) -> bool:
    """Whether a message holds a case's number."""
    return CASE_NUMBER.search(text.upper()) is not None


_SUM = re.compile(
    r"算一?下|算一?算|测一?下|测一?测|估算?一?下|帮我?(?:算|测|估)|给我(?:算|测|估)|看看?我(?:能|够|符)|(?:帮我?|给我?|替我)看(?:看|一?下)?(?:我|我们|我家)?(?:够不够|符不符合|能不能|够|符合|合不合|有没有资格|有多少分)"
)


def wants_sum(text: str) -> bool:
    """Whether a message asks to have something worked out."""
    return _SUM.search(text) is not None
