"""Signing in: a mini-program's one-time code becomes a token of ours; what the platform gave is not kept."""

from flask import current_app

import clock
from bot.api import contract, models
from bot.api.contract import operation, person
from bot.api.problems import Problem
from bot.service import service
from records import api_sessions, people
from records.base import write


@operation(
    "POST", "/session", tag="登录", summary="用 wx.login 的 code 登录", body=models.LoginCode, answer=models.Signed, status=201,
    refusals=(401,), token=False, limits=(("600 per minute", "address"),),
)  # fmt: skip
def sign_in(body: models.LoginCode) -> models.Signed:
    """Change the code for a token. The person has a row from here on."""
    settings = service().settings
    if not settings.mini_app_id:
        raise Problem(503, "这里还没有接小程序。请在公众号里办，或者打12345。")
    try:
        openid = current_app.extensions["api"]["openid_of"](body.code)
    except ConnectionError:
        raise Problem(503, "微信那边没有应答，请过几秒再试。") from None
    if not openid:
        raise Problem(401, "登录没有完成：这个 code 已经用过或者过期了，请重新打开小程序。")
    now = clock.now()
    with write(service().engine) as conn:
        people.add(conn, contract.CHANNEL, openid, now)
        row = people.find(conn, contract.CHANNEL, openid)
        if row is None:
            raise Problem(503)
        token = api_sessions.start(conn, row.id, now)
    return models.Signed(
        token=token, expires_at=now + api_sessions.ABSOLUTE, idle_seconds=int(api_sessions.IDLE.total_seconds())
    )


@operation("GET", "/session", tag="登录", summary="现在的登录", answer=models.Session)
def session() -> models.Session:
    """Who is signed in, and until when."""
    row = person()
    return models.Session(
        ends_at=api_sessions.ends(row.started_at, clock.now()), region=row.region, line=row.line
    )  # fmt: skip


@operation(
    "DELETE", "/session", tag="登录", summary="退出登录", query=models.Everywhere, answer=None, status=204
)  # fmt: skip
def sign_out(query: models.Everywhere) -> None:
    """End this session, or all of the person's."""
    row, now = person(), clock.now()
    with write(service().engine) as conn:
        if query.everywhere:
            api_sessions.end_all(conn, row.id, now)
        else:
            api_sessions.end(conn, row.session_id, now)
