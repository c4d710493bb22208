"""What can be wrong between us and the platform, in plain words; for `flask --app app doctor`."""

import re
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime

import requests

import clock
from bot.service import Service
from bot.wechat import client
from bot.wechat.errors import ApiFault

WORDS = {
    40164: "本机的出口 IP 不在公众平台的白名单里：登录 mp.weixin.qq.com，设置与开发 → 安全中心 → IP白名单，把这个 IP 加进去",
    40125: "AppSecret 不对：在公众平台重置后填进 WECHAT_APP_SECRET，并重启",
    40013: "AppID 不对：检查 WECHAT_APP_ID",
    40243: "AppSecret 被冻结：登录公众平台解冻",
    48001: "账号没有这个接口的权限：要认证的服务号",
    45009: "今天的接口次数用完了：明天恢复，或在公众平台清零一次",
    50002: "账号被限制：登录公众平台看通知",
}
"""errcode → what to do."""
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*(?::[0-9a-f]*){2,7}")
"""Our address as the platform saw it, in its words of 40164."""


def checks(service: Service) -> Iterator[tuple[str, str, str]]:
    """(state, what, what to do) of credentials, known trouble and the platform's clock."""
    api = client.client_of(service)
    try:
        api.tokens.get()
        yield "ok", "微信凭证有效，拿到了 access_token", ""
    except ApiFault as fault:
        todo = WORDS.get(fault.errcode or 0, "检查网络能不能到 api.weixin.qq.com，凭证有没有填错")
        address = _ADDRESS.search(fault.detail) if fault.errcode == 40164 else None
        todo = f"{todo}：{address[0]}" if address else todo
        yield "bad", f"拿不到 access_token（{fault.errcode or fault}）", todo
    known = client.trouble(service)
    if known is not None:
        yield (
            "warn",
            f"最近一天微信报过错：{known['errcode']}（{known['at']}）",
            WORDS.get(known["errcode"], "看日志里 the platform needs an operator 那一行"),
        )
    yield from _clock(service.settings.wechat_api_base)


def _clock(base: str) -> Iterator[tuple[str, str, str]]:
    try:
        told = requests.head(base, timeout=3, allow_redirects=False).headers.get("Date", "")
        there: datetime | None = parsedate_to_datetime(told) if told else None
    except (requests.RequestException, ValueError):
        yield "warn", "连不上微信的服务器，没法核对时钟", "检查本机能不能访问外网"
        return
    if there is not None and abs((clock.now() - there).total_seconds()) > 60:
        apart = abs((clock.now() - there).total_seconds())
        yield (
            "bad",
            f"本机时钟和微信差 {apart:.0f} 秒",
            "打开时间同步（timedatectl set-ntp true）；差太多会拒收微信消息",
        )
