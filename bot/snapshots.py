"""Photos for an open form: whenever one is sent it is taken, a few at most; none is needed."""

import re
from dataclasses import replace
from datetime import datetime

from bot import asking, correction
from bot.asking import RESUME, Message, Progress, Step, ask
from bot.message import Reply
from handlers.declared import Form
from records.case_photos import MOST

_PICTURE = r"(?:照片|图片|相片|图)"
_NONE = re.compile(
    rf"(?:我|这|现在|暂时|还|就|那|也)*(?:(?:没有?|冇|莫得)(?:拍|留|什么|啥)?{_PICTURE}|没拍(?:{_PICTURE})?|"
    rf"(?:不|没法|没办法|不方便|不会|不想)(?:拍|发|传)(?:{_PICTURE})?|{_PICTURE}(?:就)?(?:没有|没拍|没|不发|不拍|算))(?:了|啊|呢|的|吧|拍|发|可发)*[。！!]?"
)
_SOME = re.compile(
    rf"(?:我|这|这里|这边|手上|手机里|手机上|也|还|都|是)*(?:有|拍了?)(?:几|一|两|二|三|好多|现场|的)*(?:张|的)*{_PICTURE}(?:可以|能|要)?(?:发|传)?(?:给(?:你|您)们?)?(?:吗|吧|的|了|呢)*[。？?！!]?|"
    rf"(?:我)?(?:可以|可不可以|能不能|能|要不要|要)(?:拍|发|传|附|上传)(?:几|一)?张?{_PICTURE}(?:吗|呢|吧|给你|给您)*[？?]?|{_PICTURE}(?:怎么|咋|如何|在哪|往哪|哪里)(?:里|儿)?(?:发|传|上传|附)(?:呢|啊)?[？?]?"
)


def taken(form: Form, progress: Progress, media: str, now: datetime, *, away: bool = False) -> Step:
    """A picture for `form`, which takes photos; `media` is what the channel calls it. Whoever was `away` for long is
    asked whether to go on, with the picture kept."""
    slot = form.photo
    if slot is None:
        raise ValueError(f"form {form.name} takes no photos")
    had = progress.value(slot.name).split()
    if media in had or len(had) >= MOST:
        text = f"已经有{len(had)}张照片，够了，这张没有加进去。想换，就说“照片错了”。"
    else:
        progress = progress.put(slot.name, " ".join((*had, media)))
        more = "" if len(had) + 1 == MOST else "还有就接着发。"
        text = f"照片收到了，一共{len(had) + 1}张。{more}"
    if away or progress.asking == RESUME:
        step = asking.resume(form, progress)
        return replace(step, reply=replace(step.reply, text=f"{text}\n{step.reply.text}"))
    _, _, part = progress.asking.partition("#")
    if part:
        return Step(Reply(text=f"{text}\n手机号的{correction.part_name(part)}应该是几？", asking="slot"), progress)
    return ask(form, replace(progress, asking="") if progress.asking == slot.name else progress, now, text)


def spoken_of(form: Form, progress: Progress, m: Message) -> Step | None:
    """Words about photos while a form that takes them is open: that there are none, or how to send them."""
    slot = form.photo
    if slot is None:
        return None
    if _NONE.fullmatch(m.said) and not progress.value(slot.name):
        after = replace(progress, asking="") if progress.asking == slot.name else progress
        return ask(form, after, m.now, "没有照片也行。")
    asked = next((s for s in form.slots if s.name == progress.asking), None)
    answers = asked is not None and asked.signs and re.search(asked.signs, m.said)  # proofs are asked for: 有照片
    if _SOME.fullmatch(m.said) and not answers:
        return ask(form, progress, m.now, f"好，照片直接发到这里就行，最多{MOST}张。")
    return None
