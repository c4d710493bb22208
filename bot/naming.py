"""Which services a message names by their own words, and whether they are others than the last topic's."""

import re
from dataclasses import replace

from intents import Understanding

_PERMIT = ("permit_application", "permit_renewal", "permit_replacement", "permit_benefits")
_POINTS = ("points_application", "points_query")
_LET = ("rental_rules", "rental_hazard_report", "rental_qr_report")
_WORK = ("wage_arrears", "labor_dispute", "work_injury")
_SERVICES: tuple[tuple[tuple[str, ...], str], ...] = (
    ((*_PERMIT, *_POINTS, "residence_register", "residence_update"), "居住证|暂住证|居主证"),
    (("permit_renewal", "exit_entry", "permit_benefits"), "签注|续签"),
    ((*_POINTS, "hukou_settlement", "school_enrollment", "public_housing"), "积分|多少分|几分|满分"),
    (("hukou_settlement", *_POINTS), "落户|入户|迁户口|户口(?:能|可以|想|要)?迁|居转户"),
    (("public_housing", "permit_benefits"), "公租房|廉租|保障房|廉价房|(?:房租|租房)补贴"),
    (
        ("school_enrollment", "local_exam", "child_card", "points_application", "vaccination"),
        "[一二三四五六七八九]年级|插班|上学|入学|入园|读书|公办|民办学校|学校|幼儿园|小学|初中|转学|学籍|学位",
    ),
    (("local_exam", "school_enrollment"), "高考|中考|考大学|考高中"),
    (("child_card",), "随行卡"),
    (("vaccination", "child_card", "school_enrollment"), "疫苗|接种|预防针|打针|狂犬"),
    (("maternal_health",), "产检|怀孕|生育|产假|陪产|育儿假|护理假|生孩子|生娃|准生证|坐月子|产妇"),
    (("psych_support",), "12356|睡不着|失眠|抑郁|心理|心里(?:难受|堵|闷)|压力(?:大|好大)"),
    (
        (*_WORK, "job_seeking", "maternal_health", "legal_aid", "skills_training", "social_insurance"),
        "工资|工钱|薪水|讨薪|欠薪|血汗钱",
    ),
    (("work_injury", "legal_aid", "labor_dispute"), "工伤|职业病|伤残|受(?:过|了)?伤|轧到|轧断|骨折"),
    (_WORK, "加班|加.{1,6}[个时]班"),
    (
        ("labor_dispute", "wage_arrears", "social_insurance", "work_injury", "legal_aid"),
        "辞退|开除|裁员|试用期|辞职|离职",
    ),
    (
        (
            "labor_dispute",
            "wage_arrears",
            "rental_rules",
            "mediation",
            "work_injury",
            "permit_application",
            "residence_register",
            "legal_aid",
            "school_enrollment",
            "points_application",
        ),
        "合同",
    ),
    ((*_WORK, "legal_aid"), "仲裁"),
    ((*_WORK, "legal_aid", "mediation", "rental_rules"), "律师|打官司|起诉|法院|法律援助"),
    (("social_insurance", "labor_dispute", "maternal_health", "work_injury"), "社保|医保|养老金|退休金|失业金|五险"),
    (("permit_benefits", "social_insurance"), "公积金"),
    (("mediation", "rental_rules"), "调解|吵架|邻居|押金"),
    (("rental_rules", "mediation"), "涨(?:房)?租|(?:房租|租金).{0,3}涨|退租|转租"),
    (("job_seeking",), "找工作|找(?:个|份|点)?(?:工|活)|招聘|招工|岗位|求职"),
    (("skills_training", "job_seeking"), "培训|考证|考个证|学(?:门|个|点)?技术|学电焊|学叉车|技能"),
    (("id_card_renewal",), "(?:换|补|办|丢|掉).{0,3}身份证|身份证.{0,4}(?:丢|掉|到期|过期|换|补)|临时身份证"),
    (("exit_entry",), "护照|港澳|通行证|出国|去台湾|去香港|去澳门"),
    (
        ("driving_vehicle", "rental_hazard_report", "rental_rules"),
        "驾照|驾驶证|上牌|牌照|电瓶车|电动车|年检|过户|摩托|头盔",
    ),
    (("senior_transit_card",), "公交卡|老年卡|老人卡|坐公交"),
    (("party_membership",), "党员|党费|党组织|党支部|团员|入党|组织关系"),
    (("community_activity", "child_card"), "图书馆|志愿|夏令营|兴趣班|广场舞|打球|体育馆|借书"),
    (("hardship_aid",), "低保|救助|特困"),
    (_LET, "二维码|扫码|门牌码|[贴装没]码|没有码|码(?:坏|撕|破|掉)"),
    (_LET, "隐患|消防|群租|飞线|隔断间"),
    (
        ("rental_rules", "rental_hazard_report"),
        "车库|地下室|隔(?:成|开|断)|打隔|群租|改成?(?:几|多)间|住(?:几|多少)个?人|几个平方|多少平方|人均面积",
    ),
    (("residence_register", "residence_update"), "暂住登记|居住登记|搬(?:家|到|去|来|走)"),
    (("suggestion",), "路灯|垃圾|提意见|建议"),
    (("emergency",), "着火|起火|救命|拿刀|砍人|报警|打我|打人|被打"),
    (("human_agent",), "人工|真人|客服"),
    (("out_of_scope",), "天气|股票|彩票|笑话|电影|快递|游戏|唱歌"),
)
_NAMED = tuple((frozenset(intents), re.compile(words)) for intents, words in _SERVICES)
_PAPERS = re.compile("居住证|社保|医保|合同|身份证|户口|房产|公积金|学历|积分|党员|学籍|押金|工资")
"""Names of services that are as often a condition of another one (没交社保也行吗)."""


def foreign(topic: str, text: str, *, condition: bool = False) -> bool:
    """Whether a message names a service that isn't `topic` nor goes with it. As a `condition` papers count for nothing."""
    said = _PAPERS.sub("", text) if condition else text
    return any(topic not in intents and words.search(said) for intents, words in _NAMED)


def names(topic: str, text: str) -> bool:
    """Whether a message names `topic` by one of its own words."""
    return any(topic in intents and words.search(text) for intents, words in _NAMED)


def family(text: str) -> frozenset[str]:
    """The services that a message may mean by the words it names, where all of them agree; empty where it names none."""
    found = [intents for intents, words in _NAMED if words.search(text)]
    return frozenset.intersection(*found) if found else frozenset()


_RENEWS = re.compile(
    r"(?:居住证|居主证|暂住证|证).{0,6}(?:到期|过期|逾期|续(?!租|费)|签注|年签|该签|要签|满一?年|到日子)|(?:续|签)(?:一?下|个)?(?:居住证|居主证|暂住证)|签注"
)
_HELD = re.compile("签|续|到期|过期|逾期|到日子|延|有效|年审|旧证|老证|原来的证|去年(?:办|领)|发证|证.{0,4}(?:一年|满)")
"""Signs that somebody has a permit already."""


_FEARED = re.compile(r"(?:怕|担心)(?:会|它|他|要|万一|哪天|真的?)*(?:着火|起火|失火|爆炸|出事|漏电|触电|塌|掉下来)")
"""What might happen, and hasn't."""


def feared(text: str) -> bool:
    """Whether a message speaks of what might happen, and hasn't (我就怕起火)."""
    return _FEARED.search(text) is not None


_RAN_OUT = re.compile("(?:居住证|居主证|暂住证).{0,10}(?:过期|到期|逾期)")
_LOST = re.compile("丢|掉|坏|遗失|不见|找不|偷|烂|断|磨|换|照片|名字")
"""A permit that ran out, and one that is lost or broken: 补 is said of both."""


_NOT_HOURS = ("wage_arrears", "points_application", "out_of_scope", "job_seeking")
_HOURS = re.compile(
    "加.{0,8}班(?!.*(?:工资|钱|费|倍)).{0,12}(?:小时|钟头)|(?:小时|钟头).{0,6}加?班(?!.*(?:工资|钱|费|倍))"
)
"""How long one may be made to work, not what is paid for it."""
_YOUNG = re.compile(
    "(?:十[四五六]岁|1[456]岁|未成年|没成年|童工).{0,10}(?:打工|进厂|上班|干活|做工)|"
    "(?:妹|弟|儿子|女儿|闺女|侄|外甥|孩子|娃|小孩|他|她).{0,6}(?:1[0-5]|十[一二三四五])(?:周?岁)?(?![0-9天号月日个年]).{0,14}(?:打工|厂|上班|干活|做工|工地|缝纫|流水线)"
)
_NEWCOMER = re.compile(
    "(?:刚|才|新|初)(?:来|到|落脚|搬来|过来).{0,10}(?:要|该|得|先)?(?:办|弄)(?:些|点)?(?:什么|啥|哪些)(?:证|手续|东西)?"
)
"""Asks what somebody who has just come has to do."""
_NO_FUND = ("out_of_scope", "social_insurance", "labor_dispute")
"""What the housing fund, which comes with the permit, is taken for."""
_NO_NEWS = re.compile(
    r"我(?:们)?(?:之前|上次|上周|前几天|昨天)?(?:登记|交|报|投诉|申请|举报|填|提)(?:上去)?的.{0,8}(?:怎么|咋|还|一直|到现在|都)*(?:没(?:有)?(?:人|消息|动静|回音|联系|处理|来|结果|下文))"
)
"""Something filed of which nothing was heard."""
_STOLEN = re.compile(
    r"(?:钱包|手机|包|钱|电瓶|电动车|电瓶车|车|身份证|行李|东西|卡|银行卡)(?:里)?(?:都|全|也)?(?:被|让|叫|给)(?:人|小偷|别人)?(?:偷|扒|骗|顺走)|"
    r"(?:被|让)(?:人|小偷|别人|骗子)(?:偷|扒|骗)(?:了|走|去)(?!工资|工钱)|遭(?:贼|偷|骗)"
)
"""Something was stolen, or swindled out of somebody."""
_NOT_OWED = ("job_seeking", "residence_register", "residence_update", "points_query", "out_of_scope")
_OWED = re.compile(
    "(?:拖?欠|不发|没发|不给|没给|讨|要不到|拿不到)(?:了|着|我|我们|他|他们)*.{0,5}(?:工资|工钱|薪水|薪(?!资证明)|血汗钱)"
)
"""Pay that is owed, whatever else a message names."""
_WITHHELD = re.compile(
    r"把.{0,4}身份证.{0,4}(?:收|扣|拿|押|没收)|(?:身份证|证件)(?:也|都|又|还)?(?:被|让|给)(?!(?:人)?(?:偷|抢|骗)).{0,8}?(?:收|扣|拿走|押|没收)|(?:收|扣|押|没收|拿)(?:走|掉|下|去|着|了|我|我们|大家|的)+身份证"
)
"""An ID card that somebody keeps from its owner."""
_KEEPERS = re.compile("房东|中介|派出所|警察|交警|民警|公安|学校")
_RAISED = re.compile("涨(?:房)?租|(?:房租|租金).{0,3}[涨加]|加(?:房)?租")
"""A rent that is raised."""
_FREE_PAY = re.compile(
    "(?:工资|薪水|待遇|钱)(?:随便|无所谓|都行|都可以|面议|好商量|不限|高点|高一?些|多少无所谓)|包(?:吃|住)|(?:工资|月薪|待遇|薪水)[^，]{0,6}(?:左右|以上|上下|起步)"
)
"""What is wished for in a job, not what is owed."""
_HEAT = re.compile("高温(?:补贴|补助|津贴|费).{0,6}(?:没|不|欠|拖)|(?:没|不|欠|拖).{0,6}高温(?:补贴|补助|津贴|费)")
"""An allowance that isn't paid."""
_HURT = re.compile("工伤|(?:脚|手|腿|腰|胳膊|手指|眼睛)(?:这个|的|受|砸|断|压|夹)?(?:伤|的事|这事).{0,12}报")
"""An injury that is to be reported."""
_POINTS_WANTED = re.compile(r"(?:怎么|咋|如何|想|要|去哪|哪里).{0,4}(?:申请|参加|申报|报名).{0,3}积分")
_AT_SCHOOL = re.compile("[一二三四五六七]年级|小学|幼儿园|初一|上学|入学|读书|转学")


_NOT_THAT = re.compile(
    "(?:我)?(?:这)?(?:又|也)?不是(?!说|讲|不|很|太|本地|这里|当地).{1,10}?[，,。 啊呀]+(?P<rest>我?(?:是|就)?(?:要|想|来|找).*)"
)
"""Says that something else was meant (不是心理问题啊，我是要找人调解)."""


def meant_instead(text: str) -> frozenset[str]:
    """The services that a message says to be meant instead of what it was taken for; empty where it says nothing of it."""
    said = _NOT_THAT.fullmatch(text.strip())
    return family(said["rest"]) if said else frozenset()


def about_hours(heard: Understanding) -> bool:
    """Whether a message asks how long one may be made to work, and was told apart as such."""
    return heard.intent == "labor_dispute" and _HOURS.search(heard.text) is not None


_HEAT_PAY = re.compile("高温(?:费|补贴|津贴|补助)|防暑(?:费|降温费)|夜班(?:费|补贴|津贴)")
_BULLIED = re.compile(
    "(?:孩子|娃|儿子|女儿|小孩|囡囡|弟弟|妹妹).{0,12}(?:欺负|霸凌|孤立|排挤|被.{0,4}打|吓唬).{0,8}|(?:同学|班里|学校|高年级).{0,6}(?:欺负|霸凌|孤立|排挤)"
)


def told_apart(heard: Understanding) -> Understanding:
    """`heard` with neighbours told apart by what is said: 续 and 到期 renew a permit, and without any sign of having one
    a doubtful renewal is a first one; no exam is sat where none is spoken of."""
    said = heard.text
    if (
        heard.intent == "permit_application"
        and _RENEWS.search(said)
        and not re.search("第一次|头一回|首次|没办过", said)
    ):
        return replace(heard, intent="permit_renewal")
    if heard.intent == "emergency" and heard.band != "answer" and feared(said):
        return replace(heard, intent="rental_hazard_report", band="confirm")
    if heard.intent == "permit_replacement" and _RAN_OUT.search(said) and not _LOST.search(said):
        return replace(heard, intent="permit_renewal")
    instead = meant_instead(said)
    if instead and heard.intent not in instead:
        likeliest = next((intent for intent, _ in heard.ranking if intent in instead), "")
        heard = replace(heard, intent=likeliest or heard.intent, band="answer")
    next_ = heard.ranking[1][0] if len(heard.ranking) > 1 else ""
    doubtful = heard.intent == "permit_renewal" and heard.band != "answer" and next_ == "permit_application"
    if doubtful and not _HELD.search(said):
        (_, first), (_, second), *rest = heard.ranking
        ranking = ((next_, first), (heard.intent, second), *rest)
        named = re.search("居住证|居主证|暂住证", said) is not None
        return replace(heard, intent=next_, ranking=ranking, band="answer" if named else heard.band)
    if _NEWCOMER.search(said) and len(said) <= 24 and heard.intent not in ("school_enrollment", "permit_application"):
        return replace(heard, intent="residence_register", band="answer")
    unsure = heard.intent == "labor_dispute" and heard.band != "answer"
    if (unsure or heard.intent in _NOT_HOURS) and (_HOURS.search(said) or _YOUNG.search(said)):
        return replace(heard, intent="labor_dispute", band="answer")
    if "公积金" in said and heard.intent in _NO_FUND and not re.search("贷款|贷|买房|不交|不给", said):
        return replace(heard, intent="permit_benefits", band="answer")
    if heard.intent != "case_status" and len(said) <= 24 and _NO_NEWS.search(said):
        return replace(heard, intent="case_status", band="answer")
    if heard.band != "answer" and heard.intent not in ("psych_crisis", "psych_support") and _STOLEN.search(said):
        return replace(heard, intent="emergency", band="answer")
    if heard.intent == "id_card_renewal" and _WITHHELD.search(said) and not _KEEPERS.search(said):
        return replace(heard, intent="labor_dispute", band="answer")
    if (
        heard.intent == "wage_arrears"
        and _FREE_PAY.search(said)
        and not re.search("欠|拖|扣|没|不发|不给|讨|要回", said)
    ):
        return replace(heard, intent="job_seeking")
    if heard.intent in ("work_injury", "labor_dispute") and heard.band != "answer" and _HEAT.search(said):
        return replace(heard, intent="wage_arrears", band="answer")
    if heard.intent in ("residence_register", "residence_update") and _HURT.search(said):
        return replace(heard, intent="work_injury", band="answer")
    if heard.intent == "points_query" and _POINTS_WANTED.search(said):
        return replace(heard, intent="points_application")
    if heard.intent == "wage_arrears" and re.search("[双两二2]倍", said) and "加班" not in said:
        return replace(heard, intent="labor_dispute", band="answer")
    if heard.intent in _NOT_OWED and _OWED.search(said):
        return replace(heard, intent="wage_arrears", band="answer")
    if heard.intent in ("rental_rules", "public_housing") and heard.band != "answer" and _RAISED.search(said):
        return replace(heard, intent="rental_rules", band="answer")
    if heard.intent == "work_injury" and heard.band == "confirm" and re.search("受(?:过|了)?伤|工伤", said):
        return replace(heard, band="answer")
    if heard.intent != "labor_dispute" and _HEAT_PAY.search(said):
        return replace(heard, intent="labor_dispute", band="answer")
    if heard.intent == "community_activity" and re.search("兴趣班|夏令营|图书馆|少年宫", said):
        return replace(heard, band="answer")
    if heard.band != "answer" and _BULLIED.search(said) and not heard.danger:
        return replace(heard, intent="psych_support", band="answer")
    if heard.intent == "local_exam" and "考" not in said and _AT_SCHOOL.search(said):
        return replace(heard, intent="school_enrollment")
    return heard
