"""Whether a message goes on about the last topic though it doesn't name it, and the answer to such a one."""

import re
from dataclasses import replace

from bot import choices, naming, repair
from bot.answering import answer
from bot.sides import kin, named
from bot.situation import Decision, Situation, turn_of
from handlers import policy, talk
from handlers.registry import STEERING
from intents import Understanding
from intents.further import likely as further_likely

_PLAIN_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_POINTS = re.compile(
    r"他|她|它|我|这|那|俺|咱|自己|本人|孩子|娃|老板|房东|单位|厂|岁|个月|年级|[\d一二三四五六七八九十两]+(?:年|天|块|个|人|口|次)"
)
_CONDITION = re.compile(
    r"(?:对了|那|还|是不是|一定|也|我|我们|他|她|孩子|[，, ])*(?:(?:要不要|需不需要|用不用)(?:先|再|去)?[一-龥]{1,6}[？?]?$|(?:需要|需不需要|要不要|必须|得|要)(?:我|我们|他|她|孩子|小孩|本人|父母|家长|大人|爸妈|爸爸|妈妈|夫妻|两口子|先|也|再)*(?:交|缴|有|办|带|满|参加|提供|签|买|做)"
    r"(?!.*(?:怎么|咋|如何|哪里|哪儿|流程)).{0,10}(?:吗|么|不|几(?:年|个月|次)|多久|多少)?.{0,4}[？?]?$)|(?:社保|居住证|学历|积分|合同|房产证?|学籍)(?:要|得|需要)?(?:交|缴|办|满|有)?(?:几|多少|多久).{0,3}[？?]?$|.*用得(?:上|着|到)|.*(?:用到|需要|要|凭|跟)(?:它|这个?(?:卡|证))"
    r"|(?:不是|没有?)(?:你们)?(?:本地|当地)(?:的)?(?:户口|户籍|人)?.{0,4}(?:也|能|可以|给|行).{0,6}[？?]?$"
)
"""Asks for a condition (需要我交几年社保): of what is talked about, whatever else it names."""
_IF = re.compile(
    r"(?:有(?:没有)?(?:啥|什么)?(?:影响|关系)|受影响|要紧|碍事|算不算|还算)(?:吗|不|么|呢)?[？?]?$|"
    r"没(?:有)?(?:办|满|交|签|拿|到|买).{0,8}(?:咋办|怎么办|咋整|行不行|可以(?:吗|不))[？?]?$"
)
"""A condition whose weight for what is talked about is asked (社保断了两个月有影响吗)."""
_ANEW = re.compile(r"(?:那)?[一-龥]{2,5}呢[，,？? ]")
"""Names another matter (居住证呢，会不会受影响)."""
_SAID = re.compile(
    r"(?:但|但是|可是|可)?(?:他|她|他们|老板|房东|人家|厂里|单位|对方|公司)(?:又|还|就|非|现在)?(?:说|讲|硬说)"
)
_ALARMS = ("emergency", "psych_crisis", "psych_support", "human_agent", "out_of_scope")
_ASKS = r"(?:吗|嘛|么|不|伐|没|没有|吧|呢|呀|啊|哇|[？?])*$"
_WITHOUT = re.compile(
    r"(?:没有?|冇|(?:还|就)?[差缺]|不是|不满|未满|不到|不够|断了?|少于|超过|才|只|刚)(?!.*(?:怎么|咋|如何)(?:投诉|举报|告)).{1,12}?"
    r"(?:行|可以|能不能[一-龥]{1,3}|可不可以[一-龥]{0,3}|能(?:办|弄|申请|报|拿|行|上|用|算|享受|转|学|考|进)?|给(?:办|弄|报)?|成|算|够|作数|有效|影响|要紧|碍事|有关系|咋办|怎么办|咋弄|咋整|怎么证明|咋证明)(?:不行|不可以|不能|得了|数)?"
    + _ASKS
    + r"|(?:必须|非得?|一定(?:要|得)|要不要|需不需要|用不用|得先|要先|还要|是不是(?:要|得)|是否).{1,10}"
    + _ASKS
    + r"|(?:要|用|看|拿|算|凭).{1,10}还是.{1,8}$"
)
"""A condition that is lacking or asked for (没买房也行, 要不要开证明)."""
_ALSO = re.compile(
    r"也(?:能|可以|行|算|要|是|得|免|给|管|有|收|罚|办|用|一样|享受|报|会|不|没|想|打|得到|领|一起|适用|包)|都(?:算|行|可以|能|要|免|有|管)"
)
_THEN = re.compile(r"(?:对了|噢|哦|嗯|[，, ])*(?:那|那么|要是|如果|万一|假如|除了|比如|可是|但是?|不过)")
_OVER = re.compile(r"(?:那|就|好|行|嗯|可以|先|这样|算|没事|谢|多谢|感谢|知道|晓得|明白|了|吧|啊|哦|[，,。 ])++$")
_WHAT_OF = re.compile(r"[^，,？?]{1,8}(?:呢|咧|哩)[？?]?$")
_HOW = re.compile(
    r"(?:(?:可以|能|行|算|够|管|报|给|赔|退|收|办|弄|用|领|拿|享受|参加|一样|作数|有用|合法|划算)(?:办|弄|行|的|得了|得到|数|用)?(?:吗|么|嘛|不|伐|吧|没)|"
    r"([一-龥])不\1.{0,4}|谁(?:出|给|管|付|来|负责|承担).{0,4}|(?:有|能|会).{0,6}(?:没|没有))[？?。 ]*$"
)
_CAN = re.compile(r"(?:还)?(?:能|可以|会|要|得)[一-龥]{1,3}(?:吗|么|不|伐|吧|没)[？?]?$")
_HIM = re.compile("他|她|它|人家|这种|那种|这样|那样|这个|那个|这事|那事|这些|前面|刚才")
_ABOUT_ME = re.compile(
    r"(?:我|俺|我们|我家|他|她|我老[公婆]|孩子|娃|小孩|家里|本人)?(?:们)?(?:就|现在|本来|原来|以前)*(?:是|在|才|刚|有|属于|做|来)"
)
"""A clause that only says who or where one is, before the question proper (我是来讨工钱的，要不要开证明)."""
_CLAUSES = re.compile(r"[，,。；;！!？? \n]+")
_PAY = re.compile(
    "(?:工资|月薪|底薪|待遇|薪水).{0,8}(?:以上|以下|左右|至少|最少|起步|多少|[\\d一二三四五六七八九]千|万)(?!.*[欠拖扣])"
)
"""What is wished for in a job."""
_SMALL_TALK = re.compile("你|妳|侬|几点了|天气|吃了|好玩|笑话|无聊|在吗|真的假的")
_PROGRESS = re.compile(r"进度|编号|查一?下|查查|办得|办到|我(?:的|上次|之前|前几天|昨天|交|报)|处理")
_SURE = 0.9
_PLAIN = 0.95
_STAYS = 0.4
"""From here on the learnt model's word is enough that the topic is kept: most messages do, and losing it costs more."""
_STAYS_THOUGH = 0.9
"""The same where another service is named and surely meant."""
_SURELY, _BY_FAR = 0.92, 0.6
"""From here on it is so sure of it that a faint suspicion of danger is none; the second where the detector has none and
only the classifier speaks of danger."""
_OF_WORK = ("labor_dispute", "wage_arrears", "social_insurance")
_STAYS_HURT = 0.65
"""The same for the contract, pay and insurance of somebody hurt at work."""
_HUB = "permit_benefits"
"""What comes with a permit are services of their own, and these are asked about next."""
_LONGEST = 45
_NEVER = ("thanks", "goodbye", "greet", "cancel")

_PART_OF = {
    "work_injury": re.compile(
        r"(?:养了|歇了|躺了|休息了|休了|住院).{0,8}(?:工资|工钱|薪)|合同.{0,8}(?:认|算|报|赔|行|能|咋|怎么)|(?:说|讲).{0,4}不(?:是|算|认).{0,4}(?:员工|工人|职工|他们的人|厂里的?人)|(?:住院|养伤|治伤|治病|休养|歇着|躺|伤没好|没好|不能干活|上不了班).{0,12}(?:工资|工钱|薪|钱)"
        r"|(?:工资|工钱|薪水).{0,4}(?:还|照)(?:有|发|给|算)|(?:辞职|辞工|离职|走人|不干了|离开).{0,10}(?:钱|补助|补偿|赔|拿)"
        r"|(?:等级|级别|鉴定|结论).{0,6}(?:不服|低|不对|不认)|不服.{0,4}(?:等级|鉴定|结论)|不(?:给|肯)?(?:我|他)?报(?:工伤)?(?:怎么办|咋办|呢)?[？?]?$"
    ),
    "job_seeking": re.compile(
        r"^(?:我|俺|我们|我是|我们是|今年|也|就|[，, ])*(?:女|男)(?:的|生|工)?(?:[，, ].{0,10})?[。]?$|^(?:我|我们|是|[，, ])*(?:两口子|夫妻(?:俩|两个?人?)?)(?:一起|都去)?[。]?$|"
        r"^(?:我|[，, ])*(?:就|只)?(?:小学|初中|高中|中专|大专|没)(?:文化|毕业|读过书|上过学|学历)[。]?$|^(?:我)?没(?:有)?(?:经验|技术|文化|证)[。]?$"
    ),
    "maternal_health": re.compile(
        r"^(?:那|如果|要是|是|[，, ])*(?:头|[一二三]|第[一二三]个?)(?:胎|宝|孩|娃)(?:的)?(?:呢|多少|几天)?[？?]?$|^(?:那|休假|请假|产假|期间|这几天|里|[，, ])*工资(?:还|照|都|是)*(?:照|还|会|有)?(?:发|给|算|拿)(?:的|不|没有?|多少|全)*[吧吗么啊呢？? ]*$"
    ),
    "social_insurance": re.compile(r"一(?:次|把|口气)性?(?:都|全|给)?(?:领|拿|取|结|付)|(?:领|取|拿)(?:完|光|走)"),
    "public_housing": re.compile(r"(?:多少|几)分"),
    "hukou_settlement": re.compile(r"(?:多少|几)分"),
    "legal_aid": re.compile(r"低保|困难证明|贫困|(?:工资|工钱|薪|工伤).{0,8}(?:批|给不给|能|管|可以|算|符合)"),
    "mediation": re.compile(r"(?:打|咬|抓)伤|医药费|看病的?钱"),
    "party_membership": re.compile(r"开除|除名|党籍"),
    "labor_dispute": re.compile(r"押金(?!.*[房租])|(?:让|叫|要求|要)(?:他|它|厂里|老板|单位|公司)们?补(?:上|缴|交)"),
}
"""What belongs to the topic though its words are another service's too: the contract and the pay of somebody injured."""
_OWN_POINTS = re.compile(
    r"(?:查|看)(?:一?下|查|看)?.{0,8}(?:多少分|几分|积分|分数)|(?:现在|我|自己|有)(?:有|是)?(?:多少|几)分|(?:怎么|咋|如何|要|想).{0,3}(?:申请|参加|申报).{0,3}积分"
)
_NOW = re.compile(
    "正在|现在|马上|快来|救|着火|起火|冒烟|烟|流血|刀|打我|打人|砍|晕|昏|孩子不见|走丢|抢|追我|跟着我|撬|砸|闯"
)
"""Words of an emergency that goes on."""


def _vague(heard: Understanding) -> bool:
    """Whether a message was taken for none of the services (满16了呢 for a goodbye), or for danger though it only
    speaks of something lost: then the articles of the last topic may answer it."""
    if (
        heard.danger
        or len(heard.text.strip()) < 3
        or repair.PERSON.search(heard.text)
        or repair.CANCEL.fullmatch(heard.text)
    ):
        return False
    if heard.intent == "emergency":
        return heard.band != "answer" and _NOW.search(heard.text) is None
    return heard.intent in ("out_of_scope", "affirm", "deny", "goodbye", "help", "greet", "cancel")


_DISMISSED = re.compile(
    r"辞(?:退|了)|开除|炒(?:了|掉|鱿)|劝退|别来(?:了|上班)|不用来|走人|不(?:让|要)我(?:来|干|上班|了)|赶(?:我)?走|解除合同|[叫让喊逼](?:我|她)(?:自己)?(?:走人?(?=$|[，,。？?！! ])|离职|辞职|辞工)"
)


def dismissed(text: str) -> bool:
    """Whether somebody tells of having lost his work."""
    return _DISMISSED.search(text) is not None


_CONDITIONED = (
    "school_enrollment",
    "local_exam",
    "points_application",
    "permit_application",
    "hukou_settlement",
    "public_housing",
)
_TELLS = re.compile(
    r"(?:我们?|我家|我俩|两个人|家里|老公|老婆|他|她|孩子他?[爸妈]|爸爸|妈妈|自己|单位|厂里|社保|医保|居住证|积分|房产证?|房子|"
    r"劳动合同|合同|公积金|登记|户口|[一二两三四五六七八九十半几\d]|个?月|年|分|只|但是?|不过|[都就也还是没有断交满办缴了过着差多，,。 ]|不够|不满|不到|刚|参加)++"
)
"""What somebody has or lacks of what a matter asks for."""


def goes_on(s: Situation, heard: Understanding, place: str | None) -> bool:
    """Whether a message goes on about the last topic though its words don't name it (他才十五岁, 需要什么证据)."""
    topic, text = s.state.topic, heard.text.strip()
    part = _PART_OF.get(topic)
    if part and part.search(text) and len(text) <= 24 and not heard.danger and topic != heard.intent:
        return True
    if not topic or heard.second:
        return False
    if topic in _CONDITIONED and heard.intent in (*_CONDITIONED, "social_insurance") and _TELLS.fullmatch(text):
        return True  # 老公有社保我没有, of a child's school: what one has, and asks nothing
    if topic != heard.intent and (naming.meant_instead(text) or naming.about_hours(heard)):
        return False
    twins = {heard.intent, topic} == {"points_query", "points_application"}
    if twins and _OWN_POINTS.search(text):
        return False  # one's own points, or applying for them: as the message says
    vague = topic != heard.intent and _vague(heard) and not naming.foreign(topic, text, condition=True)
    if vague and policy.settles(turn_of(s, topic)):
        return True
    if topic == heard.intent or heard.intent == "emergency":
        return heard.band != "answer" and bool(_leaning(s, heard))
    if heard.intent == "case_status":
        return _no_case(s, text) and not naming.foreign(topic, text)
    if not twins and moves_on(s, heard) and _own(heard, text) and not _HIM.search(text):
        return False
    if choices.wants_sum(text) and heard.band != "answer" and not naming.foreign(topic, text, condition=True):
        return True
    if len(_PLAIN_CHINESE.findall(text)) < 3 or choices.wants_form(text):
        return False
    leaning = _leaning(s, heard)
    if leaning is not None:
        return leaning
    if len(text) > 30:
        return False
    named_before = heard.intent in s.state.before and heard.band in ("answer", "confirm")
    if not named_before and elliptic(topic, text, heard, elsewhere=place not in (None, s.region)):
        return True
    condition = _CONDITION.match(text) is not None
    doubtful = heard.probability < _SURE and heard.intent not in _ALARMS and not naming.names(heard.intent, text)
    unnamed = not naming.names(heard.intent, text) and repair.asks(text)
    close = (heard.probability < _SURE or unnamed) and heard.intent not in (*_ALARMS, *STEERING)
    close = (
        close and (doubtful or unnamed or naming.names(topic, text)) and not naming.foreign(topic, text, condition=True)
    )
    if close and policy.fits_as_well(turn_of(s, topic), heard.intent):
        return True
    if doubtful and naming.names(topic, text) and heard.band == "answer" and heard.intent not in STEERING:
        return True
    anew = _ANEW.match(text)
    if anew and not naming.family(anew[0]) and heard.band == "confirm" and len(text) <= 16:
        return True  # 那礼拜天呢，也不给补休: a day is no other matter
    if anew or (not condition and naming.foreign(topic, text, condition=True)):
        return False
    if heard.intent in ("affirm", "deny") and repair.plainly_asks(text) and len(text) >= 6:
        return True  # 不是本地户口也给办吗 is no no
    if _IF.search(text) and heard.band == "confirm":
        return True
    if _SAID.match(text) and heard.intent not in _ALARMS and not _own(heard, text):
        return True
    steering = heard.intent in STEERING and heard.intent not in ("out_of_scope", "affirm", "deny", "help")
    short = len(text) <= 8 and not steering and heard.intent not in _ALARMS
    if short and heard.band == "confirm" and not naming.names(heard.intent, text):
        return True  # 去哪投诉 could be of many matters; it is of the one talked about
    sure = heard.band == "answer" or (heard.band == "confirm" and heard.intent not in ("psych_crisis", *STEERING))
    if sure:
        short = len(text) <= 14 and not steering and heard.intent != "psych_support"
        if heard.intent in STEERING or not short:
            return False
        if _own(heard, text) and heard.probability >= _PLAIN and len(text) >= 9 and not condition:
            return False
        turn = turn_of(s, topic, region=place)
        return condition or policy.stays(turn) or policy.fits_as_well(turn, heard.intent)
    if steering and heard.band == "confirm":
        return False
    return bool(repair.asks(text) or heard.entities or _POINTS.search(text))


def _leaning(s: Situation, heard: Understanding) -> bool | None:
    """True where the model learnt from further questions says that the topic is kept; None where it doesn't say so."""
    text = heard.text.strip()
    if len(text) > _LONGEST or heard.intent in _NEVER or heard.intent in s.state.before:
        return None
    if heard.intent == "emergency" and (heard.band in ("answer", "confirm") or talk.BODY.search(text)):
        return None
    if heard.intent == "psych_crisis":  # found to be no danger before it came here
        return surely(s, heard) or repair.asks(text) or None
    if heard.intent == "human_agent" and (heard.band == "answer" or repair.PERSON.search(text)):
        return None
    if (_WHAT_OF.fullmatch(text) or _ANEW.match(text)) and naming.foreign(s.state.topic, text):
        return None
    if s.state.topic == _HUB and heard.band in ("answer", "confirm") and heard.intent not in STEERING:
        return None
    if _DISMISSED.search(text) and s.state.topic != "labor_dispute":
        return None
    likely = further_likely(text, s.state.topic, heard.ranking)
    enough = (_STAYS_THOUGH if len(text) >= 8 else _SURELY) if _own(heard, text) else _STAYS
    if s.state.topic == "work_injury" and heard.intent in _OF_WORK:
        enough = min(enough, _STAYS_HURT)
    return True if likely is not None and likely >= enough else None


_MOVES_ON = 0.1
"""Below this the learnt model hardly thinks that the topic is kept."""


def moves_on(s: Situation, heard: Understanding, *, below: float = _MOVES_ON) -> bool:
    """Whether a message is hardly about the last topic any more (好，那我没有居住证，怎么去办, after school)."""
    likely = further_likely(heard.text.strip(), s.state.topic, heard.ranking) if s.state.topic else None
    return likely is not None and likely < below


def surely(s: Situation, heard: Understanding) -> bool:
    """Whether nothing else is likely than that a message goes on about the last topic: danger heard by the model alone, and
    faintly, is none there (我厂里会不会知道我打过)."""
    if not s.state.topic or s.state.topic == "psych_crisis":
        return False
    likely = further_likely(heard.text.strip(), s.state.topic, heard.ranking)
    by_far = _SURELY if heard.danger or s.state.topic == "psych_support" else _BY_FAR
    return likely is not None and likely >= by_far


def elliptic(topic: str, text: str, heard: Understanding, *, elsewhere: bool = False) -> bool:
    """Whether a message only makes sense after another one: a lacking condition, 也…, 那要是…, X呢, 谁出钱; and names no
    other service. `elsewhere`: it names another place than the one talked about."""
    if len(text) > 24 or repair.REPEAT.fullmatch(text):
        return False
    *before, last = [clause for clause in _CLAUSES.split(text.strip()) if clause] or [""]
    unsure = heard.band != "answer"
    if any(repair.asks(clause) or not (unsure or _ABOUT_ME.match(clause)) for clause in before):
        last = text
    lacking = _WITHOUT.search(last) is not None
    pay = topic == "job_seeking" and _PAY.search(last) is not None
    bare = len(text) <= 8 and heard.intent == "out_of_scope"
    if naming.foreign(topic, last, condition=lacking or pay or bare or elsewhere) or _OVER.match(text):
        return False
    if _own(heard, text) and len(text) > 12 and not lacking and not pay:
        return False
    if heard.intent == "human_agent" and (heard.band == "answer" or repair.PERSON.search(text)):
        return False
    if heard.danger or heard.intent in ("emergency", "thanks", "goodbye", "greet", "cancel"):
        return False
    if heard.intent == "psych_crisis" and heard.band != "ask" and heard.band != "person":
        return False
    asking = repair.asks(last) or re.search("[吧伐没？?]$", text.strip()) is not None
    if lacking and (asking or "还是" in last):
        return True
    if heard.intent in STEERING and not asking:
        return False
    if bare and asking and not _SMALL_TALK.search(text):
        return True  # 押金多少: no more is said because the rest is known
    certain = heard.band == "answer" and heard.probability >= _SURE
    if asking and (_ALSO.search(last) or (_THEN.match(last) and len(last) >= 5)):
        return len(last) <= 12 or not certain
    if _WHAT_OF.fullmatch(last) or pay:
        return True
    if elsewhere and not certain:
        return True
    if asking and len(last) <= 14 and _CAN.search(last) and (not certain or heard.intent == "out_of_scope"):
        return True
    if asking and len(last) <= 14 and (_HOW.search(last) or _HIM.search(last)):
        return not certain or bool(kin(last)) or _HOW.search(last) is not None
    return False


_BACK_TO = re.compile(
    r"(?:说回|讲回|回到|再说说?|接着说|还是说)(?:刚才|前面|那个|我|的)*[一-龥]{2,6}|(?:好的?|行|嗯|哦|那|再说|先说|说说|还有|对了|[，, ])*(?:我的?|那个?)?[一-龥]{2,6}(?:那个|的事|的|这块)?(?:呢|咧)"
)


_CHILDS = re.compile(
    r"(?:好的?|行|那|再说|先说|说说|还有|对了|[，, ])*(?:我)?(?:家)?(?:小孩|孩子|娃娃?|儿子|女儿|闺女)(?:上学|读书|转学)?(?:的|那个|那边|的事|那件事)*(?:呢|咧|怎么说)"
)
"""Comes back to the child's matter (小孩的呢)."""


_ENROL = re.compile(
    r"(?:对了|那|[，, ])*(?:学校|公办)?(?:一般)?(?:什么时候|啥时候|几时|几月份?|几号|哪天|怎么|咋|去哪里?|在哪里?|网上)(?:开始|能|可以|去|要)?报名[啊呢呀吗？? ]*"
)
_ENROLS_TOO = ("school_enrollment", "skills_training", "community_activity", "local_exam", "job_seeking")
"""Services that one puts one's name down for as well."""


def back_to_child(s: Situation, text: str) -> bool:
    """Whether a message comes back to the child's school, which was asked about beside something else."""
    if "school_enrollment" not in s.state.before:
        return False
    enrols = s.state.topic not in _ENROLS_TOO and _ENROL.fullmatch(text.strip())
    return bool(enrols) or _CHILDS.match(text.strip()) is not None


_APPLIES = re.compile(
    r"(?:那|我|要|想|该|[，, ])*(?:怎么|咋|如何|去哪里?|在哪里?)(?:样|去|才能)?(?:申请|申报|报名|参加)(?:积分)?[啊呢呀吗？? ]*"
)


def applies_for_points(s: Situation, text: str) -> bool:
    """Whether a message asks, after points were looked up, how to apply for them."""
    return s.state.topic == "points_query" and _APPLIES.fullmatch(text.strip()) is not None


def named_before(s: Situation, heard: Understanding) -> str:
    """The service talked about before, or named beside another, that a message comes back to by a word that many share
    (那居住证呢), or the dispute of somebody dismissed while pregnant; empty for none."""
    if "maternal_health" in (heard.intent, s.state.topic) and _DISMISSED.search(heard.text):
        return "labor_dispute"
    if back_to_child(s, heard.text):
        return "school_enrollment"
    if applies_for_points(s, heard.text):
        return "points_application"
    back = _BACK_TO.match(heard.text.strip())
    meant = naming.family(back[0]) if back and len(heard.text) <= 20 else frozenset()
    if not meant or (heard.intent in s.state.before and heard.band == "answer"):
        return ""
    return next((intent for intent in s.state.before if intent in meant and s.state.topic not in meant), "")


def named_by_words(s: Situation, heard: Understanding, place: str | None) -> str:
    """The service that a question names by its words though it was taken for none of ours; empty for none."""
    meant = naming.family(heard.text)
    if not meant or "out_of_scope" in meant or not repair.asks(heard.text) or heard.intent in meant:
        return ""
    if len(meant) == 1 and heard.band != "answer":
        return next(iter(meant))
    return policy.found_among(turn_of(s, heard.intent, region=place), meant)


def _own(heard: Understanding, text: str) -> bool:
    """Whether a message is surely about what it was taken for, and names it."""
    return heard.band == "answer" and heard.intent not in STEERING and naming.names(heard.intent, text)


def _no_case(s: Situation, text: str) -> bool:
    """Whether words that sound like one's case can't be: nothing was filed, and nothing of the kind is named."""
    return not _PROGRESS.search(text) and not (s.desk and s.desk.my_cases())


def context(s: Situation, heard: Understanding) -> str:
    """The words that a further question leans on; empty where it stands by itself."""
    topic, text = s.state.topic, heard.text.strip()
    if len(text) > 24 or (naming.names(topic, text) and not _HIM.search(text) and not _ALSO.search(text)):
        return ""
    return s.state.asked


def further(s: Situation, heard: Understanding, place: str | None) -> Decision:
    """The last topic's answer to a further question."""
    turn = turn_of(s, s.state.topic, region=place)
    leans = context(s, heard)
    decision = answer(s, s.state.topic, "main", region=place, sides=named(heard.text), earlier=leans)
    reply = decision.replies[0]
    if reply.articles and reply.articles[0] == s.state.shown and not place:
        plain = repair.asks(heard.text) and not named(heard.text)
        decision = replace(decision, replies=(policy.again(turn, reply, asked=plain), *decision.replies[1:]))
    return decision
