"""The description of the API: OpenAPI 3.1, made from the operations and the shapes themselves, and the same to read."""

import re
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bot.api import models
from bot.api.contract import OPERATIONS, PATHS, PREFIX, Operation
from bot.api.problems import MIME, TITLES, WORDS

VERSION = "1.0.0"
ABOUT = (
    "给小程序和其他前端用的接口。登录：POST /session 换令牌，以后放在 Authorization: Bearer 后面；令牌两小时不用或满十二小时就失效，"
    "再登录一次就行。出错时返回 application/problem+json：code 给程序判断，detail 可以直接给人看。"
    "不用 Cookie。没有在这一版说明里的字段和地址随时会变；字段只增不减，要改就出 /api/v2。"
)
TAGS = {
    "登录": "用小程序的 code 换令牌",
    "对话": "和公众号、网页是同一个对话",
    "房间": "扫码登记入住",
    "我的": "办件、导出、删除",
    "查询": "不用登录",
}


@cache
def description() -> dict[str, Any]:
    """The whole document, as plain JSON data."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "来甬来中人员服务接口", "version": VERSION, "description": ABOUT},
        "servers": [{"url": PREFIX}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items()],
        "paths": _paths(),
        "components": {
            "schemas": schemas(),
            "responses": {f"Problem{status}": _problem(status) for status in sorted(TITLES)},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "POST /session 得到的令牌"}
            },
        },
    }


@cache
def schemas() -> dict[str, Any]:
    """Every shape by name, as JSON Schema 2020-12."""
    taken = [one for op in OPERATIONS for one in (op.body, op.query) if one is not None]
    given = [op.answer for op in OPERATIONS if op.answer is not None]
    pairs = [*((one, "validation") for one in taken), *((one, "serialization") for one in (*given, models.ProblemBody))]
    _, made = models_json_schema(pairs, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    for schema in made["$defs"].values():
        schema.pop("description", None)  # those are for who reads the code
    found: dict[str, Any] = dict(sorted(made["$defs"].items()))
    return found


def _paths() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for op in OPERATIONS:
        paths.setdefault(wire_path(op), {})[op.method.lower()] = _operation(op)
    return paths


def wire_path(op: Operation) -> str:
    """`/cases/{number}` for `/cases/<number>`."""
    return re.sub(r"<(\w+)>", r"{\1}", op.path)


def _operation(op: Operation) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": op.name, "tags": [op.tag], "summary": op.summary,
        "security": [{"token": []}] if op.token else [],
        "responses": {str(op.status): _answer(op)}
        | {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in op.refusals},
    }  # fmt: skip
    if parameters := [*_path_parameters(op), *_query_parameters(op)]:
        made["parameters"] = parameters
    if op.body is not None:
        content: dict[str, Any] = {"schema": _ref(op.body)}
        if example := example_of(op.body):
            content["examples"] = {"example": {"value": example}}
        made["requestBody"] = {"required": True, "content": {"application/json": content}}
    return made


def _path_parameters(op: Operation) -> list[dict[str, Any]]:
    found = []
    for name in re.findall(r"<(\w+)>", op.path):
        pattern, words, example = PATHS[name]
        schema = {"type": "string", "pattern": pattern}
        found.append(
            {"name": name, "in": "path", "required": True, "description": words, "schema": schema, "example": example}
        )
    return found


def _query_parameters(op: Operation) -> list[dict[str, Any]]:
    if op.query is None:
        return []
    schema = schemas()[op.query.__name__]
    found = []
    for name, field in schema["properties"].items():
        kept = {key: value for key, value in field.items() if key not in ("title", "description", "examples")}
        one = {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": kept}
        if "description" in field:
            one["description"] = field["description"]
        if "examples" in field:
            one["example"] = field["examples"][0]
        found.append(one)
    return found


def _answer(op: Operation) -> dict[str, Any]:
    if op.answer is None:
        return {"description": "成功，没有内容"}
    content: dict[str, Any] = {"schema": _ref(op.answer)}
    if example := example_of(op.answer):
        content["examples"] = {"example": {"value": example}}
    return {"description": "成功", "content": {"application/json": content}}


def _problem(status: int) -> dict[str, Any]:
    code, title = TITLES[status]
    made: dict[str, Any] = {
        "description": f"{title}（code: {code}）",
        "content": {MIME: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
    }
    if status in WORDS:
        body = {
            "type": f"{PREFIX}/docs#{code}",
            "title": title,
            "status": status,
            "code": code,
            "detail": WORDS[status],
        }
        made["content"][MIME]["examples"] = {"example": {"value": body}}
    if status in (429, 503):
        made["headers"] = {"Retry-After": {"description": "过多少秒再试", "schema": {"type": "integer"}}}
    return made


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def example_of(model: type[BaseModel]) -> dict[str, Any] | None:
    """The example that a shape carries."""
    extra = model.model_config.get("json_schema_extra")
    found: Any = extra.get("examples", [None]) if isinstance(extra, dict) else [None]
    return found[0] if isinstance(found, list) and isinstance(found[0], dict) else None
