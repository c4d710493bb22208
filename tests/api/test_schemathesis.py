"""Whatever the description allows, and whatever it doesn't, gets an answer that the description names."""

from collections.abc import Iterator

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from bot.api import contract

from .conftest import signed_in

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, unsupported_method,
]  # fmt: skip
# Not negative_data_rejection: it also breaks the Authorization header, which `try_out` sets right again, and query
# parameters that vanish on the wire. What must be refused by field is in test_api.py.
NAMES = [one.name for one in contract.OPERATIONS]
ENDS_ITS_TOKEN = ("sign_out", "erase")


@pytest.fixture(scope="module")
def unlimited(one_city: Flask) -> Iterator[Flask]:
    """The application without its limits, or most calls would only meet those."""
    limiter = one_city.extensions["api"]["limiter"]
    limiter.enabled = False
    yield one_city
    limiter.enabled = True


def try_out(app: Flask, name: str, mode: GenerationMode, count: int) -> tuple[int, set[int]]:
    """`count` requests to one operation, each answer checked against the description. Returns how many there were and
    which statuses came."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    operation: APIOperation = next(
        one.ok() for one in schema.get_all_operations() if one.ok().definition.raw["operationId"] == name
    )
    token, _ = signed_in(app)
    seen: list[int] = []

    @given(case=operation.as_strategy(mode))
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        derandomize=count < 100,  # the same few each time; by night others
    )  # fmt: skip
    def one_call(case: Case) -> None:
        bearer = signed_in(app)[0] if name in ENDS_ITS_TOKEN else token
        response = case.call(headers={"Authorization": f"Bearer {bearer}"})
        case.validate_response(response, checks=CHECKS)
        seen.append(response.status_code)

    one_call()
    return len(seen), set(seen)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore")
def test_what_the_description_allows_is_answered_as_it_says(unlimited: Flask, name: str) -> None:
    count, statuses = try_out(unlimited, name, GenerationMode.POSITIVE, 6)
    assert count >= 1 and statuses and 401 not in statuses - ({401} if name == "sign_in" else set())


@pytest.mark.parametrize("name", [one.name for one in contract.OPERATIONS if one.body or one.query])
@pytest.mark.filterwarnings("ignore")
def test_what_it_does_not_allow_is_refused(unlimited: Flask, name: str) -> None:
    count, statuses = try_out(unlimited, name, GenerationMode.NEGATIVE, 6)
    assert count >= 1 and statuses & {400, 422}


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore")
def test_many_of_both(unlimited: Flask) -> None:
    """300 of each kind to every operation."""
    total = 0
    for name in NAMES:
        total += try_out(unlimited, name, GenerationMode.POSITIVE, 300)[0]
        operation = next(one for one in contract.OPERATIONS if one.name == name)
        if operation.body or operation.query:
            total += try_out(unlimited, name, GenerationMode.NEGATIVE, 300)[0]
    print(f"{total} requests")
    assert total > 3_000
