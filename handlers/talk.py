"""Steering the conversation: hello, help, thanks, a person, and what to say when nothing was understood."""

import re
from typing import Any

from handlers import dwelling, policy
from handlers.manners import HUMAN
from handlers.registry import handles
from handlers.teams import team_of
from handlers.turn import Choice, Handoff, Link, Reply, Turn
from records.cases import LEVEL_NAMES, STATES

START = (
    Choice("居住证到期要签注", "permit_renewal"),
    Choice("租房了怎么登记", "residence_register"),
    Choice("孩子上学", "school_enrollment"),
    Choice("老板不发工资", "wage_arrears"),
    Choice("心里难受想找人说", "psych_support"),
    Choice("找工作人员", "human_agent"),
)
WELCOME = "您好，这里是新市民服务。居住证、孩子上学、工资社保、租房登记、看病打针，都可以直接用自己的话问我。"


@handles("greet")
def greet(turn: Turn) -> Reply:
    """Hello, and the commonest needs to tap."""
    return Reply(text=f"{WELCOME}\n您要办什么？", choices=START)


@handles("help")
def help_(turn: Turn) -> Reply:
    """What this is and how to use it."""
    text = (
        f"{WELCOME}\n"
        "· 打字就行，写错字、用拼音也没关系。\n"
        "· 每条答案下面都写着依据哪条规定、从哪天起施行。\n"
        "· 门上有二维码的，扫一扫就能登记住在哪里。\n"
        "· 说“转人工”，会有工作人员来接。\n"
        "我是自动回复，不是真人；拿不准的我会直说。紧急情况请打110、119、120。"
    )
    return Reply(text=text, choices=START, links=(Link("我的记录", "/me"),))


@handles("thanks")
def thanks(turn: Turn) -> Reply:
    """You're welcome."""
    return Reply(text="不客气，能帮上您就好。以后有事随时来问。")


@handles("goodbye")
def goodbye(turn: Turn) -> Reply:
    """Goodbye."""
    return Reply(text="再见，路上平安。有事随时回来问我。")


_BEYOND = (
    "这个我帮不上忙，怕说错了耽误您。我能答的是居住证、上学、工资、租房、社保、办证这些事。",
    "这个也不归我管，我不敢乱说。居住证、孩子上学、欠薪、社保、租房登记，这些可以问我；要人帮忙就找工作人员，或者打12345。",
    "这些我确实答不了。要不要请工作人员来跟您说？说“转人工”就行，急事打12345。",
)


@handles("out_of_scope")
def out_of_scope(turn: Turn) -> Reply:
    """What this service is not for, and what it is for."""
    text = _BEYOND[turn.misses % len(_BEYOND)]
    return Reply(text=text, choices=(*START[:4], START[-1]))


@handles("cancel")
def cancel(turn: Turn) -> Reply:
    """Stop; nothing is left half done."""
    return Reply(text="好的，先不弄了。您想办别的，直接说就行。")


ID_WHY = (
    "在聊天里用不着身份证号，请不要发。真要核对身份的时候，会先给您一个专门的页面，问您同不同意，只用来确认是您本人，加密保存，"
    "只给经办的工作人员看。已经发在聊天里的，我遮住了，不留。"
)
"""What an ID number is for, and that the chat keeps none."""


def let_go() -> Reply:
    """Said to somebody who gives up what he hasn't begun to file."""
    return Reply(
        text="好的，不报了，什么都没有提交，也不会有人知道。以后想报，随时跟我说。",
        choices=(Choice("看看能办什么", "help"),),
    )


def nothing_open() -> Reply:
    """Said to 跳过 and the like when no form is open."""
    return Reply(text="现在没有在填的东西。您想办什么，直接说就行。", choices=START)


@handles("affirm")
def affirm(turn: Turn) -> Reply:
    """A yes when nothing was asked."""
    return Reply(text="好的。您接下来想办哪件事？", choices=START)


def sorry(turn: Turn) -> Reply:
    """Said to somebody who only lets off steam: no menu, a person, and a way to say it again. The apology itself is
    put before it (see `handlers.manners`)."""
    opens = turn.desk.opens(turn.now) if turn.desk else ""
    when = f"现在不在上班时间，他{opens}上班。急的话打12345，24小时有人接。" if opens else "请稍等一下，急的话打12345。"
    return Reply(text=f"{when}您也可以告诉我卡在哪一步，我马上接着办。", handoff=Handoff(team_of(turn.topic), "angry"))


def go_on(topic: str, turn: Turn) -> Reply:
    """A yes or “I see” after an answer: the ways on from there."""
    title = turn.titles.get(topic, "这件事")
    sides = (Choice("要带什么", f"{topic}/papers"), Choice("在哪里办", f"{topic}/where"))
    choices = (*policy.forms_offered(turn), *sides, Choice("找工作人员", "human_agent"))
    return Reply(text=f"好的。“{title}”还想知道什么，接着问就行；要办别的也直接说。", choices=choices[:5])


@handles("deny")
def deny(turn: Turn) -> Reply:
    """A no: what was offered was wrong."""
    return Reply(
        text="是我没弄对。您换个说法再讲一遍，比如“证丢了怎么补”；或者直接找工作人员。",
        choices=(Choice("找工作人员", "human_agent"), Choice("看看能办什么", "help")),
    )


@handles("case_status")
def case_status(turn: Turn) -> Reply:
    """Where what was filed stands: by its number, by the phone it was filed with, or the person's own."""
    if turn.desk is None:
        return Reply(text="您交过的登记和申请，都在“我的记录”里。", links=(Link("我的记录", "/me"),))
    number = CASE_NUMBER.search(turn.text.upper())
    phone = next((entity.value for entity in turn.understanding.entities if entity.type == "phone"), "")
    if number:
        said = number[0].replace(" ", "")
        found = turn.desk.case(said)
        rows = [found] if found else []
        declared = turn.desk.declared_as(said) if not found else []
        missing = f"没有找到编号 {number[0]}，请看看有没有抄错。编号像 FH-20261122-0042。"
    elif phone:
        rows, declared = turn.desk.cases_by_phone(phone), turn.desk.declared_by_phone(phone)
        missing = (
            "您在这个账号里没有用这个手机号登记过事项。别的账号、别的手机上交的，只凭手机号不能查，"
            "免得别人看到：请发编号（像 FH-20261122-0042），编号找不到了请工作人员查。"
        )
    else:
        rows, declared = turn.desk.my_cases(), turn.desk.declared()
        missing = "您在这里还没有提交过事项。在别的账号、别的手机上交的，请发编号（像 FH-20261122-0042）。"
    if not rows and not declared:
        return Reply(text=missing, choices=(Choice("请工作人员查", "human_agent"),), pending=("case",))
    homes = {row.number: dwelling.told(row, own=row.person_id == turn.desk.person_id) for row in reversed(declared)}
    text = "\n".join([*(_progress(row) for row in rows[:5]), *list(homes.values())[:5]])
    return Reply(text=text, links=(Link("我的记录", "/me"),), choices=(Choice("请工作人员查", "human_agent"),))


CASE_NUMBER = re.compile(r"(?<![A-Z])[A-Z]{2}-?\s?\d{8}-?\d{4}(?!\d)")


def _progress(row: Any) -> str:
    filed = f"{row.filed_at.month}月{row.filed_at.day}日提交"
    return f"{row.number} {row.title}：{STATES[row.state]}（{filed}，现在在{LEVEL_NAMES[row.level]}）。"


_ASKED = ("person",)
"""A bare no after this takes the wish for a person back."""


@handles("human_agent")
def human_agent(turn: Turn) -> Reply:
    """A member of staff, from the queue of what was last talked about."""
    opens = turn.desk.opens(turn.now) if turn.desk else ""
    call_back = (Choice("请工作人员回电", "form:call_back"),)
    if turn.waiting and opens:
        text = f"已经帮您排上了。现在是下班时间，{opens}上班后第一时间回您。等的时候可以继续问我；急事打12345。"
        return Reply(text=text, choices=call_back, pending=_ASKED)
    if turn.waiting:
        ahead = turn.desk.ahead() if turn.desk else 0
        place = f"前面还有{ahead}位" if ahead else "您排在最前面"
        text = f"已经帮您叫了工作人员，{place}，请稍等。等的时候您可以继续问我；急事请打12345。"
        return Reply(text=text, choices=call_back, pending=_ASKED)
    handoff = Handoff(team_of(turn.topic), "asked")
    if opens:
        text = (
            f"已经帮您转给工作人员。现在不在上班时间，{opens}上班，他会在这个聊天里回复您。\n"
            "您可以先把事情写下来，或者留个电话请他回电；等的时候，能查的、能登记的我先帮您办。\n"
            "急事请打12345（24小时）；马上有危险打110。"
        )
        return Reply(text=text, choices=call_back, handoff=handoff, pending=_ASKED)
    text = (
        "好的，已经帮您转给工作人员，他会在这个聊天里回复您。\n"
        "您可以先把事情写下来：什么事、在哪个区、希望怎么办，他一来就能看到。\n"
        "急事请打12345；马上有危险打110。"
    )
    return Reply(text=text, choices=call_back, handoff=handoff, pending=_ASKED)


def not_by_id() -> Reply:
    """Said to somebody who wants his case looked up by his identity card."""
    text = (
        "身份证号这里查不了，也别发在聊天里。请发编号（像 FH-20261122-0042）；在这个账号里交的，发当时留的手机号也行。"
    )
    return Reply(text=text, choices=(Choice("请工作人员查", "human_agent"),), pending=("case",))


def number_lost() -> Reply:
    """Said to somebody who has lost the number of what he filed."""
    text = (
        "没关系。在这个账号里交的，点下面“我的记录”就看得到；在别的账号交的，请工作人员查：告诉他什么时候、交的什么事。"
    )
    return Reply(text=text, links=(Link("我的记录", "/me"),), choices=(Choice("请工作人员查", "human_agent"),))


def whom_to_ring() -> Reply:
    """Whom to ask where nothing is talked about, or a case isn't found here."""
    text = (
        "打12345（政务服务便民热线，24小时），能问办理进度，也能转到管这件事的部门；劳动、社保的事打12333。\n"
        "在这里交的，发编号或者当时留的手机号我来查；也可以请工作人员帮您查。"
    )
    return Reply(text=text, choices=(Choice("请工作人员查", "human_agent"),), pending=("case",))


def subscribed(turn: Turn) -> Reply:
    """A wish to be told about a topic: what will happen, for where, how often, and how to take it back."""
    title, where = turn.titles[turn.intent], turn.knowledge.regions.name(turn.region)
    text = (
        f"好，记下了：{where}的“{title}”一有新消息，比如开始申请、报名，我就在这里告诉您，只告诉一次。\n"
        "不想要了，随时说“不用告诉我了”。具体日期以当地公布的为准，着急可以先打12345问。"
    )
    return Reply(text=text, subscribe=turn.intent)


def hours(turn: Turn) -> Reply:
    """When our staff are there; what can be done at any hour."""
    opens = turn.desk.opens(turn.now) if turn.desk else ""
    staff = f"工作人员现在下班了，{opens}上班。" if opens else "工作人员现在在上班，要找人说“转人工”。"
    text = f"{staff}我这里全天都在，能查的、能登记的随时说。\n办事窗口几点开门，各处不一样，去之前打12345问一下。"
    return Reply(text=text, choices=START)


def rated(score: str, *, mine: bool) -> Reply:
    """Thanks for an answer to the question how satisfied somebody was; `mine`: it was asked and not answered before."""
    if not mine:
        return Reply(text="谢谢，您的评价已经收到过了。")
    if score == "1":
        text = "谢谢您直说，没帮好您，对不起。这个评价会有人看；事情还没办好的，说“转人工”，换个人接着办。"
        return Reply(text=text, choices=(Choice("找工作人员", "human_agent"),))
    return Reply(text="谢谢您的评价。以后有事随时来问。")


def unsubscribed(turn: Turn) -> Reply:
    """No more news."""
    had = turn.desk.subscriptions() if turn.desk else []
    text = "好的，不再通知您了。" if had else "您现在没有要我通知的事。"
    return Reply(text=text, unsubscribe=True)


BODY = re.compile(
    r"抽(?:筋|搐)|昏(?:迷|倒|过去)|晕(?:倒|过去)|没(?:有)?(?:呼吸|气了)|喘不(?:上|过)气|触电|溺水|落水|掉(?:进)?(?:河|水)里|车祸|(?:出|流)血(?:不止|停不)|吐血|心(?:梗|脏骤)|噎住|中毒|叫不醒|烫伤|着火|起火|煤气泄?漏|爆炸|断了(?:手|腿|指)"
    r"|流了?(?:好多|很多|一地|满地|不少|一身|好大一滩)的?血|(?:腿|手|身子|腰|脚)(?:都)?(?:动不了|动弹不得)|被[^，]{0,4}车[^，]{0,3}撞(?!坏)"
)
"""A body in danger, whatever else a message says."""
BLEEDING = re.compile(
    r"(?:在|一直|还在|不停地?)(?:流|出|淌|冒)血|血(?:止不住|流不停|一直流)|昏迷不醒|不省人事|叫不醒|没(?:有)?呼吸了?|快不行了|(?:正在|一直在?)抽(?:筋|搐)|(?:烧|发热|烫|度|小孩|孩子|娃娃?|宝宝|儿子|女儿|婴儿|毛毛|老人)(?!.{0,10}(?:报销|医保|后遗))[^，。]{0,8}[，,。！! ]?[^腿脚手，。]{0,4}(?<![腿脚手])抽(?:筋|搐|风|起来|过去|了(?![血烟奖水]))|抽(?:筋|搐).{0,6}(?:白眼|口吐|叫不应)|口吐白沫|翻白眼|触电了|溺水了|掉(?:进)?(?:河|水)里了"
)
"""The same, happening now."""
SWALLOWED = re.compile(
    r"(?:小孩|孩子|娃娃?|宝宝|儿子|女儿|毛毛|婴儿|老人|我妈|我爸|爷爷|奶奶|外婆|外公)[^，。]{0,6}(?:误食|误服|吃错|吃了|喝了|喝下|吞了|吞下|咽了)[^，。]{0,6}(?:鼠药|农药|敌敌畏|百草枯|洁厕|消毒|洗衣|洗洁精|干燥剂|电池|硬币|纽扣|药片|一把药|安眠药|汽油|酒精|84)"
)
"""Somebody else swallowed what is no food."""
PAST = re.compile(
    r"昨天|前天|上(?:周|个?月|次|星期|礼拜)|去年|前(?:几|些)天|以前|之前|那时|怎么赔|赔偿|认定|工伤|月\d|\d+[号日]"
)
CRIME = re.compile(
    r"(?:有人|有个|他们?|她|老公|我男人|男人|丈夫|老婆|对象|前夫|前男友|男朋友|女朋友|我爸|我妈|公公|婆婆|儿子|工头|邻居|隔壁|一个人|几个人|一群人|房东|老板|工友|同事|室友|舍友|老乡|保安|男的|女的).{0,8}(?:拿刀|持刀|追着?我|(?:说|讲|扬言|威胁|放话)(?:了|着|过)?(?:真)?(?:要|会|来)?(?:杀了?|弄死|砍死|打死|捅死)(?:了)?我|砍|捅|打我|打孩子|掐我|踹我|打人|在打|抢|闯进|撬门)(?!.*我(?:真)?(?:想|要)(?:死|杀|砍))"
)
"""Somebody is being attacked by somebody else."""
FIRST_RING = "有人要动手、要硬闯，马上打110；着火打119；有人受伤、得了急病打120。都是全天有人接。"
"""Said before it is asked whether somebody is in danger."""
ALARM = "alarm"
"""What an emergency's answer asks for: news of it."""
SHUT_IN = re.compile(
    r"(?:门|楼梯|楼道|出口|下面|外面|走廊).{0,6}(?:打不开|出不去|都是烟|全是烟|堵|锁|火|烧)|出不去|跑不(?:掉|出|了)|被困|困在|下不(?:去|来)|(?:都|全)是(?:浓)?烟"
)
"""Somebody can't get out."""
_QUIET = re.compile(r"不(?:敢|能|方便)(?:出声|说话|讲话|打电话)|(?:他|她)(?:就)?在(?:旁边|外面|门口|隔壁)|小声|躲在")
_FIRE = re.compile(
    r"(?<![发恼怒窝上])火(?![气锅车急爆])|[浓黑白]烟|(?:冒|出|起)了?.{0,3}烟|(?:是|有|好多|很多|大)烟|烟(?:味|雾|从|往|进|大|很大|好大|越来越|熏|呛)|"
    r"(?<![发高低退])烧(?!到?了?(?:[三四]十|\d\d)|得厉害)|爆炸|煤气|燃气|漏气|被困|困在"
)
_HURT = re.compile(
    "误食|误服|吞了|吞下|鼠药|农药|敌敌畏|百草枯|洁厕|电池|硬币|安眠药|抽筋|叫不醒|血|晕|昏|骨|断|摔|烫|触电|喘|心脏|疼|中毒|(?<!发)生了|车祸|撞|救护|不动了|没气|没呼吸|抽搐|"
    "轧|压(?:到|断|住|伤|烂|碎|扁)|夹(?:到|住|断|伤)|砸(?:到|伤|中|断)|绞(?:进|断|住|伤)|割断|抽(?:了|过去|风|起来|个不停)|口吐白沫|窒息|噎|呛(?:到|住|水)|卡(?:到|住|在)?(?:喉咙|嗓子|气管)|破水|羊水|要生了|快生了"
)
_SUNK = re.compile(
    r"塌|埋(?:在|了|住|着)|掉(?:进|到|下|了)*(?:河|水|井|江|湖|塘|海|沟|坑)|溺|落水|淹|电梯.{0,4}(?:困|卡|关)|(?:困|卡)在电梯|坠(?:楼|井)"
)
"""Somebody is buried, in the water, or shut in where only rescuers reach him."""
_LOST_ONE = re.compile(
    r"走丢|走失|失踪|(?:孩子|娃|小孩|儿子|女儿|囡囡|老人|我妈|我爸|奶奶|爷爷|老婆|人).{0,8}(?:不见了|找不(?:到|着)|没回(?:来|家))|找不(?:到|着)(?:人|她|他|孩子|娃|老人)"
)
"""Somebody is missing."""
_VIOLENT = re.compile(
    r"打(?!电话|不|了?1)|砍|刀|杀|追|堵|闯|撬|抢|棍|动手|威胁|跟踪|绑|掐|踹|捅|强奸|非礼|摸|骚扰|进我.{0,3}[房屋]|小偷|贼"
)


_GONE = re.compile(r"(?:被|让|叫|给|遭)(?:人|小偷|别人|骗子|贼)?.{0,2}(?:偷|扒|骗|顺走)(?!.{0,6}(?:正|现在|还在))")
_ROBBED = (
    "被偷、被骗的，打110报警，越早越好：说清什么时候、在哪里、丢了什么。没身份证也能报。能不能追回来说不准。\n"
    "银行卡、手机卡马上打银行和运营商的客服挂失。身份证丢了，去居住地公安的受理点补，我可以告诉您怎么补。"
)
"""Said when something was stolen: the danger is over, the loss is to be reported."""


_WHEN_CALLED = {
    "血": "好。手机别占线，120可能会打回来问路，照电话里说的做。没把握不要搬动他，有人守着他、看着呼吸，再有一个人到路口接车。",
    "火": "好。人在安全的地方等，别再进去拿东西，手机别占线；告诉来的人里面还有没有人、有没有煤气瓶。",
    "走丢": "好。家里留人，电话别占线，照片发给警察；分头去常去的地方、车站、水边找。",
    "": "好。待在安全、有人的地方，手机别占线，等警察来。门锁好，别跟他面对面。",
}


def called_for(kind: str) -> Reply:
    """Said to somebody who has rung the number: what to do until help comes. `kind`: 血, 火 or empty, as `emergency` keeps
    it."""
    return Reply(
        text=f"{_WHEN_CALLED[kind]}\n我们的工作人员也会在这里找您。", asking=ALARM, pending=(kind,), urgent=True
    )


def _kept(text: str) -> list[str]:
    """Words by which the next message (a place, a number) is answered for the same emergency."""
    told = ((SHUT_IN, "出不去"), (_SUNK, "塌"), (_LOST_ONE, "走丢"), (_VIOLENT, "动手"))
    return [word for sign, word in told if sign.search(text)]


@handles("emergency")
def emergency(turn: Turn) -> Reply:
    """The right number first, what to say there, and a person of ours at once."""
    kind = next((word for sign, word in ((_FIRE, "火"), (_HURT, "血")) if sign.search(turn.text)), "")
    attacked = CRIME.search(turn.text) is not None
    if not kind and _GONE.search(turn.text) and not CRIME.search(turn.text):
        return Reply(text=_ROBBED, choices=(Choice("补身份证", "id_card_renewal"), HUMAN))
    if SHUT_IN.search(turn.text) and _FIRE.search(turn.text):
        first = (
            "马上打119，告诉他几楼几号、出不去。门外有火有烟就别开门：关上门，湿毛巾、湿衣服塞住门缝，"
            "捂住口鼻，身子放低，到窗口喊人、挥手。不跳楼，不坐电梯。"
        )
    elif _QUIET.search(turn.text):
        first = "不方便出声，就发短信到12110加当地区号报警，写明地点和发生了什么。先躲到安全、有人的地方；能打电话了，马上打110。"
    elif _SUNK.search(turn.text) and not attacked:
        first = "请马上打119（救援），再打120。说清在哪里、几个人、怎么回事，派人到路口接。自己别贸然下水、下坑，别碰电线；看得见人就喊着他。"
    elif _FIRE.search(turn.text):
        first = "请马上打119（火警和救援）。先离开，别拿东西，弯腰用湿布捂住口鼻，不坐电梯。闻到煤气味不要开灯打火。"
    elif _HURT.search(turn.text) and not attacked:
        first = "请马上打120（急救）。说清在哪里、几个人、怎么伤的；没把握不要搬动伤者，有人陪着他。"
    elif _LOST_ONE.search(turn.text) and not attacked:
        first = (
            "请马上打110（报警），别等。说清他多大、穿什么、最后在哪里、几点，照片准备好。同时叫人到常去的地方、车站、水边找，"
            "家里和电话留人等。"
        )
    elif attacked or _VIOLENT.search(turn.text) or not turn.text.strip():
        first = "请马上打110（报警）。先躲到安全、有人的地方。不方便出声，可以发短信到12110加当地区号，写明地点和发生了什么。"
        first += "有人受伤，再打120。" if kind else ""
    else:
        first = (
            "有人受伤、得了急病打120，着火、被困打119，有人打人、抢东西打110；说不清打哪个就打110。说清在哪里、发生了什么。"
            "不方便出声，可以发短信到12110加当地区号。"
        )
    text = f"{first}\n119火警 · 120急救 · 110报警，都可以现在打。\n我也叫了我们的工作人员，他会在这里找您。"
    return Reply(
        text=text,
        urgent=True,
        asking=ALARM,
        pending=tuple(filter(None, (kind, *_kept(turn.text)))) or ("",),
        handoff=policy.ask_for_person(turn, "emergency", urgent=True),
    )


def confirm(intent: str, second: str | None, titles: dict[str, str]) -> Reply:
    """Asks whether `intent` was meant (the band `confirm`), with the next likeliest as the other way out."""
    choices = [Choice("是的", intent)]
    if second:
        choices.append(Choice(titles[second], second))
    choices.append(Choice("都不是", "deny"))
    return Reply(text=f"您是想问“{titles[intent]}”吗？", choices=tuple(choices), asking="confirm")


def which(intents: tuple[str, str], titles: dict[str, str]) -> Reply:
    """Asks which of two was meant (the band `ask`)."""
    first, second = (titles[intent] for intent in intents)
    choices = (Choice(first, intents[0]), Choice(second, intents[1]), Choice("都不是", "deny"))
    return Reply(text=f"您是想问“{first}”还是“{second}”？", choices=choices, asking="which")


_LOST = (
    "我没太明白您的意思。换个说法试试？比如说清是什么证、什么事、在哪个区。",
    "还是没弄懂，怕答错耽误您。我请工作人员来看，好吗？您也可以打12345。",
    "这件事我确实答不好。点“找工作人员”，您前面说的他都能看到；着急的话打12345。",
)


def not_understood(misses: int) -> Reply:
    """Said when nothing was understood, never the same twice in a row; `misses` counts the ones before."""
    text = _LOST[misses] if misses < len(_LOST) else _LOST[1 + (misses + 1) % 2]
    choices = (Choice("找工作人员", "human_agent"), Choice("看看能办什么", "help"))
    return Reply(text=text, choices=choices)


def broken() -> Reply:
    """Said when our own code broke on a message."""
    text = "系统刚才出了点问题，这句话没处理好，我已经转给工作人员来看。急事请打12345；马上有危险打110。"
    return Reply(text=text, handoff=Handoff("general", "broken"))


def switched_off() -> Reply:
    """Said while staff have switched the bot off."""
    text = "智能应答暂时停了，您的话已经转给工作人员，他会在这里回复您。急事请打12345；马上有危险打110。"
    return Reply(text=text, handoff=Handoff("general", "bot_off"))
