"""How the console says things: times, people, places, states; and what it keeps masked on screen."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import clock
from handlers.registry import titles
from records import handoffs
from records.staff import ROLES, TEAMS

CHANNELS = {"wechat": "微信", "web": "网页", "mini": "小程序"}
STATES = {"waiting": "等待接待", "claimed": "接待中", "closed": "已结束"}
BANDS = {"answer": "直接回答", "confirm": "先确认", "ask": "二选一", "person": "转人工"}
OUTCOMES = {
    "resolved": "已解决",
    "advised": "已告知办法",
    "referred": "转其他部门",
    "unreachable": "联系不上",
    "mistaken": "误触或测试",
}
ACTIONS = {
    "claimed": "接起", "assigned": "自动分配", "transferred": "转交", "returned": "退回队列", "unanswered": "超时退回",
    "offshift": "下班退回", "closed": "结束", "labelled": "改标签", "safety": "安全核对", "handed_back": "交还机器人",
    "stepped_in": "值班长接管", "reopened": "回到原接待人", "alarm_taken": "接警",
    "merged": "合并", "parted": "拆开", "pushed": "发服务通知",
}  # fmt: skip
UNDELIVERED = {
    "waiting": "没有发出：对方的时间窗口已过或条数用完。等对方再说话会自动发出；急事请打电话。",
    "refused": "送不到：对方取消关注、拉黑或没有订阅。请改打电话。",
    "failed": "没有发出：多次尝试都失败。可以点“重发”，或改打电话。",
    "pending": "正在发送…",
    "sending": "正在发送…",
    "accepted": "已交给微信，等微信说是否送到。",
}
DEEDS = {
    "login": "登录", "logout": "退出", "search": "查找", "chat.opened": "打开会话", "chat.claimed": "接起会话",
    "chat.transferred": "转交会话", "chat.closed": "结束会话", "chat.taken_over": "接管会话", "alarm.taken": "接警",
    "safety.checked": "安全核对", "personal.revealed": "查看完整信息", "case.opened": "打开事项", "case.accepted": "受理事项",
    "case.working": "办理事项", "case.resolved": "办结事项", "case.returned": "退回事项", "case.assigned": "分派事项",
    "cases.exported": "导出事项", "reports.exported": "导出报表", "switch.changed": "改开关", "calendar.changed": "改节假日",
    "shift.added": "排班", "staff.created": "开账号", "staff.invited": "邀请同事", "staff.joined": "同事加入",
    "staff.change": "改账号", "staff.disable": "停用账号", "staff.disabled": "停用账号", "staff.enable": "恢复账号",
    "staff.sessions": "退出所有登录", "staff.totp": "清掉两步验证", "staff.totp_on": "打开两步验证",
    "staff.totp_off": "关掉两步验证", "staff.password": "改密码", "staff.sessions_own": "退出自己别处的登录", "quality.opened": "质检阅读", "quality.scored": "质检打分",
    "draft.sent": "原样发出答案", "draft.edited": "改答案后发出", "draft.refused": "退掉答案", "people.merged": "合并会话",
    "people.parted": "拆开会话", "case.attached": "加附件", "case.photo": "看随表照片", "bulletin.written": "写通知", "bulletin.submitted": "通知送审",
    "bulletin.returned": "通知退回", "bulletin.approved": "批准通知", "bulletin.stopped": "停发通知",
    "answer.written": "写公开答复", "answer.submitted": "公开答复送审", "answer.returned": "公开答复退回",
    "answer.published": "公开答复", "answer.withdrawn": "撤下公开答复",
    "push.sent": "发服务通知", "canned.added": "加快捷回复", "canned.removed": "删快捷回复",
}  # fmt: skip
"""The audit log's actions in words."""
_WEEKDAYS = "一二三四五六日"


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """How long since `at`: 刚刚, 5分钟, 3小时, 2天."""
    if at is None:
        return ""
    return span((now or clock.now()) - at)


def span(length: timedelta | float | None) -> str:
    """A length of time (a timedelta, or seconds) in words."""
    if length is None:
        return "—"
    seconds = int(length.total_seconds() if isinstance(length, timedelta) else length)
    if seconds < 60:
        return f"{max(seconds, 0)}秒"
    if seconds < 3600:
        return f"{seconds // 60}分钟"
    if seconds < 3 * 86400:  # as the sending window of 48 h is counted
        hours, minutes = divmod(seconds // 60, 60)
        return f"{hours}小时{minutes}分" if hours < 10 and minutes else f"{hours}小时"
    return f"{seconds // 86400}天"


def moment(at: datetime | None, now: datetime | None = None) -> str:
    """A moment: 14:05 today, 昨天 14:05, 11月20日 14:05 this year, with the year otherwise."""
    if at is None:
        return ""
    at, today = at.astimezone(clock.CHINA), (now or clock.now()).date()
    if at.date() == today:
        return f"{at:%H:%M}"
    if at.date() == today - timedelta(days=1):
        return f"昨天 {at:%H:%M}"
    date = f"{at.month}月{at.day}日"
    return f"{date} {at:%H:%M}" if at.year == today.year else f"{at.year}年{date} {at:%H:%M}"


def day(at: datetime) -> str:
    """A day: 11月22日 星期日."""
    at = at.astimezone(clock.CHINA)
    return f"{at.month}月{at.day}日 星期{_WEEKDAYS[at.weekday()]}"


def person(person_id: int) -> str:
    """What the console calls somebody who has no name with us."""
    return f"新市民 {person_id:04d}"


def intent(name: str | None) -> str:
    """An intent's title."""
    return titles().get(name or "", name or "")


def of(table: Mapping[str, str]) -> Callable[[str | None], str]:
    """A filter that looks a word up and shows it as it is when it is unknown."""
    return lambda key: table.get(key or "", key or "")


_NUMBERS = re.compile(r"(?<![0-9A-Za-z])(?:(\d{6})\d{8}(\d{3}[\dXx])|(1[3-9]\d)\d{4}(\d{4}))(?![0-9A-Za-z])")


def masked(text: str) -> str:
    """A text with its ID and phone numbers masked (promise 12)."""
    return _NUMBERS.sub(lambda m: f"{m[1][:3]}{'*' * 11}{m[2]}" if m[1] else f"{m[3]}****{m[4]}", text)


def hides(text: str) -> bool:
    """Whether masking hides anything in a text."""
    return _NUMBERS.search(text) is not None


def percent(value: float | None) -> str:
    """0.876 → 88%."""
    return "" if value is None else f"{value * 100:.0f}%"


def preview(body: Any, kind: str | None = None) -> str:
    """The beginning of a message, on one line, masked."""
    if body is None:
        return ""
    if isinstance(body, list):
        text = " ".join(str(part.get("text", "")) for part in body)
    else:
        text = str(body.get("text", "")) or _MEDIA.get(kind or "", "")
    return masked(" ".join(text.split()))[:60]


def answer(body: Any) -> str:
    """The words of an answer of the bot."""
    return "\n\n".join(str(part.get("text", "")) for part in body).strip()


_MEDIA = {"image": "［图片］", "voice": "［语音］", "video": "［视频］", "location": "［位置］", "link": "［链接］"}

FILTERS: dict[str, Callable[..., Any]] = {
    "ago": ago, "span": span, "moment": moment, "day": day, "person": person, "intent": intent, "masked": masked,
    "hides": hides, "answer": answer,
    "percent": percent, "preview": preview, "team": of(TEAMS), "role": of(ROLES), "channel": of(CHANNELS),
    "reason": of(handoffs.REASONS), "state": of(STATES), "band": of(BANDS), "outcome": of(OUTCOMES), "action": of(ACTIONS),
    "undelivered": of(UNDELIVERED),
    "deed": of(DEEDS), "media": of(_MEDIA),
}  # fmt: skip
