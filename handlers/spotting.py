"""What a message tells beside what was asked: a firm's name, a place, how many people, a kind of trouble.

A form asks one thing at a time, but people tell three. What a slot's `signs` find in the message fills it, and what is
left over is the answer to the question that was asked.
"""

import re
from collections.abc import Iterable

from handlers.slots import Slot, entity_type, signed, when
from intents import Entity
from intents.numerals import NUMERAL, parse

_MARKS = r"有限公司|公司|工厂|厂|店|集团|工地|酒店|饭店|宾馆|餐厅|饭馆|超市|工程队|施工队|装修队|安装队|维修队|劳务队|包工队|项目部|会所|车间|学校|医院|物流"
_FIRM = re.compile(rf"[一-龥A-Za-z0-9（）()·]{{1,22}}?(?:{_MARKS})(?!子|里|上)")
_NO_NAME = re.compile(
    rf"(?:这|那|哪|我们?|他们?|你们?|俺们?|一|个|家|的|老板|之前|原来|现在|以?前|附近|外资|私人|小|大|新|老|本|该|某|别|不|欠薪|单位|"
    rf"打工|上班|干活|要|想|告|投诉|举报|起诉|登记|反映|黑心|拖欠|每|几|两|多|进|从|跟|和|去|找|电子|服装|五金|塑料|模具)*(?:{_MARKS})"
)
_SOME = re.compile(r"^.*(?:一|某|哪)[个家]")
"""What comes before “a factory” without a name."""
_HEAD = re.compile(r"^.*(?:在|的|叫做?|是|给|到|去|从|于|进|位于|就是|被|把|单位|名字|老板|应该是|，|,)(?=.{2})")
_TAIL = re.compile(
    r"(?:的|那边|那里|这边|这里)?(?:干活|上班|打工|做事|工作|做工|干|做|出的?事|受的?伤|发生|住|租房?|租).*$"
)
_FURTHER = re.compile(
    r"[，,、 ]{1,2}(?![一-龥]{0,3}(?:叫|电话|手机|老板|工资|欠))[一-龥A-Za-z\d]{0,12}(?:路|街|巷|弄|村|新村|小区|公寓|花园|大厦|宿舍|\d+号|(?:\d+|[一二三四五六七八九十]+)[幢栋室楼层]|[幢栋]\d+|旁边|对面|门口|附近|后面|路口|边上)(?![一-龥]*码)[一-龥\d-]{0,14}(?=[，,。；;！!？?、\n ]|$)"
)
"""The rest of an address, after a pause."""
_AT = re.compile(r"(门口|旁边|对面|附近|路口|边上|隔壁)(?!那?[条个]?[路街巷弄村]).+$")
"""Where a place ends and what happens there begins (菜场门口那个公厕锁门)."""
_CLAUSE = re.compile(r"[^，,。；;！!？?、\n ]+")
_FILLERS = re.compile(
    r"(?:[，,。；;！!？?、:：\s]|我们|俺们|咱们|我|是|的|了|吧|啊|呢|嗯|哦|在|有|就|大概|大约|差不多|一共|总共|左右|多|欠|电话|手机号?|号码|日期|联系|今天|"
    r"那个?|这个?|然后|还有|另外|应该|可能|好像|从|到|住|想|要|给|也|都|工资|块钱|元)+"
)


def spotted(slot: Slot, text: str, entities: Iterable[Entity]) -> str:
    """What `text` tells about a slot that wasn't asked for; empty for nothing sure."""
    if slot.kind == "text" and slot.signs == "firm":
        return firm(text)
    if slot.kind == "text" and slot.signs == "place":
        return place(text, entities)
    if slot.kind == "text" and slot.signs.startswith("="):
        found = re.search(slot.signs[1:], text)
        return found[0] if found else ""
    if slot.kind == "text" and slot.signs:
        return "，".join(clause for clause in _CLAUSE.findall(text) if re.search(slot.signs, clause))
    if slot.kind == "yes_no" and slot.signs:
        return signed(slot.signs, text)
    if slot.kind == "number" and slot.signs:
        return counted(slot.signs, text)
    if slot.kind in ("months", "date", "amount") and slot.signs:
        return beside(slot, text, entities)
    if slot.kind == "choice" and slot.signs == "when":
        return when(slot, text)
    if slot.kind == "choice" and slot.signs:
        hits = [label for label, words in slot.options if any(w in text for w in (label, *words) if len(w) > 1)]
        return hits[0] if len(hits) == 1 else ""
    return ""


def beside(slot: Slot, text: str, entities: Iterable[Entity]) -> str:
    """The value named beside one of the slot's signs, before another one (社保交了5年，住了6年); empty for none."""
    named = [e for e in entities if e.type == entity_type(slot)]
    for sign in re.finditer(slot.signs, text):
        after = next((e for e in named if 0 <= e.start - sign.end() <= 8), None)
        before = next((e for e in reversed(named) if 0 <= sign.start() - e.end <= 3), None)
        for found in (after, before):
            if found and not re.search("[，,。；;]", text[min(found.end, sign.end()) : max(found.start, sign.start())]):
                return found.value
    return ""


def firm(text: str) -> str:
    """The name of a firm, a shop or a site; empty where only “the firm” is spoken of."""
    for found in _FIRM.finditer(text):
        name = _SOME.sub("", _HEAD.sub("", found[0]))
        if len(name) >= 3 and not (_NO_NAME.fullmatch(name) or name.endswith("西店")):  # 西店 is a town
            return name
    called = _CALLED.search(text) or _BOSS.search(text) or _TRADE.search(text)
    return _HEAD.sub("", called["name"]) if called else ""


_CALLED = re.compile(
    r"(?:厂里|厂子|厂名|工厂|厂|公司|单位|店|老板的店|工地)(?:的?名字)?(?:就)?叫(?:做)?(?P<name>[一-龥A-Za-z]{3,15})(?=[，,。；; ]|$)"
)
"""A firm whose name has no sign of one (厂里叫鸿达制衣)."""
_BOSS = re.compile(r"(?:老板|包工头|工头)(?:的?名字)?(?:就)?叫(?:做)?(?P<name>[一-龥]{2,4})(?=[，,。；; ]|$)")
_TRADE = re.compile(
    r"(?:^|[，, ]|在|叫|给|的)(?:[一-龥]{2,6}的)?(?P<name>(?:(?![做干学搞想要我你他找])[一-龥]){2,6}(?:机械|五金|电器|制衣|服饰|塑料|模具|纺织|汽配|家具|食品|包装|印刷|建筑|物业|保洁|水产|餐饮|装修|装饰|建材|化工|鞋业|皮革|实业|科技))(?=[，,。；; ]|$|[做干]|上班|打工)"
)
"""A firm named after its trade (宏盛机械)."""


def place(text: str, entities: Iterable[Entity]) -> str:
    """An address: from the district or town it names to the end of the clause; empty when it tells no more than that."""
    for entity in entities:
        if entity.type != "district":
            continue
        clause = _CLAUSE.match(text, entity.start)
        if clause is None:
            continue
        whole = clause[0]
        while further := _FURTHER.match(text, entity.start + len(whole)):  # 浒山街道 新江路25号
            whole += further[0]
        said = _TAIL.sub("", whole)
        said = _AT.sub(r"\1", said)
        named = _FIRM.search(said)
        name = firm(said) if named else ""
        if name:
            said = said[: said.rfind(name)]
        said = said.rstrip("的了吧呢啊这那给跟在")
        if name and said.startswith(entity.text):
            return said  # 海曙区的鑫达服装厂 tells where, if no more finely
        longer = len(said) > len(entity.text) + 1 or entity.value[:2] not in said
        if longer and len(said) >= 3:
            return said
    return ""


JUST_ME = re.compile(r"(?:就|只有?|光)(?:是|欠|拖)?(?:我|俺)(?:自己|本人)?(?:一个人?|一人)?(?:$|[，,。；; ]|被|没)")


def counted(signs: str, text: str) -> str:
    """A number right before one of the signs (`5个人`); one person alone is a way of speaking, not a number."""
    if "人" in signs and JUST_ME.search(text):
        return "1"
    if re.search(rf"[一1](?:{signs})(?:都|也)没|没(?:有)?.{{0,2}}过(?:[一1](?:{signs}))?$", text):
        return "0"
    kinds = (
        [parse(n) for n in re.findall(rf"({NUMERAL})\s*个?(?:大人|小孩|孩子|娃|老人)", text)] if "人" in signs else []
    )
    if len(kinds) >= 2 and all(kinds):
        return str(int(sum(n for n in kinds if n)))
    found = re.search(rf"({NUMERAL})\s*(?:{signs})", text)
    value = parse(found[1]) if found else None
    return str(int(value)) if value is not None and 1 < value < 100_000 and value == int(value) else ""


def words_of(slot: Slot, text: str, value: str) -> str:
    """The words of `text` that `spotted` took a value from."""
    if slot.kind == "yes_no":
        found = re.search(rf"[^，,。；;]*(?:{slot.signs})[^，,。；;]*", text)
        return found[0] if found else ""
    if slot.kind == "number":
        found = re.search(rf"(?:{NUMERAL})\s*(?:{slot.signs})", text)
        return found[0] if found else ""
    return value if value in text else ""


def leftover(text: str, used: Iterable[str]) -> str:
    """What remains of a message when what filled other slots is taken out; empty when nothing is said by it."""
    rest = []
    for clause in _CLAUSE.findall(text):
        left = clause
        for part in used:
            left = left.replace(part, " ") if part else left
        cut = left != clause
        left = left.strip()
        if _FILLERS.sub("", left).strip() and not (cut and (len(left) <= 3 or left.endswith(("在", "是", "有", "叫")))):
            rest.append(clause if not cut else left)
    return re.sub(r"^(?:他|她|老板|单位|名字)?(?:就)?(?:叫做?|是)(?=.{2})", "", "，".join(rest)).strip(
        "，,。；;、 \n的"
    )
