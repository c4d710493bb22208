"""The platform's error codes, each mapped to what we do about it (wx-err-01, wx-kf-04). One table, no exceptions."""

from dataclasses import dataclass
from typing import Literal

Action = Literal["refresh_retry_once", "retry_later", "drop_for_user", "alert", "wait_for_contact"]
"""What to do: fetch a new token and try once more; try later; give up for this person; tell the operators, since
nothing but their hands helps; keep until the person contacts us again (a spent quota is normal, not a fault)."""


@dataclass(frozen=True, slots=True)
class Code:
    """One error code: what to do, and what it means to an operator."""

    action: Action
    meaning: str


CODES: dict[int, Code] = {
    -1: Code("retry_later", "平台繁忙"),
    40001: Code("refresh_retry_once", "access_token 无效，或 AppSecret 不对"),
    40003: Code("drop_for_user", "openid 不属于本账号"),
    40007: Code("drop_for_user", "素材已失效（临时素材只保留 3 天）"),
    40013: Code("alert", "AppID 不对，请核对 WECHAT_APP_ID"),
    40014: Code("refresh_retry_once", "access_token 不合法"),
    40018: Code("alert", "菜单名称太长"),
    40029: Code("drop_for_user", "网页授权 code 无效"),
    40037: Code("alert", "模板编号不对，请在平台后台核对"),
    40125: Code("alert", "AppSecret 不对，请核对 WECHAT_APP_SECRET"),
    40163: Code("drop_for_user", "网页授权 code 已用过"),
    40164: Code("alert", "本机出口 IP 不在平台的白名单里，请在平台后台添加"),
    40226: Code("drop_for_user", "高风险用户，平台不让他登录小程序"),
    40200: Code("alert", "这种账号不能发这类消息，请核对 WECHAT_ACCOUNT_KIND"),
    41001: Code("refresh_retry_once", "缺少 access_token"),
    42001: Code("refresh_retry_once", "access_token 已过期"),
    43004: Code("drop_for_user", "对方没有关注公众号"),
    43019: Code("drop_for_user", "对方在黑名单里"),
    43101: Code("drop_for_user", "对方没有订阅这种通知"),
    45002: Code("alert", "消息太长"),
    45008: Code("alert", "图文消息超过一篇"),
    45009: Code("retry_later", "今天的接口次数用完了"),
    45011: Code("retry_later", "调用太频繁"),
    45015: Code("wait_for_contact", "客服消息的时间窗口已过"),
    45047: Code("wait_for_contact", "客服消息的条数已用完"),
    45109: Code("alert", "这个发送接口已下线"),
    47003: Code("alert", "模板字段不符合要求"),
    48001: Code("alert", "账号没有这个接口的权限"),
    50002: Code("alert", "账号被限制使用"),
}
_UNKNOWN = Code("alert", "没有登记的错误码，请查平台的返回码表")
_NO_ANSWER = Code("retry_later", "平台没有应答")


def meaning_of(errcode: int | None) -> Code:
    """What `errcode` calls for. None stands for no usable answer at all (time-out, broken connection, not JSON)."""
    if errcode is None:
        return _NO_ANSWER
    return CODES.get(errcode, _UNKNOWN)


class ApiFault(Exception):
    """A call to the platform failed. `errcode` is None where there was no usable answer.

    `sent`: the request may have been carried out although nothing came back, so a repetition may be a second one.
    """

    def __init__(self, errcode: int | None, detail: str = "", *, sent: bool = False) -> None:
        self.errcode = errcode
        self.code = meaning_of(errcode)
        self.detail = detail
        self.sent = sent
        number = "no answer" if errcode is None else str(errcode)
        super().__init__(f"{number}: {self.code.meaning}" + (f" ({detail})" if detail else ""))

    @property
    def action(self) -> Action:
        """What to do about it."""
        return self.code.action
