"""What somebody wants when no form is open: words about the talk, a place, a side of the last topic, or a question."""

import re
from dataclasses import replace

from bot import answering, aside, choices, filling, following, naming, repair, sums, wished
from bot.answering import answer
from bot.dwelling import about_room
from bot.elsewhere import about_place, place_of
from bot.message import Reply
from bot.sides import about, also_kin, kin, named, side
from bot.situation import Decision, Situation, offering, turn_of
from handlers import calculators, manners, policy, talk
from handlers.declared import forms_of
from handlers.policy import PHONE
from handlers.registry import STEERING, titles
from intents import Entity, Understanding

_NOT_ASKED = frozenset({"out_of_scope", "affirm", "deny", "cancel", "greet", "thanks", "goodbye", "psych_crisis"})
"""Nobody is asked whether he meant one of these."""
_FOLLOWS = 0.08
"""How likely the last topic must be for a message that isn't understood by itself to be about it."""
_NO_PERSON = re.compile(
    r".{0,6}(?:不用|不要|不需要|取消|别|算了).{0,4}(?:人工|转人工|工作人员|客服|转接|等人|人了).{0,6}"
)
_WAITS = re.compile(
    r"(?:你们?|能不能|可以|可不可以|请|麻烦|[，, ])*(?:快(?:一?点|些)|赶紧|赶快|催一?下)(?:来|的|行不行|好不好|回|接|儿|[啊呀吧嘛呗，,。！! ])*|"
    r".{0,4}(?:要|还要|得)?等(?:多久|多长时间|几分钟|好久|到什么时候).{0,4}|.{0,4}(?:人|工作人员|客服)(?:呢|来了吗|怎么还(?:没|不)来?|什么时候来|在哪).{0,4}|(?:怎么)?(?:还)?没(?:有)?人(?:回|理|来|吗).{0,4}|有人(?:吗|在吗).{0,2}"
)
_BY_PHONE = re.compile(r"(?:查|找).{0,8}1\d{10}|1\d{10}.{0,6}(?:查|找)")
_PHONE_ONLY = re.compile(r"\D{0,12}1(?:[ -]?\d){10}\D{0,6}")


def question(s: Situation, heard: Understanding) -> Decision:
    """The answer to one message."""
    heard = naming.told_apart(heard)
    s = replace(s, heard=heard)
    for way in (
        _unlawful,
        _about_anger,
        _about_talk,
        _about_thanks,
        _about_alarm,
        aside.not_ours,
        aside.about_number,
        aside.rescue_numbers,
        aside.police_help,
        aside.cheated,
        aside.what_it_costs,
        aside.where_we_are,
        aside.landlord,
        _about_case,
        sums.again,
        sums.told,
        _about_waiting,
        about_room,
        about_place,
        _about_side,
        _about_offer,
        _about_hours,
        sums.owed_to_a_leaver,
        _about_news,
        _form_wish,
    ):
        decision = way(s, heard)
        if decision is not None:
            return decision
    if heard.intent == "human_agent" and heard.band == "confirm" and repair.PERSON.search(heard.text):
        return answer(s, "human_agent", "main")
    place = place_of(s, heard)
    details = wished.told(s, heard)
    if details is not None:
        return answering.opened(s, details, heard, place)
    if s.state.asking == "confirm" and s.state.offered and heard.band != "answer":
        guessed = replace(s, state=replace(s.state, topic=s.state.offered[0][1].partition("/")[0]))
        details = wished.told(guessed, heard)  # what was asked about is taken up: 在北仑小港 那个工地 五月到八月没给
        if details is not None:
            return answering.opened(guessed, details, heard, place)
        if not s.state.topic and len(heard.text) <= 10 and following.goes_on(guessed, heard, place):
            return following.further(guessed, heard, place)
    again = following.named_before(s, heard)
    if again:
        aspect = about(heard.text.partition("呢")[2]) or "main"
        return answer(s, again, aspect, region=place, sides=named(heard.text))
    if following.goes_on(s, heard, place):
        return following.further(s, heard, place)
    if heard.band == "answer" and heard.intent == s.state.topic and not heard.second:
        return following.further(s, heard, place)
    unnamed = heard.band == "confirm" and heard.intent not in STEERING and not naming.names(heard.intent, heard.text)
    unnamed = unnamed and heard.intent != s.state.topic
    meant = ""
    if heard.intent == "out_of_scope" or heard.band == "ask" or unnamed:
        meant = following.named_by_words(s, heard, place)
    if meant:
        return answer(s, meant, "main", region=place, sides=named(heard.text))
    if heard.band == "answer" or (heard.intent in ("affirm", "deny") and s.state.asking):
        return answer(s, heard.intent, "main", region=place, second=heard.second, sides=named(heard.text))
    return _unsure(s, heard, place)


_SCORES = {
    "满意": 3,
    "很满意": 3,
    "一般": 2,
    "一般般": 2,
    "还行": 2,
    "不满意": 1,
    "很不满意": 1,
    "1": 3,
    "2": 2,
    "3": 1,
}
"""Answers to the question how satisfied somebody was: in words, or by the number beside them."""


def rating(s: Situation) -> str:
    """The choice (`rate:<handoff>:<score>`) that answers the question staff asked when they closed a chat; empty where
    the message is none. A bare number is one only while nothing else was said since."""
    if s.inbound.choice:
        return s.inbound.choice if s.inbound.choice.startswith("rate:") else ""
    score = _SCORES.get(s.inbound.text.strip().rstrip("。！!的"))
    asked = s.desk.rating_asked(s.now) if score and s.desk else None
    if asked is None or (s.inbound.text.strip().isdigit() and s.state.at is not None and s.state.at > asked.asked_at):
        return ""
    return f"rate:{asked.handoff_id}:{score}"


def _unlawful(s: Situation, heard: Understanding) -> Decision | None:
    refusal = manners.refused(heard.normal)
    if refusal is None:
        return None
    state = offering(s.state, refusal)
    if "居住证" in heard.text or (
        heard.band in ("answer", "confirm") and heard.intent not in STEERING
    ):  # the lawful way may be asked for next
        lawful = "permit_application" if "居住证" in heard.text else heard.intent
        state = replace(state, topic=lawful, aspect="main")
    return Decision("question", (refusal,), state, heard.intent, handler="out_of_scope")


def _resumed_with_more(s: Situation, heard: Understanding) -> Decision | None:
    """Back to a form, with an answer in the same breath (刚才那个接着弄吧，我在余姚，电话…)."""
    first, _, rest = heard.text.strip().partition("，")
    if s.state.form or not rest or repair.asks(heard.text) or not repair.RESUME.fullmatch(first) or not heard.entities:
        return None
    if waiting := filling.parked(s.state, first, s.knowledge, s.now):
        form, step = waiting
        assert step.progress is not None
        state = replace(s.state, parked=tuple(row for row in s.state.parked if row[0] != form.name))
        step = filling.advance(
            form, step.progress, rest, replace(heard, text=rest, entities=_moved(heard, rest)), s.now
        )
        if step.progress is None or step.done or step.aside:
            return None
        state = replace(offering(filling.keep(state, step.progress), step.reply), topic=form.intents[0])
        return Decision("form", (step.reply,), state, form.intents[0], form.intents[0])
    own = next((form for form in forms_of(s.state.topic) if form.end == "case"), None)
    return answering.opened(s, own, heard, place_of(s, heard)) if own else None


def _moved(heard: Understanding, rest: str) -> tuple[Entity, ...]:
    """The entities of a message's end, where they stand in it alone."""
    cut = len(heard.text.rstrip()) - len(rest)
    return tuple(replace(e, start=e.start - cut, end=e.end - cut) for e in heard.entities if e.start >= cut)


_GOES_ON = re.compile(
    r"(?:好|行|嗯|那|那就|我们|咱们|我|[，, ])*(?:继续|接着|开始|往下)(?:填|登记|报|弄|办|申请|写)(?:表|下去|吧|呗|啊|呀|了|[。！! ])*"
)
"""Goes on with a form, or begins it (那就继续填吧)."""


def _about_talk(s: Situation, heard: Understanding) -> Decision | None:
    """Again, shorter, back to the form, no person needed after all."""
    said = heard.text.strip()
    unwanted = "person" in s.state.pending and re.fullmatch(
        r"(?:那)?(?:先)?(?:不用|不要|算|不必|不等)(?:了|啦)?[。！!，, 谢]*", said
    )
    if s.line == "waiting" and (unwanted or _NO_PERSON.fullmatch(said)):
        reply = Reply(text="好的，已经不叫工作人员了。您想问什么，直接跟我说；想叫人，随时说“转人工”。")
        return Decision("question", (reply,), offering(s.state, reply), "cancel", "cancel", withdraw=True)
    if repair.RESUME.fullmatch(said) and not s.state.form:
        parked = filling.parked(s.state, said, s.knowledge, s.now)
        if parked:
            form, step = parked
            rest = tuple(row for row in s.state.parked if row[0] != form.name)
            state = offering(filling.keep(s.state, step.progress), step.reply)
            state = replace(state, parked=rest, topic=form.intents[0])
            return Decision("form", (step.reply,), state, form.intents[0], form.intents[0])
    resumed = _resumed_with_more(s, heard)
    if resumed:
        return resumed
    if repair.given_up(said) and not (heard.intent == "human_agent" and repair.PERSON.search(said)):
        return replace(_said(s, heard, talk.let_go(), "cancel"), intent="cancel")
    if s.line == "waiting" and _WAITS.fullmatch(said):
        return answer(s, "human_agent", "main")
    if repair.ID_WHY.fullmatch(said) and (s.state.parked or not s.state.topic or "你们" in said):
        return _said(s, heard, Reply(text=talk.ID_WHY), "help")
    if repair.again(said) and s.state.topic:
        if re.search("懂|意思|明白", said):
            return answer(s, s.state.topic, policy.SHORTER)
        return answer(s, s.state.topic, s.state.aspect, text="")
    if repair.skips(said) and not s.state.asking and heard.intent not in ("deny",):
        return _said(s, heard, talk.nothing_open(), "cancel")
    start = _GOES_ON.fullmatch(said) and s.state.topic in titles() and not s.state.asking
    own = next((form for form in forms_of(s.state.topic) if form.end == "case"), None) if start else None
    if own:  # nothing was begun, but this is what can be filled in here
        return answering.opened(s, own, heard, place_of(s, heard))
    if "表" in said and repair.RESUME.match(said) and len(said) <= 12:
        return _said(s, heard, talk.nothing_open(), "cancel")
    return None


def _about_thanks(s: Situation, heard: Understanding) -> Decision | None:
    """Thanks, whatever it is that has come to a good end (太感谢了，工资要回来了)."""
    likely = heard.intent == "thanks" and heard.band == "confirm" and "谢" in heard.text and not repair.asks(heard.text)
    if not (likely or repair.thanks(heard.text)) or heard.second or choices.wants_form(heard.text):
        return None
    return replace(answer(s, "thanks", "main"), intent="thanks")


_BURNT = re.compile("(?:烧|毁|淹|砸).{0,6}(?:了|光|坏|没)|损失|赔")
_SHELTER = re.compile("地方(?:可以|能)?(?:住|去|躲|待)|去哪(?:里|儿)?(?:住|躲|待)|住哪|庇护|离开他|躲几天")
"""Asks for a place to go to."""
_SAFE = re.compile("下来了|出来了|没事了|安全了|走了|到了|来了|扑灭|灭了|得救|好了")


_CALLED = re.compile(
    r"(?:打|叫|报|拨)(?:了|过|通|完)(?:警|120|110|119|电话|救护车|火警)?|(?:救护车|警察|消防)(?:在路上|快到|马上到|要来|说)|^(?:那|然后|接下来|等的时候|现在)+(?:呢|做什么|怎么办|干什么|干嘛|咋办)[？?]?$"
)
"""Help was called for, or what comes next is asked."""


def _about_alarm(s: Situation, heard: Understanding) -> Decision | None:
    """Right after 110, 119 or 120 were named: what isn't clearly another matter is about that."""
    if s.state.asking != talk.ALARM:
        return None
    if _SAFE.search(heard.text) and re.search("谢", heard.text) and not repair.asks(heard.text):
        return replace(answer(s, "thanks", "main"), intent="thanks")
    if _CALLED.search(heard.text):
        kind = next((kind for kind in ("走丢", "血", "火") if kind in s.state.pending), "")
        return _said(s, heard, talk.called_for(kind), "emergency")
    still = ("emergency", "psych_crisis", "rental_hazard_report", *_NOT_ASKED)
    elsewhere = heard.band == "answer" and heard.intent not in still and not talk.SHUT_IN.search(heard.text)
    if (
        _SHELTER.search(heard.text)
        and "火" not in s.state.pending
        and (manners.beaten(heard.text) or "血" not in s.state.pending)
    ):
        return answer(s, "hardship_aid", "main", region=place_of(s, heard), text="被打没地方去，有没有庇护所能住")
    if _SAFE.search(heard.text) and _BURNT.search(heard.text):
        return answer(s, "hardship_aid", "main", region=place_of(s, heard))
    if elsewhere or (_SAFE.search(heard.text) and not repair.asks(heard.text)):
        return None
    return answer(s, "emergency", "main", text=" ".join((heard.text, *s.state.pending)))


_WHEN_DONE = re.compile("多久|几天|多少天|多长时间|几个月|什么时候|啥时候|几时")
_MINE = re.compile("进度|编号|查一?下|我(?:的|上次|之前|前几天|昨天)|办得|办到")


def _about_waiting(s: Situation, heard: Understanding) -> Decision | None:
    """How long something takes, asked by somebody who has filed nothing: a side of what is talked about."""
    if heard.intent != "case_status" or s.state.topic not in titles() or s.state.topic in STEERING:
        return None
    if following.back_to_child(s, heard.text):
        return None
    if not _WHEN_DONE.search(heard.text) or _MINE.search(heard.text) or (s.desk and s.desk.my_cases()):
        return None
    starts = re.search("报名|开始|截止|开放|去办|(?:什么时候|啥时候|几时|哪天).{0,6}申请|办合适", heard.text)
    return answer(s, s.state.topic, "deadline" if starts else "time", region=place_of(s, heard))


_AT_US = re.compile("你们|你这|你个|机器人|客服|破系统|公众号")
"""Whom an angry message is meant for, where it is us."""


def _about_anger(s: Situation, heard: Understanding) -> Decision | None:
    """Nothing but anger at us: an apology and a person, no menu."""
    clear = heard.band == "answer" and heard.intent not in (*STEERING, "suggestion")
    clear = clear or (heard.intent == "suggestion" and choices.wants_form(heard.text) and len(heard.text) >= 14)
    complains = heard.intent == "suggestion" and heard.band == "answer" and len(heard.text) >= 14
    clear = clear or (complains and not _AT_US.search(heard.text))
    if clear or not manners.angry(heard.normal):
        return None
    return _said(s, heard, talk.sorry(turn_of(s, s.state.topic or "human_agent")), "human_agent")


def _about_case(s: Situation, heard: Understanding) -> Decision | None:
    if (
        choices.names_a_case(heard.text)
        or _BY_PHONE.search(heard.text)
        or ("case" in s.state.pending and _PHONE_ONLY.fullmatch(heard.text.strip()))
    ):
        return answer(s, "case_status", "main")
    filed = heard.intent == "case_status" and heard.band == "answer" and s.desk is not None and s.desk.my_cases()
    if filed or choices.asks_for_case(heard.text):
        return answer(s, "case_status", "main")
    waited = "case" in s.state.pending
    if waited and _NO_NUMBER.search(heard.text):
        return _said(s, heard, talk.number_lost(), "case_status")
    if waited and re.search("身份证|证件", heard.text) and re.search("查|号", heard.text):
        return _said(s, heard, talk.not_by_id(), "case_status")
    asked = about(heard.text) == PHONE or (waited and _NOT_FOUND.search(heard.text))
    if asked and (waited or not (s.state.topic or naming.family(heard.text))) and not choices.wants_form(heard.text):
        return _said(s, heard, talk.whom_to_ring(), "case_status" if waited else "help")
    return None


_NO_NUMBER = re.compile(
    "(?:忘|丢|没记|不记得|记不|找不到|没有?(?:编号|号码)|没(?:有)?存|不知道).{0,6}$|编号.{0,4}(?:忘|丢|找不到|没)"
)
_NOT_FOUND = re.compile("(?:查|找|搜)不(?:到|着|出)|没(?:有)?(?:查|找)(?:到|着)|没有记录")


def _about_offer(s: Situation, heard: Understanding) -> Decision | None:
    """Yes or no to what was asked; a bare yes after an answer."""
    if (
        s.state.asking == "confirm"
        and s.state.offered
        and (heard.intent == "affirm" or repair.ACK.fullmatch(heard.text.strip()))
    ):
        return answering.chosen(s, s.state.offered[0][1])
    if s.state.asking in ("confirm", "which") and heard.intent == "deny" and len(heard.text) <= 6:
        return answer(s, "deny", "main")
    if repair.ACK.fullmatch(heard.text.strip()) and s.state.topic:
        return _said(s, heard, talk.go_on(s.state.topic, turn_of(s, s.state.topic)), "affirm")
    return None


_FIRST_OF_TWO = re.compile(
    r"(?:那|先说)?(?:第一|头一|前一|上一|前面那)个(?:事|问题)?(?!月|礼拜|星期|周|厂|老板|房东|孩子|小孩|老公)[，, ]*(?=.{2,})"
)
"""Points at the first of two matters asked about at once."""


def _about_side(s: Situation, heard: Understanding) -> Decision | None:
    """A side of the last topic, or of what was just asked about, by its words."""
    pointed = _FIRST_OF_TWO.match(heard.text.strip())
    if pointed and s.state.before:
        s = replace(s, state=replace(s.state, topic=s.state.before[0], asked=""))
        heard = replace(heard, text=heard.text.strip()[pointed.end() :])
    if not s.state.topic and s.state.asking in ("confirm", "which") and s.state.offered:
        s = replace(s, state=replace(s.state, topic=s.state.offered[0][1].partition("/")[0]))
    if s.state.topic not in titles() or following.back_to_child(s, heard.text):
        return None
    if following.applies_for_points(s, heard.text):
        return None
    if heard.intent == "human_agent" and heard.band == "answer" and repair.PERSON.search(heard.text):
        return None
    aspect = side(heard.text)
    elsewhere = heard.band == "answer" and heard.intent not in (s.state.topic, "psych_crisis", *STEERING)
    if not aspect and also_kin(heard.text) and not elsewhere:
        aspect = "who"
    if not aspect and not choices.wants_form(heard.text) and not naming.foreign(s.state.topic, heard.text):
        aspect = about(heard.text, sure=elsewhere)
    told, _, last = heard.text.strip().rpartition("，" if "，" in heard.text else " ")
    if not aspect and told and kin(told) and not repair.asks(told) and about(last) == "proxy":
        aspect = "proxy"  # 我妈腿脚不好，我能帮她弄吗
    if not aspect:
        return None
    whose = kin(heard.text) if aspect in ("who", "proxy") else ""
    place, leans = place_of(s, heard), following.context(s, heard)
    return answer(s, s.state.topic, aspect, region=place, about=whose, earlier=leans, sides=named(heard.text))


_HUSH = re.compile(r".{0,6}(?:不用|不要|别|不想|取消|退订).{0,4}(?:告诉|通知|提醒|订阅|收到?通知|推送).{0,6}")


_BIDDEN = re.compile(r"(?:叫|喊|通知|让)我(?:们)?(?:自己)?(?:走|滚|别|不|搬|回|签|写|交|赔|辞|退|去|明天|下个?月|马上)")
"""What somebody else bids one do is no wish to be told (怀了就叫我走人)."""


def _about_news(s: Situation, heard: Understanding) -> Decision | None:
    """A wish to be told when there is news of a topic, or not any more."""
    if _HUSH.fullmatch(heard.text.strip()):
        reply = talk.unsubscribed(turn_of(s, s.state.topic or "help"))
        return Decision("question", (reply,), offering(s.state, reply), "cancel", "cancel")
    if not repair.TELL.search(heard.text) or _BIDDEN.search(heard.text):
        return None
    day = next((id for _, id in s.state.offered if id.startswith(calculators.REMIND)), "")
    other = not s.state.topic or naming.foreign(s.state.topic, heard.text)
    if day and not other:  # it was just worked out
        return answering.chosen(s, day)
    sure = heard.band in ("answer", "confirm") and heard.intent not in STEERING
    topic = heard.intent if sure and (other or naming.names(heard.intent, heard.text)) else s.state.topic
    place = place_of(s, heard)
    if not topic:
        return None
    dated = next((c for c in calculators.calculators() if topic in c.intents and c.remind), None)
    if dated:  # a day of one's own, to be worked out first
        form = calculators.form_of(f"{calculators.PREFIX}{dated.topic}:{place or s.region}", s.knowledge)
        return _with_reminder(answering.opened(s, form, heard, place)) if form else None
    reply = talk.subscribed(turn_of(s, topic, region=place))
    return Decision("question", (reply,), replace(offering(s.state, reply), topic=topic), topic, topic, region=place)


def _with_reminder(decision: Decision) -> Decision:
    """The sum that a reminder needs first, said to be for it."""
    first, *rest = decision.replies
    lead = "可以，到时候我在这里提醒您。先把日子算出来，算好点一下“提醒我”就行。"
    return replace(decision, replies=(replace(first, text=f"{lead}\n{first.text}"), *rest))


_HOURS = re.compile(
    r"(?:那么?|现在没(?:有)?人(?:上班|在)?了?[？?。 ]*|你们|工作人员|人工|窗口|今天|明天|后天|现在|周[一二三四五六日末天]|星期.|礼拜.|晚上|中午|[，, ])*(?:还|是)?(?:有人)?(?:几点|什么时候|啥时候|几时)?(?:还|才)?(?:有人)?(?:会有人?|有人|有|来人?|上班|开门|下班|关门|值班|办公)(?:时间)?(?:了|呢|吗|么|没有?|不|啊|到几点|是几点|是什么时候|你们|你|这里|这边)*[？?]?"
)
_WINDOW = re.compile(
    "(?:窗口|大厅|派出所|社区|办事处|街道|中心).{0,8}(?:几点|周[六日末]|周末|星期[六日天]|礼拜[六天]|中午|晚上|节假日|上班|开门|下班)"
)


def _about_hours(s: Situation, heard: Understanding) -> Decision | None:
    """When somebody is there, while no service is talked about; a service's own windows are a side of it."""
    if _WINDOW.search(heard.text) and len(heard.text) <= 20 and repair.asks(heard.text):
        own = naming.family(heard.text)
        likely = next((intent for intent, _ in heard.ranking if intent in own), s.state.topic)
        if likely:
            return answer(s, likely, PHONE, region=place_of(s, heard))
    waiting = s.line == "waiting" or any(id == f"form:{answering.CALL_BACK}" for _, id in s.state.offered)
    if (s.state.topic and not waiting) or not _HOURS.fullmatch(heard.text.strip()):
        return None
    if waiting:  # for one of us: when he comes is what is asked
        return replace(_said(s, heard, talk.hours(turn_of(s, "human_agent")), "human_agent"), intent="human_agent")
    return _said(s, heard, talk.hours(turn_of(s, "help")), "help")


def _form_wish(s: Situation, heard: Understanding) -> Decision | None:
    wanted = wished.wanted(s, heard)
    return answering.opened(s, wanted, heard, place_of(s, heard)) if wanted else None


def _unsure(s: Situation, heard: Understanding, place: str | None) -> Decision:
    """Below the answering band: go on with the last topic, ask whether it was meant, ask which of two, look the words
    up, or say that it wasn't understood."""
    about_last = dict(heard.ranking).get(s.state.topic, 0.0)
    likeliest = next((intent for intent, _ in heard.ranking if intent not in _NOT_ASKED), "")
    open_ = heard.band != "confirm" or heard.intent == "out_of_scope"
    other = _agreed(s, heard, place, clearly=True) if s.state.topic and len(heard.text) > 8 else ""
    if other and other != s.state.topic:
        return answer(s, other, "main", region=place, sides=named(heard.text))
    last = s.state.topic
    if last and (heard.intent == last or (open_ and (likeliest == last or about_last >= _FOLLOWS))):
        leans = following.context(s, heard)
        return answer(s, last, "main", region=place, sides=named(heard.text), earlier=leans)
    agreed = _agreed(s, heard, place)
    if agreed and last and len(heard.text) <= 14 and policy.fits_as_well(turn_of(s, last), agreed):
        agreed = last
    if agreed:
        return answer(s, agreed, "main", region=place, sides=named(heard.text))
    askable = [intent for intent, _ in heard.ranking if intent not in _NOT_ASKED]
    if heard.intent not in _NOT_ASKED and askable:
        others = [intent for intent in (heard.second, *askable) if intent and intent != heard.intent]
        if heard.band == "confirm" or (heard.band == "ask" and not others):
            asked = talk.confirm(heard.intent, others[0] if others else None, dict(titles()))
            if heard.intent == "emergency":  # nobody in danger waits for a question
                asked = replace(asked, text=f"{talk.FIRST_RING}\n{asked.text}")
            return _asked(s, heard, asked)
        if heard.band == "ask":
            return _asked(s, heard, talk.which((heard.intent, others[0]), dict(titles())))
    if repair.asks(heard.text) and len(heard.text) >= 5:
        found = policy.looked_up(turn_of(s, heard.intent, region=place))
        if found is not None:
            return Decision("question", (found,), offering(s.state, found), heard.intent, handler=heard.intent)
    if heard.intent == "out_of_scope" and heard.band == "confirm":
        return answer(s, "out_of_scope", "main")
    reply = talk.not_understood(s.state.misses)
    state = replace(offering(s.state, reply), misses=s.state.misses + 1)
    return Decision("question", (reply,), state, heard.intent, handler="out_of_scope")


def _agreed(s: Situation, heard: Understanding, place: str | None, *, clearly: bool = False) -> str:
    """The intent that both the likeliest readings and the articles' own words point to; empty for none."""
    if heard.band not in ("confirm", "ask"):
        return ""
    likely = [intent for intent, _ in heard.ranking if intent not in _NOT_ASKED and intent not in STEERING][:2]
    found = policy.pointed_at(turn_of(s, heard.intent, region=place), sure=heard.band == "confirm" and not clearly)
    return found if found in likely else ""


def _asked(s: Situation, heard: Understanding, reply: Reply) -> Decision:
    state = offering(s.state, reply)
    if not s.state.topic:
        state = replace(state, said=manners.veiled(heard.text)[:200])
    return Decision("question", (reply,), state, intent=heard.intent)


def _said(s: Situation, heard: Understanding, reply: Reply, handler: str) -> Decision:
    return Decision("question", (reply,), offering(s.state, reply), heard.intent, handler=handler)
