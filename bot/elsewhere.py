"""The same question for another place: a district, a city or a province, of ours or not."""

import re
from dataclasses import replace

from bot import choices, repair
from bot.answering import answer
from bot.message import Reply
from bot.situation import Decision, Situation, offering
from handlers import talk
from intents import Understanding

_PROVINCES = {"广东": "guangdong", "浙江": "zhejiang"}
_NEIGHBOURS = {
    "zhejiang": "杭州|温州|绍兴|嘉兴|湖州|金华|义乌|台州|舟山|丽水|衢州",
    "guangdong": "广州|深圳|佛山|东莞|珠海|江门|惠州|肇庆|汕头|湛江|茂名|清远|韶关",
    "national": "北京|上海|天津|重庆|苏州|南京|无锡|常州|合肥|武汉|成都|长沙|郑州|西安|南昌|福州|厦门|泉州|济南|青岛|"
    "江苏|安徽|江西|福建|湖南|湖北|河南|河北|山东|山西|陕西|四川|贵州|云南|广西|海南|甘肃|青海|宁夏|新疆|西藏|内蒙古?|"
    "辽宁|吉林|黑龙江",
}
_OTHERS = tuple((key, re.compile(names)) for key, names in _NEIGHBOURS.items())


def place_of(s: Situation, heard: Understanding) -> str | None:
    """The region key of a district or city named in the message, if it is one of ours; not one that is denied."""
    pair = repair.NOT_BUT.search(heard.text)
    gone = (pair["old"] or pair["old2"] or "") if pair else ""
    for entity in heard.entities:
        if entity.type == "district" and entity.text not in gone:
            return s.knowledge.regions.of_name(entity.value)
    return choices.city(heard.normal, s.knowledge)


def about_place(s: Situation, heard: Understanding) -> Decision | None:
    """Nothing but a place: the same question asked for there, or a place to remember."""
    place = place_of(s, heard)
    if not place:
        return _about_stranger(s, heard)
    if not (choices.only_a_place(heard) or _put_right(s, heard)):
        return None
    if s.state.topic and (s.inbound.kind != "location" or s.state.asking):
        own = s.knowledge.main(s.state.topic, place, s.now.date())
        told = s.knowledge.articles.get(s.state.shown)
        plain = own is not None and own.region == place and told is not None and told.aspect == "main"
        again = s.state.asked if s.inbound.kind == "text" and not plain else ""
        return replace(answer(s, s.state.topic, s.state.aspect, region=place, text=again), region=place)
    name = s.knowledge.regions.name(place)
    reply = Reply(text=f"好，记住了，您在{name}。您想在{name}办什么事？", choices=talk.START)
    return Decision("question", (reply,), offering(s.state, reply), heard.intent, "greet", region=place)


_MIND = re.compile(r"改主意|变(?:了)?主意|说错|写错|搞错|弄错|打错|讲错|记错")


def _put_right(s: Situation, heard: Understanding) -> bool:
    """Whether a message only puts right which place is meant (说错了，我们家在奉化不在海曙)."""
    unsure = heard.band != "answer" or heard.intent in ("out_of_scope", "cancel", "deny", "residence_update")
    return (
        bool(s.state.topic)
        and unsure
        and _MIND.match(heard.text.strip("哦噢啊，, ")) is not None
        and len(heard.text) <= 24
        and not repair.asks(heard.text)
    )


def _about_stranger(s: Situation, heard: Understanding) -> Decision | None:
    """The same question for a province, or for a city that isn't ours: what holds there too, and who knows the rest."""
    if not s.state.topic or s.inbound.kind != "text" or len(heard.text) > 20:
        return None
    ours = next(((name, key) for name, key in _PROVINCES.items() if name in heard.normal), None)
    found = [(named[0], key) for key, names in _OTHERS if (named := names.search(heard.normal))]
    name, key = ours or (found[0] if len(found) == 1 else ("", ""))
    if not name or key not in s.knowledge.regions or not choices.little_beside(heard.text.replace(name, "")):
        return None
    decision = replace(answer(s, s.state.topic, s.state.aspect, region=key, text=s.state.asked), region=None)
    if ours:
        return decision
    wide = "全国" if key == "national" else f"{s.knowledge.regions.name(key)}全省"
    lead = f"{name}本地的细则我这里没有，请打当地的12345问。{wide}的规定是这样："
    first, *rest = decision.replies
    return replace(decision, replies=(replace(first, text=f"{lead}\n{first.text}"), *rest))
