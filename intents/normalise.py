"""One spelling for what can be typed in many: traditional and simplified, full and half width, emoji, noise.

Nothing here raises, whatever the text holds. Everything is for the classifier; entities and the crisis
detector read the message as it came.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Protocol

# Longer messages are read from both ends: people say what they want first or last.
HEAD, TAIL = 200, 120

_CJK = "\u3400-\u9fff"
_SPACES = re.compile(r"\s+")
_CJK_SPACE = re.compile(rf"(?<=[{_CJK}，。？！、；：]) (?=[{_CJK}，。？！、；：])")
_REPEATED = re.compile(r"(.)\1{2,}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_REPEATED_MARK = re.compile(r"([^\w\s])[\s]*(?:\1[\s]*)+")
_URL = re.compile(r"(?:https?://|www\.)[!-~]+", re.IGNORECASE)
_TAGGED_EMOJI = re.compile(r"\[([\u4e00-\u9fff]{1,4})\]")

# What an emoji says, where it says something. The rest only decorate and are dropped.
_EMOJI = {
    "👌": "好的",
    "👍": "好的",
    "🆗": "好的",
    "✅": "对",
    "✔": "对",
    "☑": "对",
    "√": "对",
    "✖": "不对",
    "✗": "不对",
    "❎": "不对",
    "×": "不对",
    "⭕": "对",
    "🛑": "停止",
    "⛔": "停止",
    "🔙": "返回",
    "↩": "返回",
    "🙆": "好的",
    "❌": "不对",
    "🙅": "不要",
    "🙏": "谢谢",
    "👋": "再见",
    "🤝": "你好",
    "😭": "哭",
    "😢": "哭",
    "💔": "伤心",
    "🆘": "救命",
    "🔥": "着火",
    "🚑": "救护车",
    "🚒": "消防车",
    "❓": "?",
    "❔": "?",
    "⁉": "?",
    "💰": "钱",
    "💵": "钱",
    "🏠": "房子",
    "👶": "宝宝",
    "🏥": "医院",
    "💉": "打针",
    "🚗": "汽车",
    "📱": "手机",
}
# WeChat sends its own stickers as words in brackets.
_TAGGED = {
    "微笑": "",
    "抱拳": "谢谢",
    "合十": "谢谢",
    "强": "好的",
    "OK": "好的",
    "好的": "好的",
    "握手": "你好",
    "再见": "再见",
    "流泪": "哭",
    "大哭": "哭",
    "苦涩": "哭",
    "心碎": "伤心",
}
_PUNCTUATION = str.maketrans(
    {
        ",": "，",
        ".": "。",
        "?": "？",
        "!": "！",
        ";": "；",
        ":": "：",
        "(": "，",
        ")": "，",
        "~": " ",
        "…": "。",
        "—": " ",
        "「": " ",
        "」": " ",
        "『": " ",
        "』": " ",
        "“": " ",
        "”": " ",
        '"': " ",
        "‘": " ",
        "’": " ",
        "《": " ",
        "》": " ",
        "【": " ",
        "】": " ",
    }
)


class _Converter(Protocol):
    def convert(self, text: str) -> str: ...


@lru_cache(maxsize=1)
def _to_simplified() -> _Converter:
    from opencc import OpenCC

    converter: _Converter = OpenCC("t2s")
    return converter


def _clip(text: str) -> str:
    if len(text) <= HEAD + TAIL:
        return text
    return text[:HEAD] + " " + text[-TAIL:]


def _clean(text: str) -> str:
    """Join surrogate pairs, drop lone ones, control characters and invisible marks; spell emoji out."""
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    out = []
    for ch in text:
        if "\u4e00" <= ch <= "\u9fff":
            out.append(ch)
        elif ch < "\u2000":
            out.append(ch if ch >= " " and ch != "\x7f" else " ")
        elif ch in _EMOJI:
            out.append(_EMOJI[ch])
        elif unicodedata.category(ch) in ("Cc", "Cf", "Cs", "Co", "Cn", "So", "Mn", "Sk"):
            out.append(" " if ch > "\uffff" else "")
        else:
            out.append(ch)
    return "".join(out)


def normalise(text: str) -> str:
    """The spelling the classifier works on; "" when nothing readable is left. Never raises."""
    text = unicodedata.normalize("NFKC", _clean(_clip(str(text))))
    text = _URL.sub(" 网址 ", text)
    text = _TAGGED_EMOJI.sub(lambda m: _TAGGED.get(m[1], m[1]), text)
    text = _to_simplified().convert(text.replace("\x00", " ")).lower()
    text = text.translate(_PUNCTUATION)
    text = _REPEATED_MARK.sub(r"\1", text)
    text = _REPEATED.sub(r"\1\1", text)
    text = _SPACES.sub(" ", text)
    return _CJK_SPACE.sub("", text).strip()
