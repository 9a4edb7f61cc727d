"""Parameters, headers and bodies as the OpenAPI document describes them.

Knows their words and shapes; not which operation takes which (`openapi`).
"""

from typing import Any, Final

from duetime.api.requests import (
    DUE_RULE,
    IF_MATCH_RULE,
    KEY_RULE,
    LIMIT_RULE,
    STATUS_RULE,
    STATUSES,
    TEXT_RULE,
)
from duetime.limits import (
    BATCH_TASKS_MAX,
    CURSOR_CHARS_MAX,
    PAGE_ITEMS_DEFAULT,
    PAGE_ITEMS_MAX,
    QUERY_TEXT_CHARS_MAX,
)

REF: Final = "#/components/schemas/{model}"
"""How a shape is referred to."""


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


ETAG: Final = {"ETag": _header("the task's revision, as a strong entity tag")}
VISIBLE: Final = {
    "Duetime-Visible": _header("`false` where a read may not show the change yet; else absent"),
    "Preference-Applied": _header("`respond-async` where that was asked for"),
}
LINK: Final = {"Link": _header('the next page as `rel="next"`, where there is more')}
CREATED: Final = {
    "Location": _header("the task's path"),
    "Idempotency-Key": _header("the request's key, or one made up: a repeat with it is safe"),
    "Idempotency-Replayed": _header("`true` where an earlier request had registered the task"),
}
TASK_ID: Final = {
    "name": "task_id",
    "in": "path",
    "required": True,
    "description": "the task's id",
    "schema": {"type": "string"},
}
_TAGS: Final = {
    "type": "string",
    "pattern": r'^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$',
}
IF_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "description": f"change the task only at this revision. {IF_MATCH_RULE}",
    "schema": _TAGS,
}
PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "description": "`respond-async`: answer once the change is durable, before it can be read",
    "schema": {"type": "string"},
}
KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "repeats under the same key register one task. " + KEY_RULE,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
LAST_EVENT_ID: Final = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "the id of the last event that was taken: what came after it is told first",
    "schema": {"type": "string"},
}
PAGE: Final = [
    {
        "name": "limit",
        "in": "query",
        "description": f"how many at most; {PAGE_ITEMS_DEFAULT:,} if absent. {LIMIT_RULE}",
        "schema": {"type": "integer", "minimum": 1, "maximum": PAGE_ITEMS_MAX},
    },
    {
        "name": "cursor",
        "in": "query",
        "description": "where to go on, as the Link header of the page before gave it",
        "schema": {"type": "string", "minLength": 1, "maxLength": CURSOR_CHARS_MAX},
    },
]
BODY: Final = {
    "required": True,
    "content": {"application/json": {"schema": {"$ref": REF.format(model="TaskBody")}}},
}
FILTERS: Final = [
    {
        "name": "status",
        "in": "query",
        "description": STATUS_RULE,
        "schema": {"type": "array", "items": {"type": "string", "enum": list(STATUSES)}},
    },
    {
        "name": "q",
        "in": "query",
        "description": f"tasks whose description holds this, whatever its case. {TEXT_RULE}",
        "schema": {"type": "string", "minLength": 1, "maxLength": QUERY_TEXT_CHARS_MAX},
    },
    *(
        {
            "name": name,
            "in": "query",
            "description": f"tasks that are next due {words} then; {DUE_RULE}",
            "schema": {"type": "string", "format": "date-time"},
        }
        for name, words in (("due_from", "at or after"), ("due_to", "before"))
    ),
]
IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "description": "entity tags that ETag gave: 304 without a body where one still holds",
    "schema": _TAGS,
}
PATCH_BODY: Final = {
    "required": True,
    "content": {
        kind: {"schema": {"$ref": REF.format(model="TaskPatch")}}
        for kind in ("application/merge-patch+json", "application/json")
    },
}
BATCH_BODY: Final = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "array",
                "items": {"$ref": REF.format(model="BatchTaskBody")},
                "minItems": 1,
                "maxItems": BATCH_TASKS_MAX,
            }
        }
    },
}
