"""What is said beside every topic: no service of ours, a parting, a number left to be rung at."""

import re
from dataclasses import replace

from bot import answering, repair
from bot.answering import answer
from bot.message import Reply
from bot.situation import Decision, Situation, offering
from handlers import talk
from handlers.declared import forms
from handlers.manners import HUMAN
from handlers.turn import Choice
from intents import Understanding

_OTHERS = re.compile("股票|炒股|基金|彩票|双色球|比特币|天气预报|下不下雨|下雨吗|讲个?笑话")
_PARTING = re.compile(r"(?:拜拜?|再见|回见|88|bye)[了啦吧哈。！!~ ]*$", re.I)


def not_ours(s: Situation, heard: Understanding) -> Decision | None:
    """What is no service of ours, or a parting, whatever was talked about before (那今天买哪只股票)."""
    if len(heard.text) <= 20 and _PARTING.search(heard.text) and not repair.asks(heard.text):
        return replace(answer(s, "goodbye", "main"), intent="goodbye")
    if heard.intent == "out_of_scope" and _OTHERS.search(heard.text):
        return answer(s, "out_of_scope", "main")
    return None


_RESCUE = re.compile(
    r"(?:着火|起火|失火|火灾|火警|受伤|急病|晕倒|车祸|被打|打架|被偷|出事).{0,8}(?:打|拨|叫|找|报)(?:电话)?(?:给)?(?:哪个?|什么|啥|几|多少|谁)"
)
"""Asks for the number to ring if something happened (万一着火打哪个)."""
_IF = re.compile("万一|要是|如果|假如|以后|平时|真的?(?:着火|起火|出事)")


_COSTS = re.compile(
    r"(?:那|对了|[，, ])*(?:问你们?|在这里?问|跟你们?聊|咨询你们?|用你们?这个|你们?这(?:里|个号|个)?)(?:问题|事情?|话)?(?:要不要|会不会|是不是|要|会|得)?(?:收费|要钱|收钱|花钱|扣钱|钱)(?:的)?(?:吗|不|么|伐)?[？?]?"
)


def what_it_costs(s: Situation, heard: Understanding) -> Decision | None:
    """Whether asking here costs anything."""
    if not _COSTS.fullmatch(heard.text.strip()):
        return None
    reply = Reply(text="不收钱。在这里问事情、登记、叫工作人员，都不要钱。", choices=talk.START)
    return Decision("question", (reply,), offering(s.state, reply), "help", handler="help")


_WINDOW = re.compile(
    r"(?:那|请问|[，, ])*(?:你们|的|窗口|办公室|服务点|具体)*(?:在(?:哪里?|哪儿|什么地方|啥地方)|地址(?:是|在)?(?:哪里?|多少|什么)?)[啊呢呀？?。 ]*"
    r"|(?:那|我|[，, ])*(?:可以|能|能不能|可不可以)(?:直接)?(?:去|来|到)(?:现场|窗口|柜台|你们(?:那里?|那边|单位|办公室))(?:办|问|咨询|办理)?(?:吗|不|么)?[？?]?"
)


def where_we_are(s: Situation, heard: Understanding) -> Decision | None:
    """Where our counter is, while no service is talked about: there is none, and each matter has its own."""
    if s.state.topic or not _WINDOW.fullmatch(heard.text.strip()):
        return None
    reply = Reply(
        text="我是手机上的服务，没有柜台。要当面办的：居住登记、居住证，去住处的派出所或村、社区窗口；工资、工伤、社保，去人社局；"
        "孩子上学，问区县教育局。说说您办什么、住哪个区，我告诉您去哪里、带什么；最近的点在哪，打12345问。",
        choices=talk.START,
    )
    return Decision("question", (reply,), offering(s.state, reply), "help", handler="help")


_LANDLORD = re.compile(
    r"(?:你好|您好|[，, ])*(?:我|俺|阿拉|我家|我们家?)(?:就|也|们)?是(?:一?个|这里的|这边的|村里的|本地的?)?(?:小)?(?:房东|二房东|包租婆|包租公|出租户)"
    r"(?:[，, ]*(?:要|需要|该|得|应该|有|能)?(?:做|办|干|注意|知道|负责)?(?:些)?(?:什么|啥|哪些)(?:事情?|义务|责任|手续)?)?[吗呢啊呀。！!？? ]*"
)


def landlord(s: Situation, heard: Understanding) -> Decision | None:
    """Somebody who only says that he lets rooms: what a landlord has to do first."""
    if not _LANDLORD.fullmatch(heard.text.strip()):
        return None
    decision = answer(s, "rental_rules", "duty")
    first, *rest = decision.replies
    lead = "您是房东，先说要紧的。房间码、租客登记、能住几个人、消防、跟租客的纠纷，都可以接着问。"
    return replace(decision, replies=(replace(first, text=f"{lead}\n{first.text}"), *rest))


def ahead_of_need(text: str) -> bool:
    """Whether a message asks for the number to ring if something happened, and nothing has."""
    return _RESCUE.search(text) is not None and _IF.search(text) is not None


def rescue_numbers(s: Situation, heard: Understanding) -> Decision | None:
    """Which number to ring if there was a fire or somebody was hurt, asked ahead of need."""
    if not ahead_of_need(heard.text) or heard.danger:
        return None
    text = "着火打119，有人受伤、得了急病打120，有人打人、抢东西打110。都不要钱，全天有人接。不方便出声可以发短信到12110加当地区号。"
    handler = s.state.topic or "emergency"
    reply = Reply(text=text)
    return Decision("question", (reply,), offering(s.state, reply), heard.intent, handler=handler)


_POLICE = re.compile(
    r"(?:那|我|现在|[，, ])*(?:报警|打110|找警察|找派出所|报派出所)(?:的话|了)?(?:他们|警察|派出所|有|会|能|到底|还)*(?:不会|不能|管不管|有没有用|管|有用|用|受理|处理|理我?)(?:吗|不|么|嘛|啊|我|这事)*[？?。 ]*"
)


def police_help(s: Situation, heard: Understanding) -> Decision | None:
    """Whether the police help with what is talked about, asked while nobody is in danger (报警有用吗)."""
    if s.state.asking == talk.ALARM or not _POLICE.fullmatch(heard.text.strip()):
        return None
    text = (
        "有人动手、威胁、硬闯、被偷被骗，打110。没人动手，只是钱、合同、押金这些事，谈不拢走调解（不收钱）、仲裁或法院；"
        "不知道走哪条，打12348问，免费。您那里现在有人要动手吗？有就马上打110。"
    )
    reply = Reply(text=text, choices=(Choice("申请调解", "mediation"), HUMAN))
    return Decision("question", (reply,), offering(s.state, reply), heard.intent, handler=s.state.topic or "emergency")


_CHEATED = re.compile(
    r"(?:被|让人|叫人|遭)(?:人|骗子|网上|他们|群里|客服|对方)?.{0,4}(?:诈骗|骗(?:了|走|光|去)?).{0,6}(?:\d|[一二两三四五六七八九十几百千万]+[块元万千百]|钱|积蓄|存款)|(?:刷单|杀猪盘|裸聊|网贷客服|冒充|假客服|投资群|电信诈骗|网络诈骗).{0,10}(?:骗|转)|(?:钱|款)?转(?:给|到|过去).{0,8}骗子"
)
_BY_WHOM = re.compile("老板|厂|中介|房东|包工头|工头|合同|工资|工钱|押金|公司|装修|培训班|驾校|传销")
_MONEY_BACK = re.compile("追|要(?:得)?回|退(?:得)?回|冻结|止付|刚(?:刚|才)?转|转(?:了|过去)|挂失|银行|报警|立案|多少")
CHEATED = "cheated"
_SWINDLED = (
    "马上打110报警，越早越好，没身份证也能报：说清转给谁、哪家银行或哪个软件、什么时候、多少钱。再打您银行的客服，"
    "请他们看能不能拦下来。聊天和转账记录都别删。能不能追回来说不准。\n"
    "后面再有人说“先交钱就帮您追回来”，也是骗，别再转。"
)
_SWINDLED_AGAIN = (
    "能不能追回来、能追多少，说不准，越快越好：110和银行客服，两个都现在打，钱去了哪里让警察去查。"
    "谁说先交钱就能追回来，都是骗。"
)


def cheated(s: Situation, heard: Understanding) -> Decision | None:
    """Money lost to swindlers: the police and the bank at once; and what is asked right after that."""
    if heard.danger:
        return None
    still = CHEATED in s.state.pending and len(heard.text) <= 16 and _MONEY_BACK.search(heard.text)
    if not still and (not _CHEATED.search(heard.text) or _BY_WHOM.search(heard.text)):
        return None
    reply = Reply(text=_SWINDLED_AGAIN if still else _SWINDLED, choices=(HUMAN,), pending=(CHEATED,))
    return Decision("question", (reply,), offering(s.state, reply), "emergency", handler="emergency")


def about_number(s: Situation, heard: Understanding) -> Decision | None:
    """A number left after it was offered that somebody rings."""
    offered = any(id == f"form:{answering.CALL_BACK}" for _, id in s.state.offered)
    if not (offered and _LEFT.fullmatch(heard.text.strip())):
        return None
    return answering.opened(s, forms()[answering.CALL_BACK], heard)


_LEFT = re.compile(
    r"(?:(?:我|俺)?(?:姓|叫|是)[一-龥]{1,4}|(?:我的?)?(?:电话|手机|号码|手机号)(?:是|：|:)?|打(?:这个|我)?|就|的|[，,。：: ]++){0,8}1\d{10}(?:[，, ]*(?:(?:我|俺)?(?:姓|叫|是)[一-龥]{1,4}|这个|打这个))?[。！! ]*"
)
