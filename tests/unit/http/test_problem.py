"""Problems: one shape for every refusal."""

import json

from duetime.http.problem import (
    INVALID_FIELDS,
    PROBLEM_TYPES,
    UNKNOWN_TASK,
    FieldError,
    Problem,
    ProblemError,
    invalid,
)


def test_a_problem_is_a_document_of_rfc_9457() -> None:
    problem = Problem(type=UNKNOWN_TASK, detail="there is no task", extra={"task_id": "x"})

    assert {
        "type": "/problems/unknown-task",
        "title": "There is no such task",
        "status": 404,
        "detail": "there is no task",
        "task_id": "x",
    } == json.loads(problem.body())


def test_errors_name_the_field_the_reason_and_the_rule_and_leave_out_what_is_not_there() -> None:
    error = FieldError(field="time", pointer="/time", reason="is missing", rule="`time` is a time")
    problem = invalid(INVALID_FIELDS, (error, error))
    shown = {
        "field": "time",
        "pointer": "/time",
        "reason": "is missing",
        "rule": "`time` is a time",
    }

    assert [shown, shown] == json.loads(problem.body())["errors"]
    assert "time is missing; time is missing" == problem.detail


def test_every_type_of_problem_has_a_stable_uri_a_fitting_status_and_advice() -> None:
    assert all(f"/problems/{slug}" == kind.uri for slug, kind in PROBLEM_TYPES.items())
    assert all(400 <= kind.status < 600 for kind in PROBLEM_TYPES.values())
    assert all(kind.title and kind.advice.endswith(".") for kind in PROBLEM_TYPES.values())


def test_a_raised_problem_carries_its_document() -> None:
    problem = Problem(type=UNKNOWN_TASK, detail="there is no task")

    assert problem is ProblemError(problem).problem
    assert "there is no task" == str(ProblemError(problem))
