"""Filling a form by talking: take what fits, correct, answer something else and come back, sum up, file.

Pure: `begin` and `advance` look at a declared form, what is filled, and one message, and say what to reply and what
to remember. Nothing is filed before the person has seen the summary and said yes.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from bot import asking, beside, choices, correction, repair, snapshots, steering, taking
from bot.asking import CONFIRM, RESUME, Message, Progress, Step, ask, question, resume, summary, wanted
from bot.message import Reply
from bot.sides import side
from handlers import days as named_days
from handlers import manners, slots, spotting
from handlers.declared import Form
from handlers.slots import Slot
from handlers.turn import Choice
from intents import Entity, Understanding

__all__ = ["CONFIRM", "RESUME", "Progress", "Step", "advance", "answers", "begin", "resume", "summary"]

PATIENCE = 2
"""Answers in a row that don't fit before a person is offered."""
_BY_HAND = ("number", "amount", "months", "choice", "date", "stage", "district")
"""Kinds whose answer is taken as it stands when it can't be read again and again."""
_STEERING = ("affirm", "deny", "cancel", "greet", "thanks", "out_of_scope", "human_agent", "goodbye", "psych_crisis")
_BORN = ("birth", "born_on")
_SIGNED = re.compile(
    r"(?:(?:嗯|好了?|好的|行了?|可以了?|没问题|没错|全对了?|对[的了]?|就这样|就这些|就|没(?:有)?照片|(?:也)?没(?:有)?别的了?|别的(?:也)?没(?:有)?了?|没有了|那|都|直接|先|帮我|请|你|您)[，,。 ]*)*"
    r"(?:提交|确认提交|确认|交上去|交吧|交了|报上去|发出去|递上去|交|报上去|报(?=吧)|就这样|就这些)[吧了啊呀嘛哦！!。 ]*"
)


def begin(
    form: Form, known: Mapping[str, str], heard: Understanding | None, now: datetime, earlier: str = "", about: str = ""
) -> Step:
    """Open a form with what is known of the person already (`known`: entity type → value), what the opening says, what
    was said (`earlier`) when its subject came up, and what it is `about` where the form doesn't say so by itself."""
    progress = Progress(form.name)
    heard = _dated(form, heard, now) if heard else None
    if about:
        progress = progress.put("what", about)
    if heard is not None:
        progress, used = taking.spotted(form, progress, None, Message(manners.veiled(heard.text), heard, now))
        progress = _story_told(form, progress, heard, used, earlier)
    where = _where(known.get("district", ""), earlier)
    for slot in form.slots:
        if earlier and not progress.value(slot.name) and (value := spotting.spotted(slot, earlier, where)):
            progress = progress.put(slot.name, value)
    progress = _told_at_once(form, progress, heard.text if heard else "", earlier)
    for slot in form.slots:
        kind = slots.entity_type(slot)
        value = known.get("born" if slot.name in _BORN else kind, "")
        wanted = kind and value and form.alone(kind) and not slot.unasked and not progress.value(slot.name)
        if wanted and taking.allowed(slot, value, now):
            progress = progress.put(slot.name, named_days.dated(slots.as_entity(kind, value)).value)
    opening = form.opening or f"我来帮您填“{form.title}”，一项一项来。随时可以说“取消”。"
    told = asking.noted(form, Progress(form.name), progress)
    return ask(form, progress, now, f"{opening}\n{told}" if told else opening)


def _unasked(story: str) -> str:
    """A story without the question it ends in (广场舞到十点，谁管)."""
    *told, last = re.split("[，,。；; ]+", story.rstrip("。！!")) or [""]
    if not told or not repair.plainly_asks(story):
        return "" if repair.plainly_asks(story) else story
    kept = story[: story.rfind(last)].rstrip("，,。；; ")
    return "" if repair.plainly_asks(kept) else kept


def _where(district: str, said: str) -> tuple[Entity, ...]:
    """The person's district where earlier words name it."""
    at = said.find(district[:2]) if district else -1
    return (Entity("district", district, district[:2], at, at + 2),) if at >= 0 else ()


_NAMED = re.compile(r"^(?:我)?(?:的)?(?:姓名|名字)?(?:是|叫|姓)[一-龥]{1,4}$")


def _story_told(form: Form, progress: Progress, heard: Understanding, used: list[str], earlier: str) -> Progress:
    """What the words that opened a form, or brought up its subject, tell of what happened: all but questions, names,
    and what filled other slots."""
    told = next((s for s in form.slots if s.kind == "text" and s.name in taking.TOLD and s.least >= 4), None)
    if told is None or form.told or progress.value(told.name):
        return progress
    taken = [*used, *(e.text for e in heard.entities if e.type == "phone")]
    parts: list[str] = []
    least = 15
    for said in (earlier, choices.beyond_the_wish(heard.text)):
        clauses = (c for c in re.split(r"[，,。；;！!？?\n]", manners.veiled(said)) if c.strip())
        kept = [c.strip() for c in clauses if not (repair.asks(c) or _NAMED.search(c) or choices.wants_form(c))]
        new = [c for c in kept if len(spotting.leftover(c, taken)) >= 5 and c not in parts]
        least = 10 if new and said != earlier else least  # told in the same breath as the wish
        parts += new
    story = "，".join(parts)
    return progress.put(told.name, story[: told.most or 300]) if len(story) >= least else progress


def _told_at_once(form: Form, progress: Progress, *said: str) -> Progress:
    """The words that opened a form, where they told already what it would ask for: what is wrong in a place."""
    sort = next(
        (s for s in form.slots if s.kind == "choice" and s.signs not in ("", "when") and progress.value(s.name)), None
    )
    told = next(
        (s for s in form.slots if s.kind == "text" and s.name in taking.TOLD and not progress.value(s.name)), None
    )
    if told is None:
        return progress
    stories = [manners.veiled(one).strip() for one in said]
    if form.told == told.name:
        wishes = (_unasked(choices.beyond_the_wish(one)) for one in stories)
        places = [value for slot in form.slots if slot.signs == "place" and (value := progress.value(slot.name))]
        least = max(told.least, 6)
        more = 6 if len(said) > 1 and said[-1] else 1  # an address alone is no story where one was told before
        wish = next((w for w in wishes if len(w) >= least and len(spotting.leftover(w, places)) >= more), "")
        return progress.put(told.name, wish[:200]) if wish else progress
    if sort is None or told.least >= 4:
        return progress
    story = next(
        (one for one in stories if len(one) >= 10 and not repair.asks(one) and spotting.spotted(sort, one, ())), ""
    )
    return progress.put(told.name, story[:200]) if story else progress


def advance(form: Form, progress: Progress, text: str, heard: Understanding, now: datetime) -> Step:
    """One message while `form` is open."""
    message = Message(manners.veiled(text).strip(), _dated(form, _with_month(form, progress, heard, now), now), now)
    if progress.asking == RESUME:
        return steering.resumed(form, progress, message)
    progress, rest, look = beside.parted(form, progress, message)
    step = _answered(form, progress, rest) if rest else ask(form, replace(progress, asking=""), now, "好。")
    if not look or step.progress is None or step.done or step.progress.asking == CONFIRM:
        return step
    shown = "\n".join(("您填到这里：", *asking.so_far(form, step.progress, now)))
    return replace(step, reply=replace(step.reply, text=f"{shown}\n{step.reply.text}"))


def _answered(form: Form, progress: Progress, message: Message) -> Step:
    for way in (steering.steered, steering.named_after_all, snapshots.spoken_of, _part, _corrected):
        step = way(form, progress, message)
        if step is not None:
            return step
    if progress.asking == CONFIRM:
        return _confirming(form, progress, message)
    return _filling(form, progress, message)


def _with_month(form: Form, progress: Progress, heard: Understanding, now: datetime) -> Understanding:
    """What was understood, with a month that was named without its year, where the form's one day is asked or corrected."""
    days = [slot for slot in form.slots if slot.kind == "date"]
    if len(days) != 1 or days[0].limit == "future" or any(e.type == "date" for e in heard.entities):
        return heard
    meant = progress.asking == days[0].name or (progress.value(days[0].name) and repair.WRONG.search(heard.text))
    month = named_days.month_said(heard.text, now) if meant else None
    if month and progress.value(days[0].name) and re.fullmatch(r"\d{4}-.*", progress.value(days[0].name)):
        month = replace(month, value=f"{progress.value(days[0].name)[:4]}{month.value[4:]}")  # the year stays
    return replace(heard, entities=(*heard.entities, month)) if month else heard


def _dated(form: Form, heard: Understanding, now: datetime) -> Understanding:
    """What was understood, its months without a day as their first days, its days without a year as the form means them."""
    limits = {slot.side for slot in form.slots if slot.kind == "date"}
    limit = limits.pop() if len(limits) == 1 else ""
    entities = tuple(named_days.in_time(named_days.dated(entity), limit, now.date()) for entity in heard.entities)
    return replace(heard, entities=entities) if entities != heard.entities else heard


_FIRST_DAY = "没说是哪一天，先按1号记；知道的话告诉我，我来改。"


def _monthly(entity: Entity) -> bool:
    """Whether a day was only named by its month."""
    return entity.type == "date" and re.search(r"月份?$", entity.text) is not None


def answers(form: Form, progress: Progress) -> list[list[str]]:
    """The filled form as a case keeps it: [label, value] in the order asked. Of photos only how many: they lie apart."""
    filled = [(slot, progress.value(slot.name)) for slot in form.slots if progress.value(slot.name)]
    return [[slot.label, slots.shown(slot, value) if slot.kind == "photo" else value] for slot, value in filled]


def _part(form: Form, progress: Progress, m: Message) -> Step | None:
    """The answer to which digits a part of a phone number should have."""
    name, _, part = progress.asking.partition("#")
    if not part:
        return None
    digits = re.sub(r"\D", "", m.said)
    whole = digits if len(digits) == 11 else correction.phone_with(progress.value(name), part, digits)
    if not whole:
        if not digits and _elsewhere(form, m):
            return Step(Reply(text=f"{correction.part_name(part)}应该是几？"), progress, aside=True)
        return Step(
            Reply(text=f"只发{correction.part_name(part)}的数字，或者把11位号码整个发一遍。", asking="slot"), progress
        )
    text = f"好，手机号改成{whole[:3]} {whole[3:7]} {whole[7:]}。"
    return ask(form, replace(progress.put(name, whole), asking=""), m.now, text)


def _corrected(form: Form, progress: Progress, m: Message) -> Step | None:
    """A correction of something said before."""
    if not progress.filled:
        return None
    shown = wanted(form, progress, m.today)
    at_summary = progress.asking == CONFIRM
    if at_summary and re.fullmatch(r"\d{1,2}|[一二三四五六七八九十]", m.said) and m.said in ("1", "2", "一", "二"):
        text = f"您是说第{m.said}项要改吗？要改就说“改第{m.said}项”；都对就回“确认”；不填了就说“取消”。"
        return Step(Reply(text=text, asking=CONFIRM), progress)
    found = correction.read(shown, dict(progress.filled), m.said, m.heard, m.now, at_summary=at_summary)
    nameless = not any(
        "名" in word or "称呼" in word
        for slot in form.slots
        if slot.kind == "text"
        for word in (slot.label, *slot.words)
    )
    if found is None and nameless and len(m.said) <= 20 and correction.NAME_WRONG.search(m.said):
        return ask(form, progress, m.now, "这张表不用写名字，没关系。")
    if found is None:
        return _worked_out_anew(form, progress, m)
    slot = found.slot
    if found.value:
        found = replace(found, value=taking.finer(form, slot, found.value, m))
        progress = _also_corrected(shown, progress, slot, m)
        named = slots.shown(slot, found.value)
        text = f"好，“{slot.label}”改成{named}。"
        if found.part:
            text = f"好，手机号{correction.part_name(found.part)}改好了，现在是{named[:3]} {found.value[3:7]} {found.value[7:]}。"
        return ask(form, replace(progress.put(slot.name, found.value), asking=""), m.now, text)
    if found.part:
        part = correction.part_name(found.part)
        text = f"好，手机号的{part}应该是什么？只发这几位，或者整个号码再发一遍都行。"
        return Step(Reply(text=text, asking="slot"), replace(progress, asking=f"{slot.name}#{found.part}"))
    asked = replace(progress.without(slot.name), asking=slot.name)
    return Step(question(slot, f"好，改“{slot.label}”。"), asked)


def _worked_out_anew(form: Form, progress: Progress, m: Message) -> Step | None:
    """The same sum for somebody else, or from another day: what it starts from is told anew."""
    if form.end != "compute" or "#" in progress.asking:
        return None
    for slot in form.slots:
        kind = slots.entity_type(slot)
        alone = kind and form.alone(kind)
        new = next((e.value for e in m.heard.entities if e.type == kind), "") if alone else ""
        if new and progress.value(slot.name) not in ("", new) and taking.allowed(slot, new, m.now):
            fresh = taking.spotted(form, Progress(form.name).put(slot.name, new), None, m)[0]
            return ask(form, fresh, m.now, asking.noted(form, Progress(form.name), fresh))
    return None


def _also_corrected(shown: tuple[Slot, ...], progress: Progress, first: Slot, m: Message) -> Progress:
    """Further answers that the same message names and corrects."""
    for slot in shown:
        kind = slots.entity_type(slot)
        named = slot is not first and progress.value(slot.name) and kind and kind != slots.entity_type(first)
        if named and any(word in m.said for word in (slot.label, *slot.words)):
            value = next((e.value for e in m.heard.entities if e.type == kind), "")
            after = m.said[m.said.find(next(w for w in (slot.label, *slot.words) if w in m.said)) :]
            number = re.search(r"(?<!\d)\d{1,7}(?!\d)", after)
            if not value and number and slot.kind in ("amount", "months"):
                value = number[0]
            progress = progress.put(slot.name, value) if value else progress
    return progress


def _confirming(form: Form, progress: Progress, m: Message) -> Step:
    said = m.said
    signed = _SIGNED.fullmatch(said) and re.search("交|报|发|确认", said)
    yes = slots.YES.fullmatch(said) or signed or said.startswith("确认")
    agreed = m.heard.intent == "affirm" and m.heard.band == "answer" and any(char.isalpha() for char in said)
    if (yes or agreed) and not repair.asks(said):  # a number is no yes, whatever it was taken for
        return Step(Reply(), progress, done=True)
    if slots.NO.fullmatch(said) or repair.WRONG.search(said) or (m.heard.intent == "deny" and not repair.asks(said)):
        return Step(Reply(text="哪一项不对？说编号，比如“第2项”，或者直接说“电话错了”。", asking=CONFIRM), progress)
    if _elsewhere(form, m) or side(said) or repair.plainly_asks(said):
        return Step(summary(form, progress, m.now, "回到刚才的表，还没提交。"), progress, aside=True)
    more = taking.spotted(form, progress, None, m)[0]
    if more.filled != progress.filled:
        return ask(form, more, m.now, asking.noted(form, progress, more))
    if repair.asks(said) and len(said) >= 6:
        return Step(summary(form, progress, m.now, "回到刚才的表，还没提交。"), progress, aside=True)
    return Step(summary(form, progress, m.now, "还没提交。"), progress)


def _filling(form: Form, progress: Progress, m: Message) -> Step:
    slot = form.slot(progress.asking) if progress.asking else asking.next_slot(form, progress, m.today)
    if slot is None:
        return ask(form, progress, m.now)
    if repair.skips(m.said) and slot.kind != "yes_no" and (slot.kind == "text" or not slots.NO.fullmatch(m.said)):
        if slot.optional:
            return ask(
                form,
                replace(progress, skipped=(*progress.skipped, slot.name), asking="", faults=0),
                m.now,
                "好，这项空着。",
            )
        if slot.kind != "choice":
            return Step(question(slot, "这一项要有才能办下去，大概说一下也行。"), progress)
    if (wrong := _wrong_phone(form, progress, m)) is not None:
        return wrong
    if _SIGNED.fullmatch(m.said):  # enough was said: what may stay open stays open, and the summary comes
        open_ = [s.name for s in wanted(form, progress, m.today) if s.optional and not progress.value(s.name)]
        after = replace(progress, skipped=tuple(dict.fromkeys((*progress.skipped, *open_))), asking="", faults=0)
        return ask(form, after, m.now, "好。" if asking.next_slot(form, after, m.today) is None else "好，就差这个：")
    if slot.kind == "text" and (repair.ACK.fullmatch(m.said) or slots.YES.fullmatch(m.said)):
        return _not_fitting(form, slot, progress, f"好。{slot.ask}", m)
    if slot.kind == "text" and slot.name not in taking.TOLD and len(m.said) <= 20 and manners.angry(m.heard.normal):
        return Step(question(slot), progress, aside=True)
    belongs = slot.name == "name" and not any(word in m.said for word in ("叫", "姓", "我是"))
    home = next((s for s in wanted(form, progress, m.today) if belongs and s.kind == "text" and s is not slot
                 and not progress.value(s.name) and any(word in m.said for word in s.words)), None)  # fmt: skip
    if home is not None:
        return ask(form, progress.put(home.name, m.said[: home.most or 200]), m.now, "好，记下了。")
    fuller = taking.told_again(form, progress, slot, m) or taking.renamed(form, progress, slot, m)
    if fuller is not None:
        return ask(form, replace(fuller, asking=""), m.now, "好，记下了。")
    progress = taking.finer_place(form, progress, slot, m)
    timed = next((s for s in form.slots if s.signs == "when" and s is not slot and progress.value(s.name)), None)
    if timed and (time := correction.finer_time(progress.value(timed.name), m.said, timed)):
        after = taking.spotted(form, progress, None, m)[0].put(timed.name, time)
        return ask(form, replace(after, asking=""), m.now, asking.noted(form, progress, after))
    after, fault = taking.taken(form, progress, slot, m)
    after = taking.not_unnamed(after, progress, slot)
    if slot.kind != "text" and (after.filled == progress.filled or (slot.kind == "choice" and len(m.said) >= 14)):
        after = taking.story(form, after, m)
    if _aside(form, slot, m, after.filled != progress.filled):
        if slot.kind == "text" or m.heard.intent == "out_of_scope":
            after = progress
        step = ask(form, replace(after, asking=""), m.now, f"回到“{form.title}”：")
        return replace(step, aside=True) if not step.done else step
    if after.filled != progress.filled:
        refused = slot.must and after.value(slot.name) not in ("", slot.must)
        if refused:
            text = f"不填“{slot.label}”，就不能替您登记。什么都没有提交；可以打12345，或者带证件到窗口当面办。"
            return Step(Reply(text=text, choices=(Choice("找工作人员", "human_agent"),)), None)
        words = asking.noted(form, progress, after)
        if slot.kind == "date" and after.value(slot.name) and any(_monthly(entity) for entity in m.heard.entities):
            words = f"{words}{_FIRST_DAY}"
        return ask(form, replace(after, asking=""), m.now, words)
    if slot.optional and not fault.startswith("这个") and slots.NO.fullmatch(m.said):
        return ask(
            form,
            replace(progress, skipped=(*progress.skipped, slot.name), asking="", faults=0),
            m.now,
            "好，这项空着。",
        )
    if slots.NO.fullmatch(m.said) and slot.kind not in ("yes_no", "text", "choice") and progress.filled:
        shown = "\n".join(asking.so_far(form, progress, m.now))
        return Step(
            Reply(text=f"{shown}\n哪一项不对？说编号，比如“第2项”，或者直接说“电话错了”。", asking="slot"), progress
        )
    known = taking.told_already(form, progress, m)
    if known:
        return Step(question(slot, known), progress)
    return _not_fitting(form, slot, progress, fault, m)


_PHONE_SAID = re.compile(
    r"(?:我的?)?(?:电话|手机|号码|手机号码?)(?:号码?)?(?:是|：|:|[，, ])*(?P<digits>1\d{6,9}|1\d{11,13})[。！! ]*"
)


def _wrong_phone(form: Form, progress: Progress, m: Message) -> Step | None:
    """A number said to be a phone's that has too many or too few digits, whatever was asked."""
    slot = next((s for s in wanted(form, progress, m.today) if s.kind == "phone"), None)
    said = _PHONE_SAID.fullmatch(m.said)
    if slot is None or said is None:
        return None
    fault = slots.read(slot, said["digits"], (), m.now).fault
    return Step(Reply(text=fault, asking="slot"), replace(progress, asking=slot.name))


def _not_fitting(form: Form, slot: Slot, progress: Progress, fault: str, m: Message) -> Step:
    faults = progress.faults + 1
    if faults > PATIENCE and not slot.must and slot.kind in _BY_HAND and form.end == "case":
        after = progress.put(slot.name, m.said[:100])  # somebody at a desk can read it
        return ask(form, replace(after, asking=""), m.now, "没关系，先照您说的记下，工作人员会跟您核对。")
    text = fault or slot.ask
    offered = asking.offered(slot)
    if faults >= PATIENCE:
        text += "\n弄不明白也没关系：说“跳过”、“取消”，或者找工作人员。"
        offered = (*offered, Choice("找工作人员", "human_agent"))
    return Step(Reply(text=text, choices=offered, asking="slot"), replace(progress, faults=faults))


_DIGRESSES = re.compile(
    r"(?:好的?|嗯|哦|那|[，, ])*(?:等(?:一?下|等)|对了|顺便|顺带|先问|问(?:一?下|个|你|您)|我?(?:想|要)?(?:先|再|还|另外)(?:想)?问|另外|还有(?:个|一?件)?事|打断一下|插一句|不好意思)"
)
"""Leads up to a question of its own."""


_JUST_ASKS = re.compile(r"(?:先|想|再|请|还|顺便|就)问(?:一?下|个|你|您|问)?(?![我他她老])|问一?下(?![我他她老])")


def _aside(form: Form, slot: Slot, m: Message, fits: bool) -> bool:
    """Whether a message is a question to be answered before the form goes on."""
    said = m.said
    aspect = side(said)
    if aspect and not (fits and slot.kind != "text") and (aspect != "who" or repair.asks(said)):
        return True
    other = m.heard.band == "answer" and m.heard.intent not in (*form.intents, *_STEERING)
    if repair.asks(said) and ((other and _DIGRESSES.match(said)) or _JUST_ASKS.search(said)):
        return True
    if other and choices.wants_form(said):
        return True
    if other and m.heard.probability >= 0.9 and len(said) >= 6 and (slot.signs in ("firm", "place") or not fits):
        return not fits or not spotting.spotted(slot, said, m.heard.entities)
    if m.heard.second or not repair.asks(said):
        return bool(choices.names_a_case(said))
    if slot.kind == "text" and slot.least >= 4 and len(said) > 24:
        return False  # a story, told with questions in it
    if fits and m.heard.intent == "out_of_scope" and any(e.type == "phone" for e in m.heard.entities):
        return False  # 留我老婆电话行不行，133…
    told = {"phone", "district", "amount", "duration_months"} & {e.type for e in m.heard.entities}
    if fits and told and m.heard.intent == "out_of_scope" and not repair.plainly_asks(said):
        return False  # 在哪我不知道，工地在奉化莼湖
    if _elsewhere(form, m):
        return True
    sure = m.heard.band in ("answer", "confirm")
    if m.heard.intent in form.intents and m.heard.band == "answer":
        return (repair.plainly_asks(said) and slot.kind == "text") or (slot.kind != "text" and not fits)
    clear = repair.plainly_asks(said) or sure or slot.kind != "text"
    return (not fits or slot.kind == "text") and clear and len(said) >= 4


def _elsewhere(form: Form, m: Message) -> bool:
    """Whether a message is a clear question about something else."""
    heard = m.heard
    sure = heard.band == "answer" or (heard.intent == "out_of_scope" and heard.band == "confirm")
    about = heard.intent not in (*form.intents, *_STEERING) or heard.intent == "out_of_scope"
    return sure and about and repair.asks(m.said)
