"""The description is OpenAPI 3.1, tells every route and nothing else, and its examples are right."""

import json
import re

import pytest
from flask import Flask
from pydantic import BaseModel

from bot.api import contract, document
from bot.api.problems import TITLES

from .conftest import Api


def test_it_is_openapi_3_1_and_whole(one_city: Flask) -> None:
    import jsonschema_rs

    told = one_city.test_client().get("/api/v1/openapi.json")
    assert told.mimetype == "application/json"
    found = told.get_json()
    assert found["openapi"].startswith("3.1.") and found["info"]["version"]
    for name, schema in found["components"]["schemas"].items():
        jsonschema_rs.validator_for({**schema, "components": found["components"]}), name
    refs = set(re.findall(r'"#/components/(\w+)/(\w+)"', json.dumps(found)))
    assert all(name in found["components"][kind] for kind, name in refs)
    ids = [one["operationId"] for path in found["paths"].values() for one in path.values()]
    assert len(ids) == len(set(ids)) == len(contract.OPERATIONS) >= 15


def test_every_route_is_described_and_every_description_is_a_route(one_city: Flask) -> None:
    there = {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule).removeprefix("/api/v1"))
        for rule in one_city.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and rule.endpoint not in ("api.static", "api.openapi", "api.docs")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    told = {(method.upper(), path) for path, methods in document.description()["paths"].items() for method in methods}
    assert there == told


def test_each_says_who_may_call_and_what_can_go_wrong() -> None:
    for path, methods in document.description()["paths"].items():
        for one in methods.values():
            statuses = set(one["responses"])
            assert {"429", "500", "503"} <= statuses, path
            assert ("401" in statuses) >= bool(one["security"]), path
            assert one["summary"] and one["tags"]
            assert all(int(status) in TITLES or status.startswith("2") for status in statuses)


def shapes() -> list[type[BaseModel]]:
    named = {one for op in contract.OPERATIONS for one in (op.body, op.answer) if one is not None}
    return sorted((one for one in named if document.example_of(one)), key=lambda one: one.__name__)


@pytest.mark.parametrize("shape", shapes(), ids=lambda one: one.__name__)
def test_an_example_is_what_it_is_an_example_of(shape: type[BaseModel]) -> None:
    example = document.example_of(shape)
    shape.model_validate_json(json.dumps(example))


def test_every_request_has_an_example() -> None:
    assert all(document.example_of(op.body) for op in contract.OPERATIONS if op.body)


def test_every_limit_is_written_down_and_public_ones_are_by_address() -> None:
    for op in contract.OPERATIONS:
        assert op.limits, op.name
        if not op.token:
            assert all(who == "address" for _, who in op.limits), op.name


def test_the_page_reads_without_anything_from_elsewhere(one_city: Flask) -> None:
    answer = one_city.test_client().get("/api/v1/docs")
    page = answer.text
    assert answer.status_code == 200 and "unsafe-inline" not in answer.headers["Content-Security-Policy"]
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page) and "<script" not in page and "style=" not in page
    for op in contract.OPERATIONS:
        assert document.wire_path(op) in page and op.summary in page
    for code, _ in TITLES.values():
        assert f'id="{code}"' in page
    css = one_city.test_client().get("/api/v1/static/docs.css")
    assert css.status_code == 200 and "url(" not in css.text


def test_a_stranger_reaches_only_what_is_public(one_city: Flask) -> None:
    nobody = Api(one_city.test_client())
    for op in contract.OPERATIONS:
        path = document.wire_path(op).format(**{name: example for name, (_, _, example) in contract.PATHS.items()})
        answer = nobody(op.method, path, {} if op.body else None)
        assert (answer.status_code == 401) == op.token, (op.name, answer.status_code)
