"""From refusals to problems: which HTTP answer each rejection of the domain has. One table.

Knows the domain's rejection codes, pydantic's error types and the sentences for them.
"""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from duetime.api.schemas import ACTION_TYPES, READ_ONLY, RULES, TaskBody
from duetime.http.problem import (
    BODY_TOO_LARGE,
    EDIT_CONFLICT,
    EVENTS_UNAVAILABLE,
    IDEMPOTENCY_KEY_REUSED,
    INVALID_FIELDS,
    INVALID_PARAMETERS,
    LOG_UNAVAILABLE,
    NOT_VISIBLE_YET,
    OUTCOME_UNKNOWN,
    READ_MODELS_UNAVAILABLE,
    REVISION_MISMATCH,
    TIMERS_BEHIND,
    TOO_MANY_BATCHES,
    UNKNOWN_TASK,
    FieldError,
    Problem,
    ProblemError,
    ProblemType,
    invalid,
)
from duetime.limits import (
    BATCH_TASKS_MAX,
    BATCHES_AT_ONCE_MAX,
    FUTURE_YEARS_MAX,
    PAST_SECONDS_MAX,
    PATCH_MERGES_MAX,
    RETRY_AFTER_SECONDS,
)
from duetime.task.decide import Rejection, RejectionCode

PROBLEM_OF: Final[Mapping[RejectionCode, ProblemType]] = {
    RejectionCode.UNKNOWN_TASK: UNKNOWN_TASK,
    RejectionCode.REVISION_MISMATCH: REVISION_MISMATCH,
    RejectionCode.TIME_PAST: INVALID_FIELDS,
    RejectionCode.TIME_TOO_FAR: INVALID_FIELDS,
}
_RULE_OF: Final[Mapping[RejectionCode, str]] = {
    RejectionCode.TIME_PAST: f"`time` lies ahead, or at most {PAST_SECONDS_MAX:.0f} s back",
    RejectionCode.TIME_TOO_FAR: f"`time` lies at most {FUTURE_YEARS_MAX} years ahead",
}
_RETRY_AFTER: Final = (("retry-after", str(RETRY_AFTER_SECONDS)),)
_FIELDS: Final = tuple(TaskBody.model_fields)
_TYPES: Final = {
    "bool_type": "true or false",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "float_type": "a number",
    "string_type": "text",
}
_REASONS: Final = {
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
    "string_too_short": "is empty",
    "string_too_long": "is too long",
    "literal_error": "is not what is known here",
    "finite_number": "is not a finite number",
}
_FIELDS_WITHIN: Final[Mapping[Sequence[int | str], Sequence[str]]] = {
    ("action", "log"): ("type",),
    ("action", "python"): ("type", "name", "args"),
    ("recurrence",): ("rule",),
}
_SHOWN_CHARS_MAX: Final = 80


def of_rejection(rejection: Rejection) -> ProblemError:
    """Give the problem of a command that the domain refused."""
    kind = PROBLEM_OF[rejection.code]
    if rejection.field is None:
        return ProblemError(Problem(type=kind, detail=rejection.reason))
    error = FieldError(
        field=rejection.field,
        pointer=f"/{rejection.field}",
        reason=rejection.reason,
        rule=_RULE_OF.get(rejection.code, RULES[rejection.field]),
    )
    return ProblemError(invalid(kind, (error,)))


def of_field(field: str, reason: str, *, rule: str = "", suggestion: str = "") -> ProblemError:
    """Give the problem of one field of a body; `field` may be dotted."""
    error = FieldError(
        field=field,
        pointer="/" + field.replace(".", "/"),
        reason=reason,
        rule=rule or RULES[field.partition(".")[0]],
        suggestion=suggestion or None,
    )
    return ProblemError(invalid(INVALID_FIELDS, (error,)))


def of_parameter(name: str, reason: str, rule: str, *, suggestion: str = "") -> ProblemError:
    """Give the problem of one parameter of the query."""
    error = FieldError(
        field=name, parameter=name, reason=reason, rule=rule, suggestion=suggestion or None
    )
    return ProblemError(invalid(INVALID_PARAMETERS, (error,)))


def of_header(name: str, reason: str, rule: str) -> ProblemError:
    """Give the problem of one header."""
    error = FieldError(field=name, header=name, reason=reason, rule=rule)
    return ProblemError(invalid(INVALID_PARAMETERS, (error,)))


def no_object(value: object) -> ProblemError:
    """Give the problem of a body that is no object."""
    error = FieldError(
        field="body", pointer="", reason=f"is {_json_type(value)}, not an object", rule=RULES[""]
    )
    return ProblemError(invalid(INVALID_FIELDS, (error,)))


def unknown_task() -> ProblemError:
    """Give the answer to an id that is no task's, of whatever shape."""
    return ProblemError(Problem(type=UNKNOWN_TASK, detail="there is no task with this id"))


def refused_by_log(reason: str) -> ProblemError:
    """Give the answer to a write that the log did not take."""
    return ProblemError(
        Problem(
            type=LOG_UNAVAILABLE,
            detail=f"the change was not written: {reason}",
            headers=_RETRY_AFTER,
        )
    )


def outcome_unknown(reason: str, task_id: str, idempotency_key: str | None) -> ProblemError:
    """Give the answer to a write of which nobody knows whether it landed."""
    extra: dict[str, Any] = {"task_id": task_id}
    headers = list(_RETRY_AFTER)
    repeat = "read the task before you repeat the change"
    if idempotency_key is not None:
        extra["idempotency_key"] = idempotency_key
        headers.append(("idempotency-key", idempotency_key))
        repeat = "a repeat with this Idempotency-Key is safe"
    return ProblemError(
        Problem(
            type=OUTCOME_UNKNOWN,
            detail=f"nobody can say yet whether the change was written ({reason}); {repeat}",
            extra=extra,
            headers=tuple(headers),
        )
    )


def not_visible_yet() -> ProblemError:
    """Give the answer where the read models are too far behind to say no."""
    return ProblemError(
        Problem(
            type=NOT_VISIBLE_YET,
            detail="the read models have not yet caught up with the log",
            headers=_RETRY_AFTER,
        )
    )


def read_models_unavailable() -> ProblemError:
    """Give the answer where the read models cannot be asked."""
    return ProblemError(
        Problem(
            type=READ_MODELS_UNAVAILABLE,
            detail="the read models cannot be reached now",
            headers=_RETRY_AFTER,
        )
    )


def unknown_fields(names: Sequence[str]) -> ProblemError:
    """Give the problem of names in a body that are no fields."""
    errors = []
    for name in names:
        reason, rule, near = _unknown_field((_cut(name),), ())
        pointer = f"/{_escaped(_cut(name))}"
        errors.append(
            FieldError(field=_cut(name), pointer=pointer, reason=reason, rule=rule, suggestion=near)
        )
    return ProblemError(invalid(INVALID_FIELDS, tuple(errors)))


def revision_mismatch(reason: str) -> ProblemError:
    """Give the answer to a change whose condition did not hold."""
    return ProblemError(Problem(type=REVISION_MISMATCH, detail=reason))


def edit_conflict() -> ProblemError:
    """Give the answer to a patch that others were faster than, every time it was merged."""
    return ProblemError(
        Problem(
            type=EDIT_CONFLICT,
            detail=f"others changed the task each of the {PATCH_MERGES_MAX} times it was merged",
            headers=_RETRY_AFTER,
        )
    )


def key_reused(task_id: str) -> ProblemError:
    """Give the answer to a key that was used with another body."""
    return ProblemError(
        Problem(
            type=IDEMPOTENCY_KEY_REUSED,
            detail="this Idempotency-Key was used with another body",
            extra={"task_id": task_id},
        )
    )


def no_batch(reason: str) -> ProblemError:
    """Give the problem of a body that is no batch."""
    rule = f"a batch is a JSON array of 1 to {BATCH_TASKS_MAX:,} tasks"
    error = FieldError(field="body", pointer="", reason=reason, rule=rule)
    return ProblemError(invalid(INVALID_FIELDS, (error,)))


def too_many_batches() -> ProblemError:
    """Give the answer where there is no room for a further batch."""
    return ProblemError(
        Problem(
            type=TOO_MANY_BATCHES,
            detail=f"{BATCHES_AT_ONCE_MAX} batches are under way",
            headers=_RETRY_AFTER,
        )
    )


def timers_behind(seconds: float, seconds_max: float) -> ProblemError:
    """Give the answer while what was accepted before has not been taken in by the timers."""
    return ProblemError(
        Problem(
            type=TIMERS_BEHIND,
            detail=f"the timers are {seconds:.1f} s behind; this is taken up to {seconds_max:g} s",
            headers=_RETRY_AFTER,
        )
    )


def too_large(bytes_max: int) -> ProblemError:
    """Give the problem of a body, or a part of one, that is larger than allowed."""
    return ProblemError(
        Problem(
            type=BODY_TOO_LARGE,
            detail=f"the body is larger than {bytes_max // 1024} KiB",
            extra={"bytes_max": bytes_max},
        )
    )


def no_events(reason: str) -> ProblemError:
    """Give the answer where the stream of events cannot be had."""
    return ProblemError(
        Problem(
            type=EVENTS_UNAVAILABLE,
            detail=f"the stream cannot be had now: {reason}",
            headers=_RETRY_AFTER,
        )
    )


def of_validation(refused: ValidationError) -> ProblemError:
    """Give the problem of a body that breaks rules: one error per field, in the body's words."""
    errors = tuple(_field_error(details) for details in refused.errors(include_url=False))
    return ProblemError(invalid(INVALID_FIELDS, errors))


def _field_error(details: ErrorDetails) -> FieldError:
    path = _path(details["loc"])
    field = ".".join(path) or "body"
    top = path[0] if path else ""
    suggestion = details.get("ctx", {}).get("suggestion")
    rule = RULES.get(top, "")
    match details["type"]:
        case "missing":
            reason = "is missing"
        case "extra_forbidden":
            reason, rule, suggestion = _unknown_field(path, details["loc"])
        case "union_tag_invalid":
            field, path = "action.type", ("action", "type")
            reason = "is no known type of action"
            given = str(details.get("ctx", {}).get("tag", ""))
            suggestion = nearest(given, ACTION_TYPES)
        case "union_tag_not_found":
            field, path = "action.type", ("action", "type")
            reason = "is missing"
        case "rule":
            reason = details["msg"]
        case kind if kind in _TYPES:
            reason = f"is {_json_type(details['input'])}, not {_TYPES[kind]}"
        case kind if kind in _REASONS:
            reason = _REASONS[kind]
        case _:
            message = details["msg"]
            reason = f"is wrong: {message[:1].lower()}{message[1:]}"
    pointer = "".join(f"/{_escaped(part)}" for part in path)
    return FieldError(
        field=field, pointer=pointer, reason=reason, rule=rule, suggestion=suggestion or None
    )


def _path(location: Sequence[int | str]) -> tuple[str, ...]:
    """Give the place in the body; pydantic also names the branch of a union that it took."""
    path = tuple(_cut(str(part)) for part in location)
    if len(path) > 1 and path[0] == "action" and path[1] in ACTION_TYPES:
        return (path[0], *path[2:])
    return path


def _unknown_field(
    path: tuple[str, ...], location: Sequence[int | str]
) -> tuple[str, str, str | None]:
    known: Sequence[str] = (*_FIELDS, *sorted(READ_ONLY))
    rule = f"the fields are {', '.join(_FIELDS)}"
    if len(path) > 1:
        # Of an action its type says which fields it has: pydantic names it in the location.
        known = _FIELDS_WITHIN.get(location[:2], _FIELDS_WITHIN.get(location[:1], ()))
        rule = RULES[path[0]]
    near = nearest(path[-1], known)
    hint = f"; did you mean `{near}`?" if near else ""
    return f"is no known field{hint}", rule, near


def nearest(given: str, known: Sequence[str]) -> str | None:
    """Give the nearest known name: there is always one to name, however far."""
    near = difflib.get_close_matches(given[:_SHOWN_CHARS_MAX].lower(), known, n=1, cutoff=0.0)
    return near[0] if near else None


def _json_type(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "an array"
        case _:
            return "an object"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS_MAX else text[:_SHOWN_CHARS_MAX] + "…"


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
