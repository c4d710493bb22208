"""What goes wrong, told to programs and to people: `application/problem+json` (RFC 9457) in plain Chinese."""

import json
from collections.abc import Sequence
from typing import Any

from flask import Response, request

MIME = "application/problem+json"
DOCS = "/api/v1/docs"
TITLES = {
    400: ("bad_request", "请求读不懂"),
    401: ("sign_in", "请先登录"),
    403: ("forbidden", "没有权限"),
    404: ("not_found", "没有找到"),
    405: ("method", "这个地址不能这样用"),
    409: ("conflict", "现在不能这样做"),
    410: ("gone", "已经作废"),
    413: ("too_large", "内容太大"),
    415: ("not_json", "请用 JSON"),
    422: ("invalid", "有些内容要改"),
    429: ("too_fast", "太快了"),
    500: ("broken", "系统出了点问题"),
    503: ("busy", "系统正忙"),
}
"""Status → (machine's word, title). The word is part of the contract: programs branch on it."""
WORDS = {
    400: "请求的内容不是 JSON，或者读不懂。请检查格式。",
    403: "您没有权限。",
    404: "没有这个地址，或者没有这一条。",
    405: "这个地址不支持这种方法，请看接口说明。",
    413: "发来的内容太大了，请减少后再试。",
    415: "请求要带 Content-Type: application/json。",
    429: "操作太快了，请过一会儿再试。急事请直接打电话：110、119、120，心里难受打12356。",
    503: "系统正忙，请过几秒再试，同一个 key 重复发送不会办两次。急事请打12345。",
}


class Problem(Exception):
    """A refusal. `detail` is for the person; `faults`: (JSON pointer of a field, what is wrong with it)."""

    def __init__(
        self, status: int, detail: str = "", faults: Sequence[tuple[str, str]] = (), *, code: str = ""
    ) -> None:
        self.status = status
        self.code = code or TITLES[status][0]
        self.detail = detail or WORDS.get(status, "")
        self.faults = list(faults)
        super().__init__(f"{status} {self.code}")


def answer(problem: Problem, retry_after: int | None = None) -> Response:
    """The response of a refusal. `retry_after`: seconds after which another try makes sense."""
    body: dict[str, Any] = {
        "type": f"{DOCS}#{problem.code}", "title": TITLES[problem.status][1], "status": problem.status,
        "code": problem.code, "detail": problem.detail,
    }  # fmt: skip
    if problem.faults:
        body["faults"] = [{"where": where, "what": what} for where, what in problem.faults]
    response = Response(json.dumps(body, ensure_ascii=False), problem.status, mimetype=MIME)
    response.headers["Cache-Control"] = "no-store"
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="api"'
    return response


def of_status(status: int, detail: str = "") -> Response:
    """The same for a fault that has no more to tell than its status: an address that isn't there, a fault of ours."""
    known = status if status in TITLES else 400 if status < 500 else 500
    response = answer(Problem(known, detail))
    response.status_code = status
    if request.method == "HEAD":
        response.set_data(b"")
    return response
