"""What a request says besides its body: query parameters and headers, read strictly.

Knows names and rules of parameters and headers; not what they are used for.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request

from duetime.api import problems
from duetime.api.handlers import Expected
from duetime.http.asgi import header_lines
from duetime.limits import (
    CURSOR_CHARS_MAX,
    IDEMPOTENCY_KEY_CHARS_MAX,
    PAGE_ITEMS_DEFAULT,
    PAGE_ITEMS_MAX,
)

LIMIT_RULE: Final = f"`limit` is a whole number from 1 to {PAGE_ITEMS_MAX:,}"
KEY_RULE: Final = (
    f"`Idempotency-Key` is 1 to {IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters, no spaces"
)
IF_MATCH_RULE: Final = '`If-Match` is * or entity tags such as "3", as ETag gave them'

_LIST_PARAMETERS: Final = ("limit", "cursor")
_KEY: Final = re.compile(r"[!-~]+", re.ASCII)
_LIMIT: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_TAG: Final = re.compile(r'(W/)?"([!#-~]*)"', re.ASCII)
_REVISION: Final = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)


class PageWanted(NamedTuple):
    """Which page of a list; `limit` None: the caller did not say."""

    limit: int | None
    cursor: str | None

    @property
    def items_max(self) -> int:
        """How many items at most."""
        return self.limit or PAGE_ITEMS_DEFAULT


def page_wanted(request: Request) -> PageWanted:
    """Read `limit` and `cursor`. Raises ProblemError (422); unknown parameters are refused too."""
    query: bytes = request.scope["query_string"]
    if not query:
        return PageWanted(None, None)
    values: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in _LIST_PARAMETERS:
            near = problems.nearest(name, _LIST_PARAMETERS) or ""
            raise problems.of_parameter(
                name[:80],
                f"is no known parameter; did you mean `{near}`?",
                f"the parameters are {', '.join(_LIST_PARAMETERS)}",
                suggestion=near,
            )
        if name in values:
            raise problems.of_parameter(name, "comes twice", f"`{name}` comes at most once")
        values[name] = value
    cursor = values.get("cursor")
    if cursor is not None and not 0 < len(cursor) <= CURSOR_CHARS_MAX:
        raise problems.of_parameter(
            "cursor", "is none that this list has given out", "`cursor` comes from a Link header"
        )
    return PageWanted(_limit(values.get("limit")), cursor)


def no_parameters(request: Request) -> None:
    """Expect an empty query. Raises ProblemError (422)."""
    query: bytes = request.scope["query_string"]
    if not query:
        return
    for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        raise problems.of_parameter(
            name[:80], "is no known parameter", "this path takes no parameters"
        )


def idempotency_key(request: Request) -> str | None:
    """Read `Idempotency-Key`, None where there is none. Raises ProblemError (422)."""
    keys = header_lines(request.scope, b"idempotency-key")
    if not keys:
        return None
    if len(keys) > 1:
        raise problems.of_header("Idempotency-Key", "comes twice", KEY_RULE)
    key = keys[0]
    if len(key) > IDEMPOTENCY_KEY_CHARS_MAX:
        raise problems.of_header("Idempotency-Key", f"has {len(key):,} characters", KEY_RULE)
    if not _KEY.fullmatch(key):
        reason = "has characters that are not allowed" if key else "is empty"
        raise problems.of_header("Idempotency-Key", reason, KEY_RULE)
    return key


def responds_async(request: Request) -> bool:
    """Say whether the caller prefers an answer before the write can be read (RFC 7240)."""
    return any(
        preference.partition(";")[0].strip().lower() == "respond-async"
        for line in header_lines(request.scope, b"prefer")
        for preference in line.split(",")
    )


def expected(request: Request) -> Expected | None:
    """Read `If-Match`, None where there is none. Raises ProblemError (422).

    Tags are compared strongly: a weak one, or one that is no revision, never holds.
    """
    lines = header_lines(request.scope, b"if-match")
    if not lines:
        return None
    text = ", ".join(lines).strip()
    if text == "*":
        return Expected(None)
    revisions = set()
    for part in text.split(","):
        tag = _TAG.fullmatch(part.strip())
        if tag is None:
            raise problems.of_header("If-Match", "is not a list of entity tags", IF_MATCH_RULE)
        if tag[1] is None and _REVISION.fullmatch(tag[2]):
            revisions.add(int(tag[2]))
    return Expected(frozenset(revisions))


def _limit(text: str | None) -> int | None:
    if text is None:
        return None
    if not _LIMIT.fullmatch(text):
        raise problems.of_parameter("limit", "is not a whole number", LIMIT_RULE)
    limit = int(text)
    if not 1 <= limit <= PAGE_ITEMS_MAX:
        raise problems.of_parameter("limit", f"is {limit}", LIMIT_RULE)
    return limit
