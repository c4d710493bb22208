"""Low spirits, and people in danger."""

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
    "我在。工作人员已经收到警报，正在赶来跟您说话。\n"
    "这几分钟里，请先离开危险的地方，打12356，或者110、120，有人会马上接。",
    "请您先不要一个人待着，去有人的地方，或者给一个您信得过的人打电话。\n"
    "12356、120、110都可以现在打。我们的工作人员会在这里跟您说话。",
    "难受的时候，念头会特别重，但它会过去一些。先撑过这十分钟：喝口水，坐到有人的地方，打12356。\n"
    "马上有危险打110，受伤或吃了药打120。您告诉我您在哪里，好吗？",
)


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


def crisis(times: int) -> Reply:
    """What a person in danger is told; `times` is how often they were told already, and it is never the same twice
    in a row. No menus, no policy, no questions but those that keep somebody safe."""
    text = _FIRST if times == 0 else _AGAIN[(times - 1) % len(_AGAIN)]
    return Reply(text=text, urgent=True, handoff=Handoff("psychology", "crisis", urgent=True))
