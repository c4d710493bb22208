"""Low spirits, and people in danger."""

import re
from dataclasses import replace

from handlers import policy
from handlers.registry import handles
from handlers.turn import Choice, Handoff, Reply, Turn

_FIRST = (
    "听到您这么说，我很担心您。您愿意说出来，这一步很重要。\n"
    "请现在就打电话：\n"
    "12356 心理援助热线（没接通就打下面两个，都是24小时）\n"
    "120 已经受伤、吃了药\n"
    "110 马上有危险\n"
    "如果身边有人，请让他陪着您，把刀、药、绳子拿远一点。\n"
    "我已经叫了我们的工作人员，他会在这里找您。您现在安全吗？身边有人吗？"
)
_AGAIN = (
    "我在。警报已经发给我们的工作人员，有人上来就在这里跟您说话。\n"
    "现在，请先离开危险的地方，打12356，或者110、120，有人会马上接。",
    "请您先不要一个人待着，去有人的地方，或者给一个您信得过的人打电话。\n"
    "12356、120、110都可以现在打。我们的工作人员会在这里跟您说话。",
    "难受的时候，念头会特别重，但它会过去一些。先撑过这十分钟：喝口水，坐到有人的地方，打12356。\n"
    "马上有危险打110，受伤或吃了药打120。您告诉我您在哪里，好吗？",
)

_OF_ANOTHER = (
    "您做得对，别让他一个人。\n"
    "请现在就打110：说清他在哪里、叫什么、出了什么事，请警察去找人。已经受伤、吃了药，打120。\n"
    "打得通就陪他说着话，不争、不骂；离得近的人马上过去，把刀、药、绳子拿远。\n"
    "怎么劝，可以打12356心理援助热线问。我已经叫了我们的工作人员，他会在这里找您。他现在在哪里？",
    "把地址、他叫什么告诉110，让他们去找人；在宿舍、出租房里的，叫舍管、房东一起去开门。\n"
    "受伤、吃了药打120；怎么劝他，打12356问。我们的工作人员会在这里跟您说话。",
    "报警救人是对的，别怕他怪您。找到以前一直给他打电话、发消息，叫离得近的人过去；找到以后别让他一个人，陪他去医院。\n"
    "110、120、12356都可以现在打。",
)
ANOTHER = "another"
"""Kept for the next message: it was somebody else who is in danger."""
_SOMEBODY = re.compile(
    r"(?:室友|舍友|工友|同事|老乡|朋友|闺蜜|老公|老婆|丈夫|媳妇|男友|女友|对象|儿子|女儿|孩子|囡囡|我妈|我爸|爸爸|妈妈|[弟妹哥姐]|邻居|隔壁|"
    r"同学|房客|租客|徒弟|有人|那个?人|他|她).{0,16}(?:说|讲|发|写|留|要|想|不肯|不接|关机|联系不上|找不到|跳|割|吃了|喝了|站|坐|爬|把自己|死)"
)
_ONESELF = re.compile(
    r"我(?:自己|也|就|真的?|都|已经|实在|现在|是|今晚|早|好|又|还|有时候|[，, ])*(?:不想|不活|活不|想死|要死|去死|撑不|想跳|想走|解脱|熬不|不如|没活|活够|恨不得|准备|打算|买好|吃了|喝了|割)"
)
_MEANS = tuple(
    (re.compile(words), said)
    for words, said in (
        ("药|百草枯|敌敌畏", "把药交给身边的人，或者放到拿不到的地方；已经吃了，马上打120，别等。"),
        ("楼顶|天台|阳台|窗|栏杆|桥|江边|河边|海边|水库|塔吊|跳", "请先往后退，离开边上，走到有人的地方。"),
        ("刀|割", "把刀放下、拿远；流血了用干净的布压紧，打120。"),
        ("炭|煤气", "马上打开门窗，走到外面去。"),
        ("绳|上吊", "把绳子扔掉，走到有人的地方去。"),
    )
)


def of_another(text: str) -> bool:
    """Whether words of danger are about somebody else."""
    return _SOMEBODY.search(text) is not None and _ONESELF.search(text) is None


def of_oneself(text: str) -> bool:
    """Whether they are about the writer."""
    return _ONESELF.search(text) is not None


@handles("psych_support")
def psych_support(turn: Turn) -> Reply:
    """Comfort first, then the hotline and a counsellor."""
    reply = policy.answer(turn)
    sides = tuple(choice for choice in reply.choices if choice.id != "human_agent")
    return replace(reply, choices=(Choice("找心理咨询师聊聊", "human_agent"), *sides[:3]))


@handles("psych_crisis")
def psych_crisis(turn: Turn) -> Reply:
    """Numbers and a person at once; no menu, no policy."""
    return crisis(0)


def crisis(times: int, text: str = "", *, another: bool = False) -> Reply:
    """What a person in danger, or who knows of one (`another`), is told; `times` is how often they were told already, and
    it is never the same twice in a row. A means named in `text` comes first. No menus, no policy, no questions but those
    that keep somebody safe."""
    if another:
        said = _OF_ANOTHER[0 if times == 0 else 1 + (times - 1) % 2]
    else:
        said = _FIRST if times == 0 else _AGAIN[(times - 1) % len(_AGAIN)]
        lead = next((line for words, line in _MEANS if words.search(text)), "")
        said = f"{lead}\n{said}" if lead else said
    return Reply(
        text=said,
        urgent=True,
        handoff=Handoff("psychology", "crisis", urgent=True),
        pending=(ANOTHER,) if another else (),
    )
