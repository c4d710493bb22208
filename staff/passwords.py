"""Passwords: argon2id, and what makes one good enough."""

import secrets
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from records import breached

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP's least for argon2id: 19 MiB, two passes; 27 ms here."""
SHORTEST = 10
_LONGEST = 128
_LOOKED_AT = 72
"""So much of a password is reckoned; the time it takes grows with the cube of it."""
_GOOD = 3
"""zxcvbn's mark from which a password takes more than 100 million guesses: no common one does."""
_OURS = (
    "ningbo", "zhongshan", "zhejiang", "guangdong", "haishu", "jiangbei", "zhenhai", "beilun", "yinzhou", "fenghua",
    "yuyao", "cixi", "ninghai", "xiangshan", "xinshimin", "xinyimin", "xinningboren", "juzhuzheng", "jifen", "renkou",
    "zhengfu", "gongzuo", "gongzuotai", "weixin", "wechat", "gongzhonghao", "city", "staff", "console", "rehearsal",
    "mima", "woaini", "woaiwojia", "zhongguo", "china", "aini", "wodemima", "beijing", "shanghai", "hangzhou",
    "guangzhou", "shenzhen", "nihao", "asdasd", "qweqwe", "宁波", "中山", "浙江", "广东", "新市民", "居住证", "积分",
    "微信", "公众号", "工作台", "密码", "我爱你", "中国", "流动人口", "网格员",
)  # fmt: skip
"""Words that somebody who knows the place, the work or the language tries first; the account's own come with them."""
_NOBODY = HASHER.hash(secrets.token_urlsafe(16))  # so that an unknown login takes as long as a known one


def matches(stored: str | None, password: str) -> bool:
    """Whether a password is the stored one. Takes as long when there is no account (`stored` None)."""
    try:
        return HASHER.verify(stored or _NOBODY, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def hashed(password: str) -> str:
    """What is stored of a password."""
    return HASHER.hash(password)


def made_up() -> str:
    """A password to be handed over once."""
    return secrets.token_urlsafe(12)


def fault(password: str, login: str, name: str = "", leaked: Path | None = None) -> str | None:
    """What is wrong with a new password, in words for its owner; None when it will do.

    `leaked`: a file of passwords known to have been stolen elsewhere (`records.breached`), where the office has one.
    """
    if len(password) < SHORTEST:
        return f"密码至少{SHORTEST}个字符。用一句只有您知道的话最好记。"
    if len(password) > _LONGEST:
        return f"密码最多{_LONGEST}个字符。"
    if login and login.lower() in password.lower():
        return "密码里不能有账号名。"
    if len(set(password)) < 5 or password.isdecimal():
        return "这个密码太容易猜到，请混用字母、数字或汉字。"
    from zxcvbn import zxcvbn  # its word lists are 8 MB, and few processes are ever asked

    reckoned: dict[str, Any] = zxcvbn(password[:_LOOKED_AT], user_inputs=[*_OURS, login, name])
    if reckoned["score"] < _GOOD:
        return "这个密码太容易猜到：常见的密码、地名、单位名、年份和键盘上连着的键，别人先试的就是这些。请换一句只有您知道的话。"
    if leaked is not None and breached.holds(leaked, password):
        return "这个密码在别处泄露过，请换一个。"
    return None
