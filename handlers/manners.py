"""How things are said: unsafe wishes refused in one sentence, an apology for anger, a word about ID numbers."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import yaml

from handlers.turn import Choice, Reply

_AT_US = re.compile(
    r"(?:什么|啥)(?:破|烂|鬼|狗屁|玩意)|这(?:破|烂)(?=系统|机器|公众号|软件|客服|东西|玩意|服务|程序|小程序|网站|平台|电话|号|$)|这(?:鬼|狗屁|玩意)|(?:破|烂)(?:系统|机器人|东西|玩意|公众号|软件|客服)|什么玩意|(?<![倒扔收清捡堆装])垃圾(?!.{0,5}(?:堆|桶|站|房|没人|清|分类|车|袋|满|臭|扔|倒|点|处理|收))|废物|没用的?东西|一点用(?:都|也)?没有|(?:你们?|脑子|系统|机器人?)(?:都|是不是|真)*有(?:毛病|病)|^有(?:毛病|病)(?:吧|啊|呀|是不是)*$|有毛病(?:吧|啊)|(?<![我得有他她是])神经病(?![院科人史])|(?:你|真|太|都|全|又|什么|啥|这|干|就|还)他妈(?!妈|咪|也|有|没|在|是|来)|他妈的(?!居|身份|社保|户|证|名|手机|电话|号|学|工|单|老家|年|病|医|卡)|tmd|特么|(?<![我你她俺咱爸和跟帮给])妈的|妈个|尼玛|操你|(?<!翻)(?<![叫让喊要]我)(?<![叫让喊要]我们)滚(?:蛋|开|犊子|$)|"
    r"投诉你们?|推来推去|踢皮球|(?:问|说|讲|跑|打)了(?:好几|八百|多少|三四|几十|七八|无数|[三四五六七八十])[遍次趟回]|还有没有人管|(?:你们|到底|怎么)(?:都|就|还)?没人管|^没人管(?:吗|啊|了|我)*|太差劲|差评|态度(?:太|真|这么|很)?(?:差|恶劣)|瞎(?:说|扯|回)|答非所问|听不懂人话|"
    r"糊弄|敷衍|你们.{0,4}骗(?:子|人)|(?:说|问|讲|聊)了半天(?:都|也)?没(?:有)?用|气死(?:人|我)了?$|耍我|玩我(?=吗|呢|是|吧|[？?！!]|$)|逗我(?:呢|玩)|人工智障|傻[逼x叉子]|蠢|你们(?:这帮|这些|都)?(?:是)?(?:吃干饭|干什么吃|白拿)|能不能(?:好好)?(?:说人话|干点人事)|一直(?:重复|绕)|说的(?:什么|啥)(?:屁话|鬼)|不要再?(?:重复|复读)"
)
_FED_UP = re.compile(r"气死|火大|烦死|受够|烦不烦")
_AT_OTHERS = re.compile(r"气死|火大|骗子|坑人|黑心|欺负(?:人|我们|外地)|不是人|没良心|太过分|气人|丧良心|缺德|无赖")
_OLD = re.compile(
    r"(?:我|俺|咱|人)(?:都|也|已经|年纪)?(?:老了|老啦|年纪大|岁数大|上了?(?:年纪|岁数))|年纪大了?|岁数大了?|老(?:头|太|婆婆|人家|年人|花眼|花)|眼睛(?:花|不好|看不清|不行|看不见)|眼花|看不清(?:楚)?(?:字|手机|屏幕)|(?:字|屏幕)太小|"
    r"不会(?:用|玩|弄|使)?(?:智能)?(?:手机|微信|上网|打字|拼音|操作)|(?:不|没)(?:识字|认字|认识字|识几个字)|没文化|耳朵(?:不好|背)|(?:我|俺|今年|都)(?:都|今年|已经)?(?:[6-9]\d|[六七八九]十[一二三四五六七八九]?)(?:多)?岁?(?:了|的人)|(?:婆婆|奶奶|爷爷|外婆|外公|阿婆|阿公)我"
)
HUMAN = Choice("找工作人员", "human_agent")


@cache
def _unsafe() -> tuple[tuple[tuple[re.Pattern[str], ...], re.Pattern[str], str], ...]:
    rows = yaml.safe_load((Path(__file__).parent / "unsafe.yml").read_text(encoding="utf-8"))["requests"]
    return tuple(
        (tuple(re.compile(sign, re.I) for sign in row["signs"]), re.compile(row["unless"], re.I), row["say"])
        for row in rows
    )


def refused(text: str) -> Reply | None:
    """The refusal of an unlawful wish, with the lawful way; None for an honest message."""
    for signs, unless, say in _unsafe():
        if any(sign.search(text) for sign in signs) and not unless.search(text):
            return Reply(text=say, choices=(HUMAN,))
    return None


def angry(text: str) -> bool:
    """Whether somebody is losing patience with us or the office."""
    return _AT_US.search(text) is not None or (len(text) <= 12 and _FED_UP.search(text) is not None)


def wronged(text: str) -> bool:
    """Whether somebody is angry at what was done to him by others."""
    return _AT_OTHERS.search(text) is not None


_BEATEN = re.compile(
    r"(?:老公|丈夫|男人|男朋友|对象|婆婆|公公|家里人|我爸|前夫|老婆|他|她)(?:又|老|总|经常|天天|一?喝[一-龥]{0,3}){0,4}[，,]?"
    r"(?:就|又|老|总|老是|总是|经常|天天|一直|动手|还)*(?:(?:打了?我|揍我)(?!电话|手机|的?号|微信|招呼)|打骂我|家暴|打孩子|动手打)|家暴|家庭暴力|被(?:老公|丈夫|男人|他|婆家)打"
)
SAFE_FIRST = "要是又动手、马上有危险，先打110。平时想找人帮忙、想有个地方去，打12338（妇女维权）。"
"""Said before whatever else, to somebody who is beaten at home."""


_THREATENED = re.compile(
    r"(?:说|要|威胁|扬言|恐吓|放话|敢|再).{0,12}(?:揍|打|砍|弄死|整死|打死|收拾|打断|废了|搞死)(?:死|断)?(?:我|俺|我们|我的?腿)(?!.{0,5}(?:电话|手机|号|微信|招呼|工资|卡))|"
    r"(?:威胁|恐吓)(?:要)?(?:我|俺|我们)|(?:找|叫|喊)(?:了)?(?:几个)?人(?:来)?(?:打|揍|堵|收拾|砍)(?:我|俺|我们)"
)
THREATENED = "有人说要打您、堵您，人最要紧：先离开，去人多的地方，马上打110报警；录音、聊天记录留着。"
"""Said before whatever else, to somebody who was threatened."""


_STRUCK = re.compile(
    r"(?:打|揍|踢|踹|扇)(?:了|伤)?(?:我|俺)(?:的|家)?(?:儿子|女儿|孩子|娃|小孩|老婆|媳妇|老公|妈|爸|弟|妹)(?!.{0,4}(?:电话|手机))"
)
_MOLESTED = re.compile(
    r"性骚扰|动手动脚|(?:老|总是?|一直|偷偷|又)?(?:摸|搂|抱)(?:了|着)?(?:我|俺)(?!.{0,3}(?:孩子|娃))|(?:领导|组长|主管|老板|同事|房东|工头).{0,4}骚扰我|耍流氓|非礼"
)
STRUCK = "有人动手打人，先打110，伤了去医院，病历、照片留好。"
"""Said before whatever else, to somebody whose family was struck."""
MOLESTED = (
    "被摸、被骚扰，不是您的错。马上有危险、他还在纠缠，打110。聊天、录音、监控、在场的人都留作证据。"
    "想找人帮忙：12338（妇女维权），厂里的事也可以打12351（工会）。"
)
"""Said before whatever else, to somebody who was molested."""


def struck(text: str) -> bool:
    """Whether somebody of the family was struck (还打我儿子)."""
    return _STRUCK.search(text) is not None


def molested(text: str) -> bool:
    """Whether somebody was touched or harassed (组长摸我)."""
    return _MOLESTED.search(text) is not None


def threatened(text: str) -> bool:
    """Whether somebody tells of being threatened with blows (老板说再要钱就打断我的腿)."""
    return _THREATENED.search(text) is not None


def beaten(text: str) -> bool:
    """Whether somebody tells of being beaten at home."""
    return _BEATEN.search(text) is not None


def elderly(text: str) -> bool:
    """Whether somebody says to be old, to see badly or to find phones hard."""
    return _OLD.search(text) is not None


def soothed(reply: Reply) -> Reply:
    """`reply` with an apology before it and a person called."""
    choices = reply.choices if any(c.id == HUMAN.id for c in reply.choices) else (*reply.choices, HUMAN)
    text = f"让您受累了，对不起。我已经请工作人员来跟您说，他会在这个聊天里回您。\n\n{reply.text}"
    return replace(reply, text=text.rstrip(), choices=choices)


def felt(reply: Reply) -> Reply:
    """`reply` with a word of sympathy before it."""
    return replace(reply, text=f"碰上这种事，换谁都生气，让您受委屈了，对不起。我们一步一步来。\n\n{reply.text}")


ID_NUMBER = "您发的身份证号我已经遮住，聊天记录里看不到。要用证号时，我会给您一个专门的页面填，请不要发在聊天里。"
"""Said when somebody types an ID number into the chat."""
WRONG_ID = (
    "您发的像身份证号，但位数或最后一位对不上，请对着证件再看一下。要用证号时我会给您一个专门的页面，请不要发在聊天里。"
)
"""Said to a number that looks like one and isn't."""
_ID_LIKE = re.compile(r"(?<![\dA-Za-z])\d{17}[\dXx](?![\dA-Za-z])|(?<![\dA-Za-z])\d{15,16}[Xx](?![\dA-Za-z])")


def veiled(text: str) -> str:
    """`text` without the middle of whatever looks like an ID number, right or wrong."""
    return _ID_LIKE.sub(lambda found: f"{found[0][:3]}{'*' * (len(found[0]) - 5)}{found[0][-2:]}", text)


def id_like(text: str) -> bool:
    """Whether a message holds something that looks like an ID number."""
    return _ID_LIKE.search(text) is not None
