"""The OpenAPI document: operations in words, with their answers; `schemas` has the shapes.

Knows what each path is for. `python -m duetime.api.openapi` prints the document; the snapshot in
docs/openapi.json is held to it by a test.
"""

import sys
from functools import lru_cache
from typing import Any, Final

import orjson
from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from duetime.api.openapi_parts import (
    BATCH_BODY,
    BODY,
    CREATED,
    ETAG,
    FILTERS,
    IF_MATCH,
    IF_NONE_MATCH,
    KEY,
    LAST_EVENT_ID,
    LINK,
    PAGE,
    PATCH_BODY,
    PREFER,
    REF,
    TASK_ID,
    VISIBLE,
)
from duetime.api.schemas import (
    RULES,
    BatchTaskBody,
    ProblemAnswer,
    RefusedAnswer,
    RegisteredAnswer,
    RunAnswer,
    TaskAnswer,
    TaskBody,
)
from duetime.http.problem import (
    BODY_TOO_LARGE,
    EDIT_CONFLICT,
    EVENTS_UNAVAILABLE,
    IDEMPOTENCY_KEY_REUSED,
    INTERNAL,
    INVALID_FIELDS,
    INVALID_PARAMETERS,
    LOG_UNAVAILABLE,
    MALFORMED_JSON,
    NOT_VISIBLE_YET,
    OUTCOME_UNKNOWN,
    PROBLEM_CONTENT_TYPE,
    READ_MODELS_UNAVAILABLE,
    REQUEST_INCOMPLETE,
    REVISION_MISMATCH,
    TIMERS_BEHIND,
    TOO_MANY_BATCHES,
    UNKNOWN_TASK,
    UNSUPPORTED_MEDIA_TYPE,
    ProblemType,
)
from duetime.telemetry.metrics import duetime_version

_DESCRIPTION: Final = """Register tasks; Duetime starts each one at its time and shows what ran,
when, how late and why.

Errors are RFC 9457 problems (`application/problem+json`) that name the field, the reason and the
rule. Times in answers are UTC. Lists are plain arrays; where one goes on, the `Link` header says
where (`rel="next"`).
"""


_BODY_PROBLEMS: Final = (
    MALFORMED_JSON,
    REQUEST_INCOMPLETE,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID_FIELDS,
)
_READ_PROBLEMS: Final = (INVALID_PARAMETERS, READ_MODELS_UNAVAILABLE)
_FIND_PROBLEMS: Final = (UNKNOWN_TASK, NOT_VISIBLE_YET)
_WRITE_PROBLEMS: Final = (LOG_UNAVAILABLE, OUTCOME_UNKNOWN, INTERNAL)


def _answers(
    status: int,
    description: str,
    *problems: ProblemType,
    model: Any = None,
    headers: dict[str, Any] | None = None,
    content: dict[str, Any] | None = None,
) -> dict[int | str, dict[str, Any]]:
    """Give the answers of an operation: the good one, and the problems grouped by status."""
    good: dict[str, Any] = {"description": description}
    if model is not None:
        good["model"] = model
    if headers:
        good["headers"] = headers
    if content:
        good["content"] = content  # instead of JSON: see `document`
    told: dict[int | str, dict[str, Any]] = {status: good}
    schema = {"$ref": REF.format(model="ProblemAnswer")}
    for code in sorted({problem.status for problem in problems}):
        same = [problem for problem in problems if problem.status == code]
        told[code] = {
            "description": "; ".join(f"{problem.title} (`{problem.uri}`)" for problem in same),
            "content": {PROBLEM_CONTENT_TYPE: {"schema": schema}},
        }
    return told


def _operation(
    name: str,
    tag: str,
    summary: str,
    answers: dict[int | str, dict[str, Any]],
    **extra: Any,
) -> dict[str, Any]:
    status = next(iter(answers))
    return {
        "operation_id": name,
        "tags": [tag],
        "summary": summary,
        "description": "",
        "status_code": status,
        "responses": answers,
        "openapi_extra": extra or None,
    }


OPERATIONS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("POST", "/tasks"): _operation(
        "createTask",
        "tasks",
        "Register a task",
        _answers(
            201,
            "the task as it was registered",
            *(
                *_BODY_PROBLEMS,
                *_READ_PROBLEMS,
                IDEMPOTENCY_KEY_REUSED,
                TIMERS_BEHIND,
                *_WRITE_PROBLEMS,
            ),
            model=TaskAnswer,
            headers={**ETAG, **CREATED, **VISIBLE},
        ),
        parameters=[KEY, PREFER],
        requestBody=BODY,
    ),
    ("GET", "/tasks"): _operation(
        "listTasks",
        "tasks",
        "List tasks: waiting ones by next due, then finished ones",
        _answers(
            200,
            "a page of tasks; with filters it may be short, or empty, and yet lead on",
            *_READ_PROBLEMS,
            model=list[TaskAnswer],
            headers=LINK,
        ),
        parameters=[*FILTERS, *PAGE],
    ),
    ("GET", "/tasks/logs"): _operation(
        "listLogLines",
        "runs",
        "List what happened, one line per run, newest first",
        _answers(200, "a page of lines", *_READ_PROBLEMS, model=list[str], headers=LINK),
        parameters=PAGE,
    ),
    ("POST", "/tasks/batch"): _operation(
        "createTasks",
        "tasks",
        "Register many tasks at once, each by itself",
        _answers(
            201,
            "all are registered; what became of each, in order",
            *(*_BODY_PROBLEMS, *_READ_PROBLEMS, TOO_MANY_BATCHES, TIMERS_BEHIND, INTERNAL),
            model=list[RegisteredAnswer],
            headers=VISIBLE,
        )
        | {
            200: {
                "description": "some are not; what became of each, in order",
                "model": list[RegisteredAnswer | RefusedAnswer],
                "headers": VISIBLE,
            }
        },
        parameters=[],
        requestBody=BATCH_BODY,
    ),
    ("GET", "/tasks/{task_id}"): _operation(
        "getTask",
        "tasks",
        "Give a task as it stands",
        _answers(200, "the task", *_FIND_PROBLEMS, *_READ_PROBLEMS, model=TaskAnswer, headers=ETAG)
        | {304: {"description": "the task is as the caller has it", "headers": ETAG}},
        parameters=[TASK_ID, IF_NONE_MATCH],
    ),
    ("PUT", "/tasks/{task_id}"): _operation(
        "replaceTask",
        "tasks",
        "Replace the plain fields of a task; what the body does not name stays",
        _answers(
            200,
            "the task after the change",
            *(*_FIND_PROBLEMS, *_BODY_PROBLEMS, *_READ_PROBLEMS, REVISION_MISMATCH),
            *_WRITE_PROBLEMS,
            model=TaskAnswer,
            headers={**ETAG, **VISIBLE},
        )
        | {202: {"description": "durable; whether the condition held is not known yet"}},
        parameters=[TASK_ID, IF_MATCH, PREFER],
        requestBody=BODY,
    ),
    ("PATCH", "/tasks/{task_id}"): _operation(
        "patchTask",
        "tasks",
        "Change some fields of a task (JSON merge patch, RFC 7396)",
        _answers(
            200,
            "the task after the change",
            *(*_FIND_PROBLEMS, *_BODY_PROBLEMS, *_READ_PROBLEMS, REVISION_MISMATCH),
            *(EDIT_CONFLICT, *_WRITE_PROBLEMS),
            model=TaskAnswer,
            headers={**ETAG, **VISIBLE},
        )
        | {202: {"description": "durable; whether the condition held is not known yet"}},
        parameters=[TASK_ID, IF_MATCH, PREFER],
        requestBody=PATCH_BODY,
    ),
    ("DELETE", "/tasks/{task_id}"): _operation(
        "deleteTask",
        "tasks",
        "Delete a task: no occurrence of it starts any more",
        _answers(
            204,
            "the task is gone",
            *(*_FIND_PROBLEMS, *_READ_PROBLEMS, REVISION_MISMATCH, *_WRITE_PROBLEMS),
            headers=VISIBLE,
        )
        | {202: {"description": "durable; whether the condition held is not known yet"}},
        parameters=[TASK_ID, IF_MATCH, PREFER],
    ),
    ("GET", "/tasks/{task_id}/runs"): _operation(
        "listRunsOfTask",
        "runs",
        "List the runs of one task, newest first",
        _answers(
            200,
            "a page of runs",
            *(*_FIND_PROBLEMS, *_READ_PROBLEMS),
            model=list[RunAnswer],
            headers=LINK,
        ),
        parameters=[TASK_ID, *PAGE],
    ),
    ("GET", "/runs"): _operation(
        "listRuns",
        "runs",
        "List the runs of all tasks, newest first",
        _answers(200, "a page of runs", *_READ_PROBLEMS, model=list[RunAnswer], headers=LINK),
        parameters=PAGE,
    ),
    ("GET", "/events"): _operation(
        "followEvents",
        "events",
        "Follow what changes, as it happens (server-sent events)",
        _answers(
            200,
            'a stream: `task` with `{"type": "task", "task": …}`, `task_deleted` with '
            '`{"type": "task_deleted", "id": …}`, `run` with `{"type": "run", "run": …, '
            '"line": …}`, the shapes as GET gives them; `reset` with `{"type": "reset"}`: fetch '
            "the lists anew, something may have been missed. A comment every 15 s",
            *(INVALID_PARAMETERS, EVENTS_UNAVAILABLE),
            content={"text/event-stream": {"schema": {"type": "string"}}},
        ),
        parameters=[LAST_EVENT_ID],
    ),
}
"""What each operation is, by method and path."""


def describe(method: str, path: str) -> dict[str, Any]:
    """Give what FastAPI is to be told of an operation."""
    return OPERATIONS[method, path]


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Give the OpenAPI 3.1 document of the api. Treat it as frozen."""
    skeleton = FastAPI()
    for (method, path), told in OPERATIONS.items():
        skeleton.add_api_route(path, _nothing, methods=[method], **told)
    made = get_openapi(
        title="Duetime",
        version=duetime_version(),
        summary="A distributed task scheduler",
        description=_DESCRIPTION,
        routes=skeleton.routes,
        tags=[
            {"name": "tasks", "description": "What is to run, and when"},
            {"name": "runs", "description": "What ran"},
            {"name": "events", "description": "What changes, as it happens"},
        ],
    )
    _, shapes = models_json_schema(
        [(model, "validation") for model in (TaskBody, BatchTaskBody, ProblemAnswer)],
        ref_template=REF,
    )
    del made["paths"]["/events"]["get"]["responses"]["200"]["content"]["application/json"]
    schemas: dict[str, Any] = made.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(shapes["$defs"])
    schemas["TaskPatch"] = _patch_of(schemas["TaskBody"])
    made["components"]["schemas"] = dict(sorted(schemas.items()))
    return made


def _patch_of(body: dict[str, Any]) -> dict[str, Any]:
    """Give the shape of a merge patch: any field of a body, or null for its default.

    An object of a patch is merged into the one that stands, so it may leave out what that has.
    """
    merged = {
        name: {"type": "object", "description": f"merged into what stands; {RULES[name]}"}
        for name in ("action", "recurrence")
    }
    shapes = {**body["properties"], **merged}
    return {
        "type": "object",
        "title": "TaskPatch",
        "description": "Fields to change; null puts one back to its default.",
        "properties": {
            name: shape if name in body["required"] else {"anyOf": [shape, {"type": "null"}]}
            for name, shape in shapes.items()
        },
        "additionalProperties": False,
    }


def text() -> bytes:
    """Give the document as it is committed."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2) + b"\n"


async def _nothing() -> Response:
    return Response()


if __name__ == "__main__":
    sys.stdout.buffer.write(text())
