"""What is wrong with an input, field by field, in words for whoever filled it in."""

import re
from functools import cache

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot.api.problems import Problem

_SAID = {
    "missing": "要填",
    "extra_forbidden": "没有这一项",
    "string_type": "要是文字",
    "bool_type": "要是 true 或 false",
    "bool_parsing": "要是 true 或 false",
    "int_type": "要是整数",
    "int_parsing": "要是整数",
    "int_from_float": "要是整数",
    "list_type": "要是一个列表",
    "dict_type": "要是一个对象",
    "model_type": "要是一个对象",
    "model_attributes_type": "要是一个对象",
    "string_pattern_mismatch": "格式不对，请看接口说明",
    "date_type": "要是日期，像 2026-07-01",
    "date_parsing": "要是日期，像 2026-07-01",
    "date_from_datetime_parsing": "要是日期，像 2026-07-01",
}


def problem_of(error: ValidationError, root: str = "/") -> Problem:
    """The refusal of an input. `root`: what stands before a field's name (`/` in a body, `?` in a query)."""
    details = error.errors(include_url=False, include_input=False)
    if any(one["type"] == "json_invalid" for one in details):
        return Problem(400)
    found = [(_where(one, root), _what(one)) for one in details[:20]]
    return Problem(422, "请改好标出的几项再发。", list(dict.fromkeys(found)))


def _where(one: ErrorDetails, root: str) -> str:
    # A name that the caller made up is not repeated to him: it may be anything, and long.
    parts = [str(part) for part in one["loc"] if isinstance(part, int) or fits(r"^[a-z_]{1,40}$", str(part))]
    return root + "/".join(parts)


def _what(one: ErrorDetails) -> str:
    kind, detail = one["type"], one.get("ctx", {})
    if kind == "string_too_long":
        return f"最多{detail['max_length']}个字"
    if kind == "string_too_short":
        return "要填" if detail["min_length"] == 1 else f"至少{detail['min_length']}个字"
    if kind == "too_long":
        return f"最多{detail['max_length']}项"
    if kind == "too_short":
        return f"至少{detail['min_length']}项"
    if kind in ("literal_error", "enum"):
        return f"只能是 {detail['expected']}".replace(" or ", " 或 ")
    if kind == "greater_than_equal":
        return f"不能小于{detail['ge']}"
    if kind == "less_than_equal":
        return f"不能大于{detail['le']}"
    return _SAID.get(kind, "格式不对，请看接口说明")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


def fits(pattern: str, text: str) -> bool:
    """Whether a text is wholly of a pattern."""
    return _compiled(pattern).fullmatch(text) is not None
