"""What is said about the filling itself: stop, later, again, why, back, how much is left."""

import re
from dataclasses import replace

from bot import asking, choices, repair
from bot.asking import Message, Progress, Step, ask, question, resume, wanted
from bot.message import Reply
from handlers import calculators, slots, talk
from handlers.declared import Form

_GIVES_UP = re.compile(r"取消|算了|退出|停|不.{1,4}了|别.{1,3}了|作废|撤")


_AT_LAST = re.compile(
    r"(?:算了|唉|哎|那)[^？?]{0,16}?(?:先|就|我|[，, ])*不(?:弄|填|办|搞|报|投诉|登记|写|提|举报)了[吧啊呀。！! ]*"
)
"""Gives up, with the reason told in between (算了我要上班去，先不弄了)."""
_REASON = re.compile(
    r"(?:我|等|我们|先|再|回去|回家|回头|下次|以后|晚点|改天)*(?:问问|问一下|跟|和|同|商量|考虑|想想|再说|回头|下次|以后|改天|等|没空|太(?:麻烦|多|远)|不想|不需要)"
)
"""Why somebody stops (我问问我老婆, 下次再说)."""
_CHANGES = re.compile(r"改(?:成|为|到|作|一下)|换(?:成|个)|还是(?!算|不)")
"""Another answer, not the end (算了还是改成晚上)."""


_REMIND = re.compile("提醒我?|通知我|叫我一声")


def steered(form: Form, progress: Progress, m: Message) -> Step | None:
    """What is said about the filling itself."""
    said = m.said
    first, _, reason = re.sub(r"[。；;!！ ]", "，", said).partition("，")
    person = m.heard.intent == "human_agent" and repair.PERSON.search(reason) is not None
    if person and (repair.CANCEL.fullmatch(first) or repair.LATER.fullmatch(first)):  # 先不填了，我要找人工
        text = f"“{form.title}”先不填了，什么都没有提交，填好的给您留着。"
        return Step(Reply(text=text), None, dropped=progress, person=True)
    ended = repair.CANCEL.fullmatch(first) is not None and not repair.plainly_asks(reason) and bool(reason)
    ended = ended and (
        (m.heard.intent == "cancel" and m.heard.band == "answer") or bool(_REASON.match(reason.lstrip("，")))
    )
    if (
        repair.CANCEL.fullmatch(said)
        or (ended and not _CHANGES.search(said))
        or (repair.given_up(said) and not _CHANGES.search(said))
        or (_AT_LAST.fullmatch(said) and not _CHANGES.search(said))
        or (_GIVES_UP.search(said) and m.heard.intent == "cancel" and len(said) <= 10 and not _CHANGES.search(said))
    ):
        text = f"好的，“{form.title}”不填了，什么都没有提交。想再填，说“接着填”。"
        return Step(Reply(text=text), None, dropped=progress, cancelled=True)
    later = repair.LATER.fullmatch(first) is not None and len(first) >= 3 and not re.search(r"\d", said)
    if repair.LATER.fullmatch(said) or (later and not repair.asks(reason)):
        text = f"好，“{form.title}”给您留着，填好的都在。想接着填的时候，说“接着填”。"
        return Step(Reply(text=text), None, dropped=progress)
    if repair.again(said) or repair.RESUME.fullmatch(said):
        return ask(form, progress, m.now, "好，我再说一遍。" if repair.again(said) else f"好，回到“{form.title}”。")
    if _id_only(m):
        return ask(form, progress, m.now, "这张表用不着身份证号。")
    rung = choices.wants_call(said) and len(said) <= 14 and not re.search(r"\d", said) and form.name != "call_back"
    if rung and not form.name.endswith("_appointment"):
        return Step(ask(form, progress, m.now).reply, progress, aside=True)
    if repair.WAIT.fullmatch(said) and not repair.plainly_asks(said):
        return Step(Reply(text="好，不急，您先忙，好了再接着发给我。", asking="slot"), progress)
    if repair.shows(said):
        return ask(form, progress, m.now, "\n".join(["您填到这里：", *asking.so_far(form, progress, m.now)]))
    if repair.LEFT.fullmatch(said):
        left = sum(
            not progress.value(s.name) and s.name not in progress.skipped and s.kind != "photo"
            for s in wanted(form, progress, m.today)
        )
        return ask(form, progress, m.now, f"还有{left}项，很快就好。")
    if repair.ID_WHY.fullmatch(said):
        return ask(form, progress, m.now, talk.ID_WHY)
    if repair.WHY.fullmatch(said) and re.search("电话|手机|号码", said) and any(s.kind == "phone" for s in form.slots):
        return ask(form, progress, m.now, "留电话是为了有进展好联系您、告诉您结果，只给经办的工作人员用。")
    if repair.WHY.fullmatch(said):
        return ask(
            form, progress, m.now, asking.why(form, progress, m.today, private=repair.PRIVATE.search(said) is not None)
        )
    if repair.BACK.fullmatch(said):
        return _back(form, progress, m)
    dated = any(c.remind and f":{c.topic}:" in f":{form.name}" for c in calculators.calculators())
    if repair.TELL.search(said) and not dated and not re.search(r"\d{5}", said) and len(said) <= 24:
        return Step(ask(form, progress, m.now, f"回到“{form.title}”：").reply, progress, aside=True)
    if choices.asks_for_case(said):
        return Step(ask(form, progress, m.now, f"回到“{form.title}”：").reply, progress, aside=True)
    if dated and _REMIND.search(said) and not re.search(r"不|别|\d", said):
        return ask(form, progress, m.now, "好，算出日子来，点一下就能提醒您。")
    if repair.COURTESY.fullmatch(said) or (repair.THANKS.fullmatch(said) and len(said) <= 16 and not form.told):
        return Step(ask(form, progress, m.now, f"“{form.title}”还差这一步：").reply, progress, aside=True)
    if len(said) <= 20 and _AT_A_LOSS.search(said):
        text = "不难：我问一样您答一样，大概说就行。不想自己填，说“找工作人员”，他来帮您填。"
        return ask(form, progress, m.now, text)
    if (unwilling := _unwilling(form, progress, m)) is not None:
        return unwilling
    if repair.PERSON.search(said) and (len(said) <= 16 or (len(said) <= 30 and _IMPATIENT.search(said))):
        return Step(ask(form, progress, m.now, "回到刚才的表：").reply, progress, aside=True, person=True)
    return None


_AT_A_LOSS = re.compile("(?:怎么|咋|不会|不知道(?:怎么|咋)|不晓得(?:怎么|咋))填|(?:有没有)?人教我|教教我")
"""Doesn't know how to fill it in."""
_HAS_TO = re.compile("要不要|必须|一定|非要|是不是|用不用|需不需要|要(?:留|填|写)(?:吗|不|么|伐)")
_IMPATIENT = re.compile("烦|没完没了|问个不停|问来问去|问问问|别问|受不了|急死|气死|火大|不想说|不跟你")
_NO_NUMBER = re.compile(
    r"(?:那|我|能|可以|可不可以|能不能|行不行|是不是|也|就|[，, ])*(?:不|别)(?:想|要|用|方便|愿意?|可以|能)?(?:留|写|填|给|说|报)(?:我)?(?:的)?(?:电话|手机|号码|手机号|联系方式)(?:号码?)?(?:可以|行|能|也|了|吗|嘛|么|不|吧|伐|啊|呢|[，,。？?！! ])*|"
    r"(?:我)?(?:的)?(?:电话|手机|号码|手机号|联系方式)(?:号码?)?(?:就|都|也|能|可以|可不可以|能不能|是不是|一定|必须|要|非要|得|[，, ])*(?:不|别)?(?:想|要|用|方便|愿意?)?(?:留|写|填|给|说|报)(?:可以|行|了|吗|嘛|么|不|吧|伐|啊|呢|的|[，,。？?！! ])*"
)
"""Whether a number has to be left, or that it won't be (可以不留电话吗, 电话必须留吗)."""


def _unwilling(form: Form, progress: Progress, m: Message) -> Step | None:
    """Somebody would rather leave no number: told whether that can be, and it is left open where it can."""
    slot = next((s for s in form.slots if s.kind == "phone"), None)
    if slot is None or re.search(r"\d", m.said) or _NO_NUMBER.fullmatch(m.said) is None:
        return None
    if not slot.optional:
        if progress.value(slot.name):
            return ask(form, progress, m.now, "号码要留一个，不然没人能找到您；只给经办的工作人员用，不告诉别人。")
        text = "这张表要留一个号码，不然没人能找到您；只给经办的工作人员用，不告诉别人。实在不想留，可以直接打12345说。"
        return ask(form, progress, m.now, text)
    if _HAS_TO.search(m.said):
        return ask(form, progress, m.now, "电话可以不留；留了，有事好找您，只给经办的人用。")
    after = replace(progress.without(slot.name), skipped=tuple(dict.fromkeys((*progress.skipped, slot.name))))
    return ask(form, replace(after, asking=""), m.now, "可以，电话不留也收。结果请记着用编号来查。")


def named_after_all(form: Form, progress: Progress, m: Message) -> Step | None:
    """A number left in a form that was to name nobody: it is taken, and staff may ring."""
    phone = next((e.value for e in m.heard.entities if e.type == "phone"), "")
    slot = next((s for s in form.slots if s.kind == "phone"), None)
    if not (phone and slot and form.anonymous and progress.value("anonymous") == "是" and len(m.said) <= 30):
        return None
    after = replace(progress.put("anonymous", "否").put(slot.name, phone), asking="")
    return ask(form, after, m.now, f"好，电话记下了：{slots.shown(slot, phone)}，就不算匿名了，只给经办的人用。")


def _id_only(m: Message) -> bool:
    """Whether a message is an ID number and hardly anything else, which no form asks for."""
    typed = [e.text for e in m.heard.entities if e.type == "id_number"]
    rest = m.said
    for number in typed:
        rest = rest.replace(number, "")
    return bool(typed) and len(re.sub(r"[\W\d*xX]|身份证|证件|号码|号|我的|我|是|这个", "", rest)) <= 1


def _back(form: Form, progress: Progress, m: Message) -> Step:
    if not progress.filled:
        return ask(form, progress, m.now, "这就是第一项。")
    name, _ = progress.filled[-1]
    before = replace(progress.without(name), asking=name, faults=0)
    return Step(question(form.slot(name), "好，回到上一项。"), before)


def resumed(form: Form, progress: Progress, m: Message) -> Step:
    said = m.said
    if slots.YES.fullmatch(said) or repair.RESUME.fullmatch(said) or m.heard.intent == "affirm":
        return ask(form, replace(progress, asking=""), m.now, "好，接着来。")
    if slots.NO.fullmatch(said) or repair.CANCEL.fullmatch(said) or m.heard.intent in ("deny", "cancel"):
        return Step(Reply(text=f"好的，“{form.title}”不填了，什么都没有提交。"), None, dropped=progress, cancelled=True)
    return Step(resume(form, progress).reply, progress, aside=True)
