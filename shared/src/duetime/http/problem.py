"""Errors over HTTP: RFC 9457 problems that name the field, the reason and the rule.

Knows every type of problem there is (one table) and how one is written; not what causes it.
The `type` URIs are stable and relative to the service; each is a page of the api's documentation.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import orjson

PROBLEM_CONTENT_TYPE: Final = "application/problem+json"


class ProblemType(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of problem. `advice` says what the caller may do about it."""

    slug: str
    status: int
    title: str
    advice: str

    @property
    def uri(self) -> str:
        """The stable URI reference that names this kind."""
        return f"/problems/{self.slug}"


class FieldError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong with one part of a request.

    `pointer` (RFC 6901) is there for fields of a body, `parameter` for the query, `header` for
    headers. `reason` says what is wrong with what came, `rule` what is allowed.
    """

    field: str
    reason: str
    rule: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None
    suggestion: str | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One answer that says no. `extra` are further members, `headers` further response headers."""

    type: ProblemType
    detail: str
    errors: tuple[FieldError, ...] = ()
    extra: Mapping[str, Any] = {}
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.type.status

    def body(self) -> bytes:
        """Give the document as JSON."""
        members: dict[str, Any] = {
            "type": self.type.uri,
            "title": self.type.title,
            "status": self.type.status,
            "detail": self.detail,
        }
        if self.errors:
            members["errors"] = [msgspec.to_builtins(error) for error in self.errors]
        members.update(self.extra)
        return orjson.dumps(members)


INVALID_FIELDS: Final = ProblemType(
    slug="invalid-fields",
    status=422,
    title="A field of the request breaks a rule",
    advice="`errors` names each field, what is wrong with it and the rule. Nothing was changed.",
)
INVALID_PARAMETERS: Final = ProblemType(
    slug="invalid-parameters",
    status=422,
    title="A parameter or header of the request breaks a rule",
    advice="`errors` names each parameter or header and its rule. Nothing was changed.",
)
IDEMPOTENCY_KEY_REUSED: Final = ProblemType(
    slug="idempotency-key-reused",
    status=422,
    title="The Idempotency-Key belongs to another request",
    advice="The key was used with another body. Use a fresh key for a new task.",
)
MALFORMED_JSON: Final = ProblemType(
    slug="malformed-json",
    status=400,
    title="The body is not the JSON that is taken here",
    advice="`detail` says where and why. Nothing was changed.",
)
MALFORMED_REQUEST: Final = ProblemType(
    slug="malformed-request",
    status=400,
    title="What came is no HTTP request",
    advice="The usual causes: an unknown method, a length that is none or comes twice, a letter in "
    "the path that is not percent-encoded. Nothing was changed.",
)
HEAD_TOO_LARGE: Final = ProblemType(
    slug="head-too-large",
    status=431,
    title="The head of the request is too large",
    advice="`detail` names the limit. Nothing was changed.",
)
REQUEST_INCOMPLETE: Final = ProblemType(
    slug="request-incomplete",
    status=408,
    title="The body did not arrive in time",
    advice="Send the request again. Nothing was changed.",
)
UNKNOWN_TASK: Final = ProblemType(
    slug="unknown-task",
    status=404,
    title="There is no such task",
    advice="The id was never a task's, or the task was deleted.",
)
UNKNOWN_PATH: Final = ProblemType(
    slug="unknown-path",
    status=404,
    title="There is nothing at this path",
    advice="/docs lists what there is.",
)
METHOD_NOT_ALLOWED: Final = ProblemType(
    slug="method-not-allowed",
    status=405,
    title="This path does not know that method",
    advice="The header `Allow` lists the methods that it knows.",
)
EDIT_CONFLICT: Final = ProblemType(
    slug="edit-conflict",
    status=409,
    title="Others kept changing the task",
    advice="The patch was merged and refused again and again. Nothing was changed. Send it again, "
    "or read the task and decide anew.",
)
REVISION_MISMATCH: Final = ProblemType(
    slug="revision-mismatch",
    status=412,
    title="The task is at another revision",
    advice="Someone else changed the task. Read it anew and decide again. Nothing was changed.",
)
UNKNOWN_HOST: Final = ProblemType(
    slug="unknown-host",
    status=421,
    title="The request names a host that this api is not",
    advice="Ask under a name of the api. Others are allowed by `DUETIME_API_HOSTS`.",
)
BODY_TOO_LARGE: Final = ProblemType(
    slug="body-too-large",
    status=413,
    title="The body is too large",
    advice="`detail` names the limit. Nothing was changed.",
)
UNSUPPORTED_MEDIA_TYPE: Final = ProblemType(
    slug="unsupported-media-type",
    status=415,
    title="The body is of a type that is not taken here",
    advice="Send JSON in UTF-8 with `Content-Type: application/json`, not compressed.",
)
INTERNAL: Final = ProblemType(
    slug="internal",
    status=500,
    title="Duetime failed at this request",
    advice="This is a fault of Duetime; its log has the details. Whether anything was changed is "
    "not known; a repeat with the same Idempotency-Key is safe.",
)
TOO_MANY_BATCHES: Final = ProblemType(
    slug="too-many-batches",
    status=429,
    title="There is no room for a further batch",
    advice="Nothing was changed. Send it again after `Retry-After` seconds.",
)
TIMERS_BEHIND: Final = ProblemType(
    slug="timers-behind",
    status=429,
    title="More tasks come in than can be scheduled",
    advice="Nothing was changed. Send it again after `Retry-After` seconds; tasks that were "
    "accepted before stay on time. Single registrations are taken for longer than batches.",
)
LOG_UNAVAILABLE: Final = ProblemType(
    slug="log-unavailable",
    status=503,
    title="The change could not be written",
    advice="Nothing was changed. Send the request again after `Retry-After` seconds.",
)
OUTCOME_UNKNOWN: Final = ProblemType(
    slug="outcome-unknown",
    status=503,
    title="Nobody can say yet whether the change was written",
    advice="It may have been. Repeat the request with the same `idempotency_key` (a create) or "
    "read the task first (any other change).",
)
NOT_VISIBLE_YET: Final = ProblemType(
    slug="not-visible-yet",
    status=503,
    title="The read models are behind",
    advice="Whether the task exists cannot be said yet. Ask again after `Retry-After` seconds.",
)
READ_MODELS_UNAVAILABLE: Final = ProblemType(
    slug="read-models-unavailable",
    status=503,
    title="The read models cannot be reached",
    advice="Ask again after `Retry-After` seconds.",
)
EVENTS_UNAVAILABLE: Final = ProblemType(
    slug="events-unavailable",
    status=503,
    title="The stream of events cannot be had now",
    advice="Ask for the lists now and then, and for the stream again after `Retry-After` seconds.",
)

PROBLEM_TYPES: Final = {
    kind.slug: kind
    for kind in (
        MALFORMED_REQUEST,
        HEAD_TOO_LARGE,
        MALFORMED_JSON,
        UNKNOWN_TASK,
        UNKNOWN_PATH,
        METHOD_NOT_ALLOWED,
        REQUEST_INCOMPLETE,
        REVISION_MISMATCH,
        EDIT_CONFLICT,
        UNKNOWN_HOST,
        TOO_MANY_BATCHES,
        TIMERS_BEHIND,
        BODY_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        INVALID_FIELDS,
        INVALID_PARAMETERS,
        IDEMPOTENCY_KEY_REUSED,
        INTERNAL,
        LOG_UNAVAILABLE,
        OUTCOME_UNKNOWN,
        NOT_VISIBLE_YET,
        READ_MODELS_UNAVAILABLE,
        EVENTS_UNAVAILABLE,
    )
}


class ProblemError(Exception):
    """A request ends with this problem: raised at the edge, turned into an answer there."""

    def __init__(self, problem: Problem) -> None:
        """Carry the problem."""
        super().__init__(problem.detail)
        self.problem = problem


def invalid(kind: ProblemType, errors: tuple[FieldError, ...]) -> Problem:
    """Give the problem of these errors; its detail reads as one sentence per error."""
    detail = "; ".join(f"{error.field} {error.reason}" for error in errors)
    return Problem(type=kind, detail=detail, errors=errors)
