"""The documents of the HTTP API: what a body may say, and what answers look like.

Knows fields, types and their rules; not what a task is to Duetime. `TaskBody` reads requests;
the answer models describe what `answers` writes (the tests hold them to it) for OpenAPI.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, NotRequired

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic asks for it below Python 3.12

from duetime.api.times import (
    TIME_RULE,
    TIMEZONE_RULE,
    TimeError,
    known_timezones,
    near_timezone,
    parse_time,
)
from duetime.events.types import Outcome, RunKind, SkipCause
from duetime.limits import (
    ACTION_TIMEOUT_SECONDS_DEFAULT,
    ACTION_TIMEOUT_SECONDS_MAX,
    DESCRIPTION_CHARS_MAX,
    IDEMPOTENCY_KEY_CHARS_MAX,
)

TIMEOUT_SECONDS_MIN: Final = 0.001
ACTION_NAME_CHARS_MAX: Final = 255
ACTION_TYPES: Final = ("log", "python")

RULES: Final = {
    "": "a task is a JSON object",
    "description": f"`description` is text of 1 to {DESCRIPTION_CHARS_MAX:,} characters, not "
    "blank, without control characters but newline and tab",
    "time": TIME_RULE,
    "recurring": "`recurring` is true (every day at the same time) or false, without quotes",
    "timezone": TIMEZONE_RULE,
    "recurrence": '`recurrence` is {"rule": "daily"} or null',
    "action": '`action` is {"type": "log"} or {"type": "python", "name": …, "args": {…}}',
    "timeout_seconds": f"`timeout_seconds` is a number from {TIMEOUT_SECONDS_MIN} to "
    f"{ACTION_TIMEOUT_SECONDS_MAX:.0f}",
}
"""What is allowed, by field of a task's body; sentences for people."""

READ_ONLY: Final = frozenset(
    {"id", "status", "next_due_at", "last_run", "revision", "created_at", "updated_at"}
)
"""Fields of a task's answer that a request may carry back; they are passed over."""

_ALLOWED_CONTROLS: Final = frozenset("\n\t")
_CONTROLS: Final = frozenset(map(chr, (*range(0x20), *range(0x7F, 0xA0)))) - _ALLOWED_CONTROLS


def _text_fit_to_show(value: object) -> object:
    if not isinstance(value, str):
        return value
    if len(value) > DESCRIPTION_CHARS_MAX:
        raise PydanticCustomError("rule", f"has {len(value):,} characters")
    if not value.strip():
        raise PydanticCustomError("rule", "is blank" if value else "is empty")
    found = _CONTROLS.intersection(value)
    if found:
        raise PydanticCustomError("rule", f"has the control character U+{ord(min(found)):04X}")
    return value


def _time(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "is no text")
    try:
        return parse_time(value)
    except TimeError as reason:
        raise PydanticCustomError("rule", f"{reason}") from None


def _timezone(value: object) -> object:
    if isinstance(value, str) and value not in known_timezones():
        near = near_timezone(value)
        context = {"suggestion": near} if near else {}
        raise PydanticCustomError("rule", "is not a known time zone", context)
    return value


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class LogActionBody(_Strict):
    """Nothing but the record that the task ran."""

    type: Literal["log"]


class PythonActionBody(_Strict):
    """Call a Python function that is registered with Duetime."""

    type: Literal["python"]
    name: Annotated[str, Field(min_length=1, max_length=ACTION_NAME_CHARS_MAX)]
    args: Annotated[dict[str, Any], Field(description="keyword arguments")] = {}


class DailyRule(_Strict):
    """Every day at the wall-clock time at which `time` stands in `timezone`."""

    rule: Literal["daily"]


_EXAMPLE: Final[JsonDict] = {
    "description": "Water the plants",
    "time": "2030-01-31T09:30:00Z",
    "recurring": False,
}


class TaskBody(_Strict):
    """A task as a request says it. Fields of a task's answer may be carried back."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    description: Annotated[
        str,
        BeforeValidator(_text_fit_to_show),
        Field(
            description=RULES["description"],
            json_schema_extra={"minLength": 1, "maxLength": DESCRIPTION_CHARS_MAX},
        ),
    ]
    time: Annotated[
        datetime,
        BeforeValidator(_time),
        WithJsonSchema({"type": "string", "description": TIME_RULE}),
    ]
    recurring: Annotated[bool, Field(description=RULES["recurring"])]
    timezone: Annotated[str, BeforeValidator(_timezone), Field(description=RULES["timezone"])] = (
        "UTC"
    )
    recurrence: Annotated[DailyRule | None, Field(description=RULES["recurrence"])] = None
    action: Annotated[
        LogActionBody | PythonActionBody,
        Field(discriminator="type", description=RULES["action"]),
    ] = LogActionBody(type="log")
    timeout_seconds: Annotated[
        float,
        Field(
            ge=TIMEOUT_SECONDS_MIN,
            le=ACTION_TIMEOUT_SECONDS_MAX,
            description=RULES["timeout_seconds"],
        ),
    ] = ACTION_TIMEOUT_SECONDS_DEFAULT


Instant = Annotated[datetime, Field(description="UTC, RFC 3339")]
Listed = Literal["scheduled", "running", "waiting", "paused", "finished", "overdue", "deleted"]


class LastRunAnswer(_Strict):
    """What the newest record about a task's runs says."""

    run_id: str | None
    nominal_at: Instant
    due_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    outcome: Outcome | None
    lateness_seconds: float | None
    error: str | None
    skipped: SkipCause | None


class TaskAnswer(_Strict):
    """A task as it stands. `time` is what was registered and never moves; see `next_due_at`."""

    id: str
    description: str
    time: Instant
    recurring: bool
    timezone: str
    recurrence: DailyRule | None
    action: Annotated[LogActionBody | PythonActionBody, Field(discriminator="type")]
    timeout_seconds: float
    status: Listed
    next_due_at: Instant | None
    last_run: LastRunAnswer | None
    revision: int
    created_at: Instant
    updated_at: Instant


class RunAnswer(_Strict):
    """A run that ended, or a stretch of occurrences that did not run (`skipped` says why)."""

    id: str
    task_id: str
    description: str
    revision: int
    kind: RunKind
    attempt: int
    outcome: Outcome | None
    nominal_at: Instant | None
    due_at: Instant
    accepted_at: Instant | None
    started_at: Instant | None
    finished_at: Instant
    lateness_seconds: float | None
    duration_seconds: float | None
    action: str | None
    executor: str | None
    result: str | None
    error: str | None
    skipped: SkipCause | None
    skipped_by: str | None
    last_due_at: Instant | None
    count: int | None


class BatchTaskBody(TaskBody):
    """A task of a batch; its own key makes a repeat safe."""

    idempotency_key: Annotated[
        str, Field(min_length=1, max_length=IDEMPOTENCY_KEY_CHARS_MAX, pattern="^[!-~]+$")
    ] = ""


class FieldErrorAnswer(TypedDict):
    """What is wrong with one part of a request."""

    field: str
    reason: str
    rule: str
    pointer: NotRequired[str]
    parameter: NotRequired[str]
    header: NotRequired[str]
    suggestion: NotRequired[str]


class ProblemAnswer(BaseModel):
    """RFC 9457: what went wrong, and what about it."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(description="a stable URI reference that names the kind")]
    title: str
    status: int
    detail: str
    errors: list[FieldErrorAnswer] = []


class RegisteredAnswer(_Strict):
    """A task of a batch that is registered."""

    status: Literal[201]
    id: str
    idempotency_key: Annotated[str, Field(description="its key, or one made up")]
    replayed: Annotated[bool, Field(description="whether the key was used before")]


class RefusedAnswer(_Strict):
    """A task of a batch that is not registered, with the problem it would be by itself."""

    status: int
    idempotency_key: str = ""
    problem: ProblemAnswer
