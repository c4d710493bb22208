"""Who owns a turn, and what is answered: danger, then the person on the line, then an open form, then a question.

Deterministic and free of side effects: it reads, decides, and says what should happen; `bot.turn` makes it so.
"""

import re
from dataclasses import replace

from bot import alarm, answering, aside, choices, filling, nearby, repair, snapshots, wishes
from bot.asking import RESUME, Progress, Step, resume
from bot.filling import Filing
from bot.message import Reply
from bot.sides import side
from bot.situation import Decision, Situation, offering, turn_of
from bot.state import State
from handlers import arrivals, job_posts, manners, mind, talk
from handlers.declared import Form
from handlers.registry import STEERING
from intents import Understanding

__all__ = ["Decision", "Situation", "decide"]


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
        and not alarm.GIVING_UP.search(s.heard.text)
        and not talk.PAST.search(s.heard.text)
    ):
        return replace(_kept_open(s, answering.answer(s, "emergency", "main")), danger=s.heard.danger)
    if s.heard is not None and (s.heard.danger or alarm.sure_of_crisis(s, s.heard)):
        if not alarm.harmless(s, s.heard):
            return _crisis(s)
        s = replace(s, heard=alarm.without_alarm(s.heard))
    if s.heard is not None and s.line != "claimed" and alarm.hurt_now(s.heard):
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
        reply = mind.crisis(max(s.state.warned, 1), s.heard.text, another=_another(s))
        return Decision("crisis", (reply,), replace(state, pending=reply.pending), s.heard.intent, "psych_crisis")
    return wishes.question(s, s.heard)


def _event(s: Situation) -> Decision:
    reply = arrivals.arrival(s.inbound.event, s.inbound.scene)
    if reply is None and s.inbound.event == "click":
        return answering.chosen(s, s.inbound.scene)
    state = offering(s.state, reply) if reply else s.state
    return Decision("event", (reply,) if reply else (), state)


def _kept_open(s: Situation, decision: Decision) -> Decision:
    return replace(decision, state=replace(decision.state, form=s.state.form))


def _crisis(s: Situation) -> Decision:
    if s.heard and (alarm.attacked(s.heard) or alarm.burning(s.heard)):
        # Somebody else is attacking, or it burns: the alarm is raised all the same, but 110 or 119 comes first.
        return replace(answering.answer(s, "emergency", "main"), owner="crisis", danger=True)
    recent = s.state.warned_at is not None and s.now - s.state.warned_at < alarm.CARE
    times = s.state.warned if recent else 0
    state = replace(s.state, warned=times + 1, warned_at=s.now, offered=(), asking="", misses=0)
    if state.form:  # no form while somebody is in danger; it comes back when it is asked for
        state = replace(state.putting_aside(state.form), form=())
    reply = mind.crisis(times, s.heard.text if s.heard else "", another=_another(s))
    state = replace(state, pending=reply.pending)
    return Decision("crisis", (reply,), state, "psych_crisis", "psych_crisis", danger=True)


def _another(s: Situation) -> bool:
    """Whether it is somebody else who is in danger: by this message, or by the last one where this says nothing of it."""
    text = s.heard.text if s.heard else ""
    return mind.of_another(text) or (mind.ANOTHER in s.state.pending and not mind.of_oneself(text))


def _needs_care(s: Situation, heard: Understanding) -> bool:
    """After words of danger, a vague message gets care; a clear question gets its answer."""
    if s.state.warned_at is None or s.now - s.state.warned_at > alarm.CARE:
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
    if heard and (ahead := aside.rescue_numbers(s, heard)):
        return _with_form(progress, ahead)
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
    told = form.end == "compute" and step.progress and not step.aside
    if told and step.progress and filling.settled(form, step.progress, turn_of(s, intent)):
        return replace(_finished(s, form, step.progress), intent=_meant(heard) or intent)
    state = filling.keep(s.state, step.progress)
    if step.dropped:
        state = state.putting_aside(step.dropped.packed())
    if step.person and step.dropped:
        called = answering.answer(replace(s, state=replace(state, form=(), topic=intent)), "human_agent", "main")
        first, *others = called.replies
        return replace(called, replies=(replace(first, text=f"{step.reply.text}\n{first.text}"), *others))
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
    complaint = decision.handler == "suggestion"  # told to us, not at us
    if not first.urgent and not complaint and manners.angry(s.heard.normal):
        first = manners.soothed(first)
        if s.line is None and first.handoff is None:
            first = replace(first, handoff=answering.to_person(s, "angry"))
    elif (complaint and manners.angry(s.heard.normal)) or (
        not first.urgent and decision.owner == "question" and manners.wronged(s.heard.normal)
    ):
        first = manners.felt(first)
    if not first.urgent and manners.beaten(s.heard.normal):
        first = replace(first, text=f"{manners.SAFE_FIRST}\n\n{first.text}")
    elif not first.urgent and manners.molested(s.heard.normal):
        first = replace(first, text=f"{manners.MOLESTED}\n\n{first.text}")
    elif not first.urgent and manners.struck(s.heard.normal):
        first = replace(first, text=f"{manners.STRUCK}\n\n{first.text}")
    elif not first.urgent and manners.threatened(s.heard.normal):
        first = replace(first, text=f"{manners.THREATENED}\n\n{first.text}")
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
