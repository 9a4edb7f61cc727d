"""Schemathesis: requests made up from the OpenAPI document, and answers held to it.

In process and on virtual time, each example against an api of its own: what is found can be
repeated. Waits cost nothing, so every example may meet a read model that never comes.
"""

from enum import Enum
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from duetime.api import openapi
from tests.support.virtual_loop import run_virtual
from tests.unit.api.harness import NOON, PLAIN, executed, serving

CONFORMANCE = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# With everything in reach nothing may be a 503, and what the document forbids is refused.
IN_REACH = [
    not_a_server_error,
    negative_data_rejection,
    unsupported_method,
    missing_required_header,
]
EXAMPLES = 5
EXAMPLES_AT_NIGHT = 150

AnyCase = schemathesis.Case[Any]

schema = schemathesis.openapi.from_dict(openapi.document())
# A stream has no end that an answer could be read to.
operations = schema.exclude(path="/events")


class World(Enum):
    """What the api of an example knows, and how it stands with the read models."""

    STRANGE = "the path's id is whatever was made up"
    KNOWN = "the path's id is a task that has run once"
    BEHIND = "the same, and the read models do not keep up"
    AWAY = "the same, and the read models are away"


def answers_to(case: AnyCase) -> dict[World, httpx.Response]:
    """Send a case to a fresh api, in every kind of world in turn."""

    async def whole() -> dict[World, httpx.Response]:
        async with serving(seconds_max=1_000.0) as api:
            answers = {World.STRANGE: await api.client.request(**_request(case))}
            for world in (World.KNOWN, World.BEHIND, World.AWAY):
                task = await api.create(recurring=True)
                await api.record(executed(task, due_at=NOON))
                if "task_id" in (case.path_parameters or {}):
                    case.path_parameters["task_id"] = task["id"]
                if world is World.BEHIND:
                    api.pump.hold()
                    await api.client.post("/tasks", json=PLAIN, headers={"prefer": "respond-async"})
                api.store.away = world is World.AWAY
                answers[world] = await api.client.request(**_request(case))
                api.pump.release()
            return answers

    return run_virtual(whole())


def _request(case: AnyCase) -> dict[str, Any]:
    """Give the case as httpx takes it: bytes as they are, in headers too."""
    made: dict[str, Any] = case.as_transport_kwargs(base_url="http://localhost")
    headers = {
        name.encode("latin-1", "replace"): str(value).encode("utf-8", "replace")
        for name, value in (made["headers"] or {}).items()
    }
    body = made.get("data")
    content = {"content": body} if isinstance(body, bytes | str) else {}
    names = ("method", "url", "params", "json")
    return {"headers": headers, **{name: made[name] for name in names if name in made}, **content}


def hold_to_the_document(case: AnyCase) -> None:
    """Send a case to every kind of world, and hold each answer to the document."""
    for world, response in answers_to(case).items():
        in_reach = world in {World.STRANGE, World.KNOWN}
        checks = [*CONFORMANCE, *(IN_REACH if in_reach else ())]
        if case.path == "/tasks/batch" and response.status_code == httpx.codes.OK:
            checks = CONFORMANCE  # what is wrong with a task is said of that task
        case.validate_response(response, checks=checks)

        assert 500 != response.status_code


@operations.parametrize()
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_names(case: AnyCase) -> None:
    hold_to_the_document(case)


@pytest.mark.nightly
@pytest.mark.timeout(600)
@operations.parametrize()
@settings(max_examples=EXAMPLES_AT_NIGHT, suppress_health_check=list(HealthCheck))
def test_every_answer_to_many_more_is_one_that_the_document_names(
    case: AnyCase,
) -> None:
    hold_to_the_document(case)
