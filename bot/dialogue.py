"""Who owns a turn, and what is answered: danger, then the person on the line, then an open form, then a question.

Deterministic and free of side effects: it reads, decides, and says what should happen; `bot.turn` makes it so.
"""

import re
from dataclasses import replace
from datetime import timedelta

from bot import answering, choices, filling, following, nearby, repair, snapshots, wishes
from bot.asking import RESUME, Progress, Step, resume
from bot.filling import Filing
from bot.message import Reply
from bot.sides import about, also_kin, side
from bot.situation import Decision, Situation, offering, turn_of
from bot.state import State
from handlers import arrivals, job_posts, manners, mind, talk
from handlers.declared import Form
from handlers.registry import STEERING
from handlers.spotting import JUST_ME
from intents import Understanding, crisis

__all__ = ["Decision", "Situation", "decide"]

CARE = timedelta(minutes=30)
"""How long after words of danger a vague message is still answered with care instead of a menu."""


def decide(situation: Situation) -> Decision:
    """The one owner of this turn and its answer."""
    if situation.heard and not situation.state.plain and manners.elderly(situation.heard.text):
        situation = replace(situation, state=replace(situation.state, plain=True))
    decision = _owned(situation)
    if decision.owner in ("question", "event", "form") and decision.replies:
        decision = _with_notice(situation, _with_manners(situation, decision))
    state = replace(decision.state, at=situation.now, stale=False)
    return replace(decision, state=state)


def _owned(s: Situation) -> Decision:
    if (
        s.heard is not None
        and talk.SWALLOWED.search(s.heard.text)
        and not _GIVING_UP.search(s.heard.text)
        and not talk.PAST.search(s.heard.text)
    ):
        return replace(_kept_open(s, answering.answer(s, "emergency", "main")), danger=s.heard.danger)
    if s.heard is not None and (s.heard.danger or _sure_of_crisis(s, s.heard)):
        if not _harmless(s, s.heard):
            return _crisis(s)
        s = replace(s, heard=_without_alarm(s.heard))
    if s.heard is not None and s.line != "claimed" and _hurt_now(s.heard):
        return _kept_open(s, answering.answer(s, "emergency", "main"))
    rating = wishes.rating(s)
    if rating:
        return answering.rated(s, rating)
    if s.line == "claimed":
        return Decision("staff", (), s.state, intent=s.heard.intent if s.heard else "")
    if not s.switches.bot_on:
        replies = (talk.switched_off(),) if s.line is None else ()
        return Decision("off", replies, s.state, intent=s.heard.intent if s.heard else "")
    form = filling.open_form(s.state, s.knowledge)
    place = None if form and s.heard is not None else nearby.about_location(s)
    if place:
        return place
    if s.inbound.kind == "event" and not s.inbound.choice:
        return _event(s)
    picked = choices.picked(s.inbound, s.state)
    if form and (s.heard is not None or filling.spoken(picked)):
        return _form(s, *form, picked)
    if picked:
        return answering.chosen(s, picked)
    if form and s.inbound.kind == "image" and s.inbound.media and form[0].photo:
        return _photo(s, *form)
    if s.heard is None:
        reply = arrivals.without_words(s.inbound.kind)
        return Decision("event", (reply,), offering(s.state, reply))
    if _needs_care(s, s.heard):
        state = replace(s.state, warned=s.state.warned + 1)
        return Decision("crisis", (mind.crisis(max(s.state.warned, 1)),), state, s.heard.intent, "psych_crisis")
    return wishes.question(s, s.heard)


def _event(s: Situation) -> Decision:
    reply = arrivals.arrival(s.inbound.event, s.inbound.scene)
    if reply is None and s.inbound.event == "click":
        return answering.chosen(s, s.inbound.scene)
    state = offering(s.state, reply) if reply else s.state
    return Decision("event", (reply,) if reply else (), state)


def _without_alarm(heard: Understanding) -> Understanding:
    """What else a message was taken for that was taken for despair and can't be that (你们会打给我吗)."""
    rest = tuple(row for row in heard.ranking if row[0] != "psych_crisis")
    if heard.intent != "psych_crisis" or not rest:
        return heard
    likeliest, share = rest[0]
    return replace(heard, intent=likeliest, probability=share, ranking=rest, band="ask", second=None, danger=False)


_NUMBERS = re.compile(r"[\d\s+-]{5,20}")
_NAMED = re.compile(r"(?:就|你|您)?(?:叫我|我叫|我姓|喊我)[一-龥]{1,4}?(?:就好|就行|吧|就可以|好了)?[。！!]?")


_MATTER_OF_FACT = ("fee", "papers", "online", "proxy", "phone", "penalty")
"""Sides of a matter whose words leave no room for despair, as 我能去哪 or 有什么用 do."""


_MAY = re.compile(
    r"(?:行不行|行不|行吗|可以吗|可不可以|能(?:办|领|去|上|报)(?:吗|不)|能不能(?:办|领|去|上|报)?)[？? ]*$"
)
"""Asks whether somebody may (我老头子66岁 他行不行)."""
_COMES_OF_IT = re.compile(
    r"(?:会不会|不会|会|要不要)(?:有人|他们?|她|老板|厂里|公司|房东|你们|人家|警察|派出所|谁)?(?:再|又|就|来|去)*(?:把|给|对|找|让)?(?:我|他|她|人|我们|谁|老板)?(?:们)?(?:被)?"
    r"(?:抓|罚|报复|关(?:到|进|起来)|送(?:到|去|进|回)|赔|坐牢|判刑|拘留|遣返|开除|赶走|记录|留底|知道|告诉|通知|麻烦|算账|穿小鞋|找茬|打给|打电话|回电|联系).{0,8}$"
)
"""Asks what will be done to somebody, or who gets to know (告了他会不会报复我)."""
_HUNGRY = re.compile(
    "(?:饭|米|粥)[^，]{0,3}(?:吃不[上起]|没得?吃|没有吃)|(?:没|没有|揭)(?:钱|得)?(?:买米|吃饭|饭吃|吃的|开锅)|不开锅|喝西北风"
)
"""Nothing to eat is want."""
_TREATED = re.compile(
    r"(?:那|那我|我)?(?:用不用|要不要|需不需要|会不会|是不是要|要|得|能不能|可不可以)(?:我|他|她|给我|给他)?(?:去|先)?(?:吃药|开药|打针|住院|挂号|看医生|做检查|做心理咨询)[吗嘛么啊呀呢不？?]*"
)
"""Asks what treatment there is."""
_SHUT_AWAY = re.compile(
    r"(?:会不会|不会|会|要不要).{0,8}(?:送|关|抓|拉|住)(?:到|进|去)?.{0,3}(?:精神病?院|疯人院).{0,4}$"
)
"""Fears to be locked away for asking for help (不会把我关精神病院吧)."""
_TREATED = re.compile(
    r"(?:那|我|还|是不是|[，, ])*(?:要不要|用不用|需不需要|需要|要|得)(?:去)?(?:吃药|住院|看医生|去医院|上医院|打针)[啊呀吗呢的么不嘛？?]+"
)
"""Asks what the treatment is."""


def _harmless(s: Situation, heard: Understanding) -> bool:
    """Whether all of a message is something in which no danger can be heard: a number, a place, one of
    the words just offered, the name that a form has asked for. Not after words of danger, when each of them may be an answer to “where are you”."""
    if s.state.warned_at is not None and s.now - s.state.warned_at < CARE:
        return False
    said = heard.text.strip()
    if _NUMBERS.fullmatch(said) or any(label == said for label, _ in s.state.offered):
        return True
    if len(said) <= 12 and any(e.type == "district" for e in heard.entities) and choices.only_a_place(heard):
        return True
    if s.state.topic and (
        side(said) or (about(said) in _MATTER_OF_FACT and not crisis.signs(said))
    ):  # a closed list of questions about it (我弟弟也行吗)
        return True
    talked_of = s.state.topic and s.state.topic not in ("psych_support", "psych_crisis")
    if heard.danger_score < _FAINT_SIGN and not crisis.signs(said) and (repair.again(said) or manners.refused(said)):
        return True  # 眼睛花看不清，再说一遍; a wish that is refused all the same
    files = heard.band == "answer" and heard.intent not in _HEAVY and choices.wants_form(said)
    if files and heard.danger_score < _FAINT_SIGN and not crisis.signs(said):
        return True  # 我要反映我们厂宿舍天天停水
    plainly = heard.probability >= _ELSEWHERE and heard.intent not in _NEAR
    plainly = plainly or (
        heard.intent == "hardship_aid" and heard.band == "answer" and _HUNGRY.search(said) is not None
    )
    if plainly and heard.danger_score < _FAINT_SIGN and not crisis.signs(said):
        return True  # 现在谁也不在是吧，我就问补居住证多少钱: another matter, and no rule spoke
    if s.state.asking == talk.ALARM and _OVER.search(said) and not crisis.signs(said):
        return True  # the fire is out; who pays?
    if (s.state.form or talked_of) and repair.skips(said) and not crisis.signs(said):
        return True
    answers = (_NAMED, JUST_ME)
    faint = heard.danger_score < 0.7 and not crisis.signs(said)
    if faint and talked_of and heard.intent not in _HEAVY:
        return True  # 厂里说伤没好就不要我了: suspected at most, and taken for the matter talked about or another one
    if faint and talked_of and len(said) <= 18 and _MAY.search(said):
        return True
    if s.state.topic and heard.danger_score < 0.8 and len(said) <= 20 and _COMES_OF_IT.search(said):
        return not crisis.signs(said)
    if (
        s.state.topic
        and len(said) <= 24
        and not crisis.signs(said)
        and (_SHUT_AWAY.search(said) or _TREATED.fullmatch(said))
    ):
        return True
    if heard.danger_score < _FAINT_SIGN and not crisis.signs(said) and following.surely(s, heard):
        return True
    if faint and s.state.form and len(said) <= _NAME and heard.band in ("ask", "person"):
        return True  # 盛达塑料厂: a name that means nothing to the model
    if faint and s.state.form and heard.intent == "cancel" and heard.band == "answer":
        return True  # 不想报了 is said to the form
    if not s.state.form:
        return bool(talked_of or choices.wants_form(said)) and _only_tells(heard)
    return any(way.fullmatch(said) for way in answers) or _withheld(said) or _only_tells(heard)


_OVER = re.compile("(?:火|烟).{0,4}(?:灭|熄|扑)|人(?:都)?(?:没事|平安|安全|好)|没(?:有)?人(?:受伤|伤)")
"""The danger is over."""
_WITHHELD = re.compile(
    r"(?:我)?(?:不|别)(?:要|想)?(?:让|叫|被|给)?(?:人家|别人|房东|老板|他们?|邻居|厂里|人)?(?:知道|晓得)(?:是我|是谁|我是谁|是我说的|是我报的|是我举报的)[了吧啊]*|"
    r"(?:我)?(?:的)?(?:真)?(?:名字|姓名|名|电话|号码|手机号?|联系方式|照片)(?:就|先|都|也|我|[，, ])*(?:不|别|没)(?:想|要|用|方便|必|愿意?|有)?(?:留|写|填|说|给|登|报|讲|发|有|拍)?[了吧啊]*|"
    r"(?:那|就|也|都|还是)*不(?:用|要|必)?留了?[了吧啊]*|"
    r"(?:我)?(?:就|先|也)?(?:不|别)(?:想|要|方便|愿意?)?(?:留|写|填|说|给|登|报)(?:我)?(?:的)?(?:真)?(?:名字|姓名|名|电话|号码|手机号?|联系方式)[了吧啊]*"
)
"""Not leaving one's name or number, which sounds like not wanting to stay (名字就不留了)."""


_FAINT_SIGN = 0.85
_TOLD = 0.92
"""The same for a message that leaves a number, a sum or a place."""
_ELSEWHERE = 0.95
"""From here on the classifier is so sure of another matter that a faint suspicion alone is none."""
_NEAR = (
    "psych_crisis",
    "psych_support",
    "emergency",
    "out_of_scope",
    "goodbye",
    "thanks",
    "deny",
    "cancel",
    "human_agent",
)
"""What danger can sound like."""
_NAME = 10
"""Characters of a firm's or a person's name."""
_HEAVY = ("psych_crisis", "psych_support", "emergency", "goodbye", "hardship_aid")
"""What a faintly suspected message must not have been taken for, to be no danger."""


def _only_tells(heard: Understanding) -> bool:
    """Whether an answer to a form tells something of its own (a number, a day, a place), is hardly suspected, and holds
    no word of danger."""
    told = {entity.type for entity in heard.entities}
    if "duration_months" in told and repair.WRONG.search(heard.text) and not crisis.signs(heard.text):
        return True  # 我自己再补一句，其实是三个月
    told &= {"phone", "amount", "room_code", "district"}
    return bool(told) and heard.danger_score < _TOLD and not crisis.signs(heard.text)


def _withheld(said: str) -> bool:
    """Whether no danger is left in an answer to a form once the words that only withhold a name are taken away."""
    rest = _WITHHELD.sub("", said).strip("，,。 ！!")
    return rest != said and not (rest and crisis.detect(rest).danger)


SUSPICION = 0.15
"""Where the detector hears nothing at all, the classifier's word alone raises no alarm: numbers fool it."""


def _sure_of_crisis(s: Situation, heard: Understanding) -> bool:
    """The classifier may see danger where the detector doesn't; it never overrules it. What is plainly a word about the
    talk, an answer to a form or a side of the last topic (我弟弟也行吗) is no sign."""
    if heard.intent != "psych_crisis" or heard.band != "answer" or heard.danger_score < SUSPICION:
        return False
    if _hurt_now(heard) or (not heard.danger and following.surely(s, heard)):
        return False
    said = heard.text.strip()
    plain = repair.skips(said) or any(
        way.fullmatch(said) for way in (repair.CANCEL, repair.RESUME, repair.COURTESY, repair.ACK)
    )
    someone = s.state.topic and heard.probability < 0.9 and also_kin(said)
    return not (plain or someone or side(said) or (s.state.form and len(said) <= 4))


def _hurt_now(heard: Understanding) -> bool:
    """Somebody's body is in danger, said in so many words: now, or where the classifier is in doubt between despair and
    that."""
    if talk.BLEEDING.search(heard.text) and not talk.PAST.search(heard.text):
        return not heard.danger
    return (
        heard.intent in ("psych_crisis", "emergency") and not heard.danger and talk.BODY.search(heard.text) is not None
    )


_GIVING_UP = re.compile(
    "不想活|活够|活腻|不活了|想死|自杀|活不|轻生|寻死|解脱|一了百了|"
    "我(?:就|要|去|会|真|想|恨不得|非|一定|早晚|迟早|也|现在|今晚|得|[，, ])*(?:砍|杀|捅|弄死|打死|宰|剁|同归于尽)|(?<![对向冲朝])我(?:就|要|去|今晚|现在|真|也|想|会|已经)*(?:拿|提|带|磨)(?:了|着|好)?[^，]{0,3}刀"
)


def _attacked(heard: Understanding) -> bool:
    """Whether somebody is being attacked by somebody else, and nothing is said of one's own death."""
    kinds = ("emergency", "psych_crisis")
    said = heard.text
    return heard.intent in kinds and talk.CRIME.search(said) is not None and _GIVING_UP.search(said) is None


def _kept_open(s: Situation, decision: Decision) -> Decision:
    return replace(decision, state=replace(decision.state, form=s.state.form))


def _crisis(s: Situation) -> Decision:
    if s.heard and _attacked(s.heard):
        # Somebody else is attacking: the alarm is raised all the same, but 110 comes first.
        return replace(answering.answer(s, "emergency", "main"), owner="crisis", danger=True)
    recent = s.state.warned_at is not None and s.now - s.state.warned_at < CARE
    times = s.state.warned if recent else 0
    state = replace(s.state, warned=times + 1, warned_at=s.now, offered=(), asking="", misses=0)
    if state.form:  # no form while somebody is in danger; it comes back when it is asked for
        state = replace(state.putting_aside(state.form), form=())
    return Decision("crisis", (mind.crisis(times),), state, "psych_crisis", "psych_crisis", danger=True)


def _needs_care(s: Situation, heard: Understanding) -> bool:
    """After words of danger, a vague message gets care; a clear question gets its answer."""
    if s.state.warned_at is None or s.now - s.state.warned_at > CARE:
        return False
    if repair.RESUME.fullmatch(heard.text.strip()) or side(heard.text):
        return False
    vague = heard.intent in STEERING and heard.intent not in ("human_agent", "emergency", "case_status")
    return vague or heard.intent in ("psych_support", "psych_crisis") or heard.band not in ("answer", "confirm")


def _stopped_to_ask(s: Situation, form: Form, progress: Progress, heard: Understanding) -> Decision | None:
    """“Never mind; what about …?”: the form is put aside and the rest is answered."""
    first, _, rest = re.sub(r"[。；;!！]", "，", heard.text.strip()).partition("，")
    if not rest or not repair.asks(rest) or not (repair.CANCEL.fullmatch(first) or repair.LATER.fullmatch(first)):
        return None
    state = replace(s.state.putting_aside(progress.packed()), form=(), offered=(), asking="", topic=form.intents[0])
    decision = wishes.question(replace(s, state=state), replace(heard, text=rest))
    lead, *others = decision.replies
    lead = replace(lead, text=f"好的，“{form.title}”先不填了。\n{lead.text}")
    return replace(decision, replies=(lead, *others))


def _form(s: Situation, form: Form, progress: Progress, picked: str) -> Decision:
    """The open form takes the message, unless it leads elsewhere."""
    said = filling.spoken(picked)
    typed = s.inbound.text.strip()
    if picked and s.inbound.choice == "" and _means_answer(progress, typed):
        picked = said = ""  # a bare number is an answer or a line of the summary before it is a button
    if picked and not said:
        return replace(answering.chosen(s, picked), state=_kept(answering.chosen(s, picked).state, progress))
    heard = None if said else s.heard
    if heard and heard.intent == "emergency" and heard.band == "answer":
        return _with_form(progress, answering.answer(s, "emergency", "main"))
    unlawful = manners.refused(heard.normal) if heard and len(typed) > 6 else None
    if unlawful and heard:
        return Decision("form", (unlawful,), offering(s.state, unlawful), heard.intent, handler="out_of_scope")
    stopped = _stopped_to_ask(s, form, progress, heard) if heard else None
    if stopped:
        return stopped
    if s.state.stale and progress.asking != RESUME:
        return _came_back(s, form, progress, heard)
    step = filling.advance(form, progress, said or s.inbound.text, heard, s.now)
    return _stepped(s, form, progress, step, heard)


def _photo(s: Situation, form: Form, progress: Progress) -> Decision:
    """A picture while a form that takes photos is open: it belongs to the form."""
    step = snapshots.taken(form, progress, s.inbound.media, s.now, away=s.state.stale)
    return _stepped(s, form, progress, step, None)


def _means_answer(progress: Progress, typed: str) -> bool:
    return progress.asking == "confirm" and (typed.isdigit() or typed in "一二三四五六七八九十")


def _kept(state: State, progress: Progress) -> State:
    """The form stays open under an answer, unless that answer opened another one."""
    return state if state.form and state.form[0] != progress.form else replace(state, form=progress.packed())


def _stepped(s: Situation, form: Form, progress: Progress, step: Step, heard: Understanding | None) -> Decision:
    intent = form.intents[0]
    if step.done:
        return replace(_finished(s, form, step.progress or progress), intent=_meant(heard) or intent)
    state = filling.keep(s.state, step.progress)
    if step.dropped:
        state = state.putting_aside(step.dropped.packed())
    if step.cancelled or step.dropped:
        handler = "cancel" if step.cancelled else intent
        return Decision("form", (step.reply,), offering(state, step.reply), handler, handler=handler)
    if step.aside and heard is not None:
        if step.person:
            return _with_question(answering.answer(s, "human_agent", "main"), state, step.reply)
        around = replace(s, state=replace(s.state, asking="", topic=intent, form=()))
        return _with_question(wishes.question(around, heard), state, step.reply)
    state = replace(offering(state, step.reply), topic=intent)
    if heard is not None:
        state = replace(state, known=_lasting(state, heard))
    return Decision("form", (step.reply,), state, _meant(heard) or intent, handler=intent)


def _meant(heard: Understanding | None) -> str:
    """A plain yes or no to a form, as what it is; empty for everything else."""
    plain = heard is not None and heard.band == "answer" and heard.intent in ("affirm", "deny") and len(heard.text) >= 2
    return heard.intent if heard and plain else ""


def _lasting(state: State, heard: Understanding) -> tuple[tuple[str, str], ...]:
    """What is known, with a phone number told to a form: the next form needn't ask for it."""
    phones = [(entity.type, entity.value) for entity in heard.entities if entity.type == "phone"]
    return tuple({**dict(state.known), **dict(phones)}.items())


def _finished(s: Situation, form: Form, filled: Progress) -> Decision:
    """A form that is done: worked out on the spot, or to be filed by the turn."""
    intent = form.intents[0]
    state = replace(offering(filling.keep(s.state, None), None), topic=intent, aspect="main")
    state = replace(state, parked=tuple(row for row in state.parked if row[0] != form.name))
    if form.end == "compute":
        reply = filling.worked_out(form, filled, turn_of(s, intent))
        state = filling.summed(offering(state, reply), form, filled)
        return Decision("form", (reply,), state, intent, handler=intent)
    filing = Filing(form, filled, filling.limit_of(form, filled, s.region, s.knowledge, s.now))
    if form.name == job_posts.FORM:
        turn = turn_of(s, intent, region=filing.region(s.knowledge.regions))
        filing = replace(filing, found=job_posts.fitting(turn, filled.value("work"), filled.value("pay")))
    return Decision("form", (), state, intent, handler=intent, filing=filing)


def _came_back(s: Situation, form: Form, progress: Progress, heard: Understanding | None) -> Decision:
    """After a long time: whether to go on is asked, not assumed; a question of its own is answered first."""
    if heard and repair.RESUME.fullmatch(heard.text.strip()):
        return _stepped(s, form, progress, filling.advance(form, progress, s.inbound.text, heard, s.now), heard)
    step = resume(form, progress)
    state = filling.keep(s.state, step.progress)
    if heard and heard.band == "answer" and heard.intent not in (*STEERING, *form.intents):
        around = replace(s, state=replace(s.state, form=()))
        return _with_question(wishes.question(around, heard), state, step.reply)
    intent = form.intents[0]
    return Decision("form", (step.reply,), offering(state, step.reply), intent, handler=intent)


def _with_form(progress: Progress, decision: Decision) -> Decision:
    """An answer given while a form is open: the form stays as it is."""
    return replace(decision, state=replace(decision.state, form=progress.packed()))


def _with_question(decision: Decision, state: State, question: Reply) -> Decision:
    """An answer, and then the form's question again. Only the form's choices can be picked by number. What was asked
    may have opened a form of its own; then this one waits."""
    if decision.state.form:
        return replace(decision, state=decision.state.putting_aside(state.form) if state.form else decision.state)
    answers = tuple(replace(reply, choices=()) for reply in decision.replies)
    kept = replace(offering(decision.state, question), form=state.form)
    return replace(decision, replies=(*answers, question), state=kept)


def _with_manners(s: Situation, decision: Decision) -> Decision:
    """An apology and a person for somebody who is angry, and a word to somebody who typed an ID number."""
    if s.heard is None:
        return decision
    first, *rest = decision.replies
    complaint = decision.owner == "form" and decision.handler == "suggestion"  # told to us, not at us
    if not first.urgent and not complaint and manners.angry(s.heard.normal):
        first = manners.soothed(first)
        if s.line is None and first.handoff is None:
            first = replace(first, handoff=answering.to_person(s, "angry"))
    elif not first.urgent and decision.owner == "question" and manners.wronged(s.heard.normal):
        first = manners.felt(first)
    if not first.urgent and manners.beaten(s.heard.normal):
        first = replace(first, text=f"{manners.SAFE_FIRST}\n\n{first.text}")
    if any(entity.type == "id_number" for entity in s.heard.entities):
        first = replace(first, text=f"{first.text}\n\n{manners.ID_NUMBER}")
    elif manners.id_like(s.heard.text):
        first = replace(first, text=f"{first.text}\n\n{manners.WRONG_ID}")
    return replace(decision, replies=(first, *rest))


def _with_notice(s: Situation, decision: Decision) -> Decision:
    """Put the emergency notice above the answer, once for each person and notice."""
    notice = s.switches.notice
    if not notice or s.state.notice == notice:
        return decision
    first, *rest = decision.replies
    first = replace(first, text=f"【通知】{notice}\n\n{first.text}")
    return replace(decision, replies=(first, *rest), state=replace(decision.state, notice=notice))
