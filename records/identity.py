"""Papers and numbers by which people are told apart, checked and masked."""

import re
from datetime import date

from records.crypto import cipher

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
_MOBILE = re.compile(r"1[3-9]\d{9}")
_OTHER = re.compile(r"[A-Z0-9()]{5,20}")
_NAME = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff·•.A-Za-z' -]{2,40}")
CHILD = 14
"""Years under which personal data is sensitive and a guardian must consent (个人信息保护法 art. 28, 31)."""
MINOR = 18
OF_AGE = 16
"""Years under which a guardian declares (浙江省流动人口居住登记条例 art. 7)."""


class BadNumber(ValueError):
    """What is wrong with a number, for the person who typed it."""


def id_number(text: str, today: date) -> str:
    """An ID number in its stored form: 18 characters, X upper case, GB 11643 checksum, a date of birth that can be.

    Raises `BadNumber`.
    """
    number = re.sub(r"[\s-]", "", text).upper().replace("Ｘ", "X")
    if not re.fullmatch(r"\d{17}[\dX]", number, re.ASCII):
        raise BadNumber(f"身份证号应是18位，您填了{len(number)}位，请对着证件再看一遍")
    total = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False))
    if _CHECK[total % 11] != number[17]:
        raise BadNumber("身份证号有一位填错了，请对着证件再看一遍")
    try:
        birth = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise BadNumber("身份证号里的出生日期不对，请对着证件再看一遍") from None
    if not date(1900, 1, 1) <= birth <= today:
        raise BadNumber("身份证号里的出生日期不对，请对着证件再看一遍")
    return number


def birth_of(number: str) -> date:
    """The date of birth in a checked ID number."""
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))


def other_paper(text: str) -> str:
    """A passport's or travel permit's number in its stored form. Raises `BadNumber`."""
    number = re.sub(r"[\s-]", "", text).upper()
    if not _OTHER.fullmatch(number):
        raise BadNumber("证件号码应是5到20位字母和数字")
    return number


def mobile(text: str) -> str:
    """A mobile number in its stored form. Raises `BadNumber`."""
    number = re.sub(r"[\s-]", "", text).removeprefix("+86")
    if not _MOBILE.fullmatch(number):
        raise BadNumber("手机号应是11位，以1开头")
    return number


def person_name(text: str) -> str:
    """A name in its stored form. Raises `BadNumber`."""
    name = " ".join(text.split())
    if not _NAME.fullmatch(name):
        raise BadNumber("姓名请按证件上的填写")
    return name


def age(born: date, on: date) -> int:
    """Full years of age."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def month_of_18(born: date) -> date:
    """The first day of the month in which somebody turns 18: enough to count adults, too little to tell who it is."""
    return date(born.year + MINOR, born.month, 1)


def mask_name(name: str) -> str:
    """王小明 → 王**."""
    return name[:1] + "*" * max(1, len(name) - 1)


def mask_number(number: str) -> str:
    """990101********1234: enough for its owner to know it, for nobody else to use it."""
    return f"{number[:3]}{'*' * max(0, len(number) - 7)}{number[-4:]}" if len(number) > 7 else "*" * len(number)


def mask_phone(phone: str) -> str:
    """139****1234."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) == 11 else mask_number(phone)


def lookup(kind: str, value: str) -> bytes:
    """The keyed hash under which a name, number or last four digits are found."""
    return cipher().lookup(kind, value)
