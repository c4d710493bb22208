"""Whether words of danger are to be believed: what cannot be despair where it was said, and what the classifier adds.

The detector reads a message alone (`intents.crisis`); here it is read in its talk. Only suspicions that no rule of the
detector shares, or words of a closed list, are ever taken back.
"""

import re
from dataclasses import replace
from datetime import timedelta

from bot import aside, choices, following, naming, repair
from bot.sides import about, also_kin, side
from bot.situation import Situation
from handlers import manners, talk
from handlers.spotting import JUST_ME
from intents import Understanding, crisis

CARE = timedelta(minutes=30)
"""How long after words of danger a vague message is still answered with care instead of a menu."""


def without_alarm(heard: Understanding) -> Understanding:
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
_SHUT_AWAY = re.compile(
    r"(?:会不会|不会|会|要不要).{0,8}(?:送|关|抓|拉|住)(?:到|进|去)?.{0,3}(?:精神病?院|疯人院).{0,4}$"
)
"""Fears to be locked away for asking for help (不会把我关精神病院吧)."""
_TREATED = re.compile(
    r"(?:那|我|还|是不是|[，, ])*(?:要不要|用不用|需不需要|会不会|能不能|可不可以|需要|要|得)(?:给?(?:我|他|她))?(?:去|先)?(?:吃药|开药|住院|看医生|去医院|上医院|打针|挂号|做检查|做心理咨询)[啊呀吗呢的么不嘛？?]+"
)
"""Asks what the treatment is."""


def harmless(s: Situation, heard: Understanding) -> bool:
    """Whether no danger can be heard in a message where it was said. Never right after words of danger, when each message
    may be an answer to “where are you”."""
    if s.state.warned_at is not None and s.now - s.state.warned_at < CARE:
        return False
    said = heard.text.strip()
    if _closed(s, heard, said):
        return True
    return not crisis.signs(said) and (_other_talk(s, heard, said) or _faint(s, heard, said))


def _closed(s: Situation, heard: Understanding, said: str) -> bool:
    """Whether all of a message is a number, a place, one of the words just offered, a closed question about the topic
    (我弟弟也行吗), or a name that a form asked for or that is withheld from it."""
    if _NUMBERS.fullmatch(said) or any(label == said for label, _ in s.state.offered):
        return True
    if len(said) <= 12 and any(e.type == "district" for e in heard.entities) and choices.only_a_place(heard):
        return True
    if (s.state.topic and side(said)) or (len(said) <= 6 and repair.COURTESY.fullmatch(said)):
        return True
    named = _NAMED.fullmatch(said) or JUST_ME.fullmatch(said)
    return bool(s.state.form) and (named is not None or _withheld(said))


def _other_talk(s: Situation, heard: Understanding, said: str) -> bool:
    """Whether a message without any sign of danger is plainly about something else."""
    if s.state.topic and about(said) in _MATTER_OF_FACT:
        return True
    if s.state.topic and len(said) <= 24 and (_SHUT_AWAY.search(said) or _TREATED.fullmatch(said)):
        return True
    if s.state.asking == talk.ALARM and _OVER.search(said):
        return True  # the fire is out; who pays?
    if (s.state.form or _talked_of(s)) and repair.skips(said):
        return True
    if len(said) <= 20 and (_LABOUR.search(said) or naming.feared(said)):
        return True
    if manners.threatened(said):
        return True  # 他放话要找人收拾我 is his doing: 110 is said with the answer
    if s.state.asking == talk.ALARM and (
        heard.intent == "emergency" or (len(said) <= 12 and heard.danger_score < _IN_TALK)
    ):
        return True  # 里面还有人受伤; 有个孩子，4岁
    if heard.danger_score >= _FAINT_SIGN:
        return False
    if following.dismissed(said):
        return True  # 今天突然叫我明天不用来了
    if manners.angry(heard.normal):
        return True  # 问了三遍都没用，气死人了
    if repair.again(said) or manners.refused(said):
        return True  # 眼睛花看不清，再说一遍; a wish that is refused all the same
    if heard.band == "answer" and heard.intent not in _HEAVY and choices.wants_form(said):
        return True  # 我要反映我们厂宿舍天天停水
    if heard.intent == "hardship_aid" and heard.band == "answer" and _HUNGRY.search(said):
        return True
    if heard.probability >= _ELSEWHERE and heard.intent not in _NEAR:
        return True  # 现在谁也不在是吧，我就问补居住证多少钱
    return following.surely(s, heard)


def _faint(s: Situation, heard: Understanding, said: str) -> bool:
    """Whether a message without any sign of danger is suspected so faintly that where it was said decides."""
    if _only_tells(heard) and (s.state.form or _talked_of(s) or choices.wants_form(said)):
        return True
    if s.state.topic and heard.danger_score < 0.8 and len(said) <= 20 and _COMES_OF_IT.search(said):
        return True
    share = dict(heard.ranking).get("psych_crisis", 0.0)
    talked = s.state.form or _talked_of(s)
    light = heard.intent not in _HEAVY or heard.band not in ("answer", "confirm")
    elsewhere = share < _SHARE or (share < 2 * _SHARE and following.surely(s, heard))
    if talked and heard.danger_score < _IN_TALK and light and elsewhere:
        return True  # 不留电话，别的都跳过，写好给我看看
    if heard.danger_score >= 0.7:
        return False
    if _talked_of(s) and (heard.intent not in _HEAVY or (len(said) <= 18 and _MAY.search(said))):
        return True  # 厂里说伤没好就不要我了
    if not s.state.form:
        return False
    name = len(said) <= _NAME and heard.band in ("ask", "person")  # 盛达塑料厂 means nothing to the model
    return name or (heard.intent == "cancel" and heard.band == "answer")  # 不想报了 is said to the form


def _talked_of(s: Situation) -> bool:
    """Whether a service is talked about, and not somebody's mood."""
    return bool(s.state.topic) and s.state.topic not in ("psych_support", "psych_crisis")


_LABOUR = re.compile(
    r"活(?:儿|计)?(?:实在|真的?|也|又)?(?:太|很|好|挺)?(?:重|累|多|脏|杂|苦).{0,6}(?:干不(?:动|了|完)|做不(?:动|了|完)|吃不消|顶不住|换(?:个|份|点|到|岗))"
)
"""Work that is too heavy (活太重干不动了): the same word as life."""
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
"""Below this a suspicion that no rule shares gives way to what is plainly something else."""
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
_IN_TALK, _SHARE = 0.9, 0.2
"""While a form is open or a service is talked about: a suspicion below the first that no rule shares gives way where the classifier, too, thinks little
of danger."""
_NAME = 10
"""Characters of a firm's or a person's name."""
_HEAVY = ("psych_crisis", "psych_support", "emergency", "goodbye", "hardship_aid")
"""What a faintly suspected message must not have been taken for, to be no danger."""


def _only_tells(heard: Understanding) -> bool:
    """Whether a message tells something of its own (a number, a day, a place) and is hardly suspected."""
    told = {entity.type for entity in heard.entities}
    if "duration_months" in told and repair.WRONG.search(heard.text):
        return True  # 我自己再补一句，其实是三个月
    return bool(told & {"phone", "amount", "room_code", "district"}) and heard.danger_score < _TOLD


def _withheld(said: str) -> bool:
    """Whether no danger is left in an answer to a form once the words that only withhold a name are taken away."""
    rest = _WITHHELD.sub("", said).strip("，,。 ！!")
    return rest != said and not (rest and crisis.detect(rest).danger)


SUSPICION = 0.33
"""Where the detector hears next to nothing, the classifier's word alone raises no alarm: numbers and relatives fool it.
Of 910 lines of danger none that the detector missed had less, and was danger to the classifier."""


def sure_of_crisis(s: Situation, heard: Understanding) -> bool:
    """The classifier may see danger where the detector doesn't; it never overrules it. What is plainly a word about the
    talk, an answer to a form or a side of the last topic (我弟弟也行吗) is no sign."""
    if heard.intent != "psych_crisis" or heard.band != "answer" or heard.danger_score < SUSPICION:
        return False
    if hurt_now(heard) or (not heard.danger and following.surely(s, heard)):
        return False
    said = heard.text.strip()
    plain = repair.skips(said) or any(
        way.fullmatch(said) for way in (repair.CANCEL, repair.RESUME, repair.COURTESY, repair.ACK)
    )
    someone = s.state.topic and heard.probability < 0.9 and also_kin(said)
    return not (plain or someone or side(said) or (s.state.form and len(said) <= 4))


def hurt_now(heard: Understanding) -> bool:
    """Somebody's body is in danger, said in so many words: now, or where the classifier is in doubt between despair and
    that."""
    if aside.ahead_of_need(heard.text) or naming.feared(heard.text):
        return False
    if talk.BLEEDING.search(heard.text) and not talk.PAST.search(heard.text):
        return not heard.danger
    return (
        heard.intent in ("psych_crisis", "emergency") and not heard.danger and talk.BODY.search(heard.text) is not None
    )


GIVING_UP = re.compile(
    "不想活|活够|活腻|不活了|想死|自杀|活不|轻生|寻死|解脱|一了百了|"
    "我(?:就|要|去|会|真|想|恨不得|非|一定|早晚|迟早|也|现在|今晚|得|[，, ])*(?:砍|杀|捅|弄死|打死|宰|剁|同归于尽)|(?<![对向冲朝])我(?:就|要|去|今晚|现在|真|也|想|会|已经)*(?:拿|提|带|磨)(?:了|着|好)?[^，]{0,3}刀"
)


_BURNING = re.compile("(?:着火|起火|失火|火灾)|(?:好大的?|浓|都是|全是)烟|烟(?:好|很|太)大|煤气泄?漏|燃气泄?漏")


def burning(heard: Understanding) -> bool:
    """Whether a fire or leaking gas is told of, and no rule hears anything of one's own death."""
    said = heard.text
    return (
        _BURNING.search(said) is not None
        and not naming.feared(said)
        and not GIVING_UP.search(said)
        and not crisis.signs(said)
    )


def attacked(heard: Understanding) -> bool:
    """Whether somebody is being attacked by somebody else, and nothing is said of one's own death."""
    kinds = ("emergency", "psych_crisis")
    said = heard.text
    return heard.intent in kinds and talk.CRIME.search(said) is not None and GIVING_UP.search(said) is None
