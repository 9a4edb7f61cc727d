"""What a request says besides its body: query parameters and headers, read strictly.

Knows names and rules of parameters and headers; not what they are used for.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request

from duetime.api import problems
from duetime.api.handlers import Expected, Manner
from duetime.api.times import TimeError, instant_of, parse_time
from duetime.http.asgi import header_lines
from duetime.limits import (
    CURSOR_CHARS_MAX,
    IDEMPOTENCY_KEY_CHARS_MAX,
    PAGE_ITEMS_DEFAULT,
    PAGE_ITEMS_MAX,
    QUERY_TEXT_CHARS_MAX,
)
from duetime.store.filters import EVERYTHING, TaskFilter
from duetime.store.views import ListedStatus

LIMIT_RULE: Final = f"`limit` is a whole number from 1 to {PAGE_ITEMS_MAX:,}"
KEY_RULE: Final = (
    f"`Idempotency-Key` is 1 to {IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters, no spaces"
)
IF_MATCH_RULE: Final = '`If-Match` is * or entity tags such as "3", as ETag gave them'

STATUSES: Final = tuple(status for status in ListedStatus if status is not ListedStatus.DELETED)
STATUS_RULE: Final = f"`status` is one of {', '.join(STATUSES)}; it may come more than once"
TEXT_RULE: Final = f"`q` is text of 1 to {QUERY_TEXT_CHARS_MAX} characters"
DUE_RULE: Final = (
    "it is an ISO 8601 date and time such as 2030-01-31T09:30:00Z (UTC if it is bare; a + stands "
    "for a space in a URL: write %2B)"
)

_LIST_PARAMETERS: Final = ("limit", "cursor")
_FILTER_PARAMETERS: Final = ("status", "q", "due_from", "due_to")
_REPEATABLE: Final = "status"
_ANY: Final = ("*",)
_KEY: Final = re.compile(r"[!-~]+", re.ASCII)
_LIMIT: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_TAG: Final = re.compile(r'(W/)?"([!#-~]*)"', re.ASCII)
_REVISION: Final = re.compile(r'"([1-9][0-9]{0,15})(?:-[0-9a-f]{12})?"', re.ASCII)
_TRACE: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
)


class PageWanted(NamedTuple):
    """Which page of a list; `limit` None: the caller did not say. `others`: what else was asked."""

    limit: int | None
    cursor: str | None
    others: tuple[tuple[str, str], ...] = ()

    @property
    def items_max(self) -> int:
        """How many items at most."""
        return self.limit or PAGE_ITEMS_DEFAULT

    def query(self, cursor: str) -> str:
        """Give the query of the page at `cursor`: the rest as it was asked."""
        limit = () if self.limit is None else (("limit", str(self.limit)),)
        return urlencode((*self.others, *limit, ("cursor", cursor)))


def page_wanted(request: Request) -> PageWanted:
    """Read `limit` and `cursor`. Raises ProblemError (422); unknown parameters are refused too."""
    return _page(_parameters(request, _LIST_PARAMETERS))


def tasks_wanted(request: Request) -> tuple[PageWanted, TaskFilter]:
    """Read which tasks, and which page of them. Raises ProblemError (422)."""
    values = _parameters(request, (*_LIST_PARAMETERS, *_FILTER_PARAMETERS))
    if not values:
        return PageWanted(None, None), EVERYTHING
    (text,) = values.get("q", [""])
    if "q" in values and not 0 < len(text) <= QUERY_TEXT_CHARS_MAX:
        raise problems.of_parameter("q", f"has {len(text)} characters", TEXT_RULE)
    wanted = TaskFilter(
        statuses=frozenset(_status(value) for value in values.get("status", ())),
        text=text,
        due_from=_instant("due_from", values),
        due_to=_instant("due_to", values),
    )
    return _page(values), wanted


def _parameters(request: Request, known: Sequence[str]) -> dict[str, list[str]]:
    query: bytes = request.scope["query_string"]
    values: dict[str, list[str]] = {}
    if not query:
        return values
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in known:
            near = problems.nearest(name, known) or ""
            raise problems.of_parameter(
                name[:80],
                f"is no known parameter; did you mean `{near}`?",
                f"the parameters are {', '.join(known)}",
                suggestion=near,
            )
        if name in values and name != _REPEATABLE:
            raise problems.of_parameter(name, "comes twice", f"`{name}` comes at most once")
        values.setdefault(name, []).append(value)
    return values


def _page(values: Mapping[str, Sequence[str]]) -> PageWanted:
    (cursor,) = values.get("cursor", [None])
    if cursor is not None and not 0 < len(cursor) <= CURSOR_CHARS_MAX:
        raise problems.of_parameter(
            "cursor", "is none that this list has given out", "`cursor` comes from a Link header"
        )
    (limit,) = values.get("limit", [None])
    others = tuple(
        (name, value)
        for name, given in values.items()
        if name not in _LIST_PARAMETERS
        for value in given
    )
    return PageWanted(_limit(limit), cursor, others)


def _status(value: str) -> ListedStatus:
    if value not in STATUSES:
        raise problems.of_parameter(
            "status",
            f"is {value[:80]!r}, which no task can be",
            STATUS_RULE,
            suggestion=problems.nearest(value, STATUSES) or "",
        )
    return ListedStatus(value)


def _instant(name: str, values: Mapping[str, Sequence[str]]) -> datetime | None:
    if name not in values:
        return None
    try:
        return instant_of(parse_time(values[name][0]), "UTC")
    except TimeError as reason:
        raise problems.of_parameter(name, str(reason), DUE_RULE) from None


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
    reason = key_fault(keys[0])
    if reason is not None:
        raise problems.of_header("Idempotency-Key", reason, KEY_RULE)
    return keys[0]


def checked_key(value: object, field: str) -> str:
    """Give a key that stands in a body. Raises ProblemError (422)."""
    reason = key_fault(value) if isinstance(value, str) else "is no text"
    if reason is not None:
        raise problems.of_field(field, reason, rule=KEY_RULE)
    return str(value)


def no_key(request: Request) -> None:
    """Expect no `Idempotency-Key`. Raises ProblemError (422)."""
    if header_lines(request.scope, b"idempotency-key"):
        raise problems.of_header(
            "Idempotency-Key",
            "names one task, and these are many",
            "each task of a batch carries its own `idempotency_key`",
        )


def key_fault(key: str) -> str | None:
    """Say why a text is no idempotency key; None: it is one."""
    if len(key) > IDEMPOTENCY_KEY_CHARS_MAX:
        return f"has {len(key):,} characters"
    if not _KEY.fullmatch(key):
        return "has characters that are not allowed" if key else "is empty"
    return None


def responds_async(request: Request) -> bool:
    """Say whether the caller prefers an answer before the write can be read (RFC 7240)."""
    return any(
        preference.partition(";")[0].strip().lower() == "respond-async"
        for line in header_lines(request.scope, b"prefer")
        for preference in line.split(",")
    )


def expected(request: Request) -> Expected | None:
    """Read the conditions of a change, None where there are none. Raises ProblemError (422).

    `If-Match` compares tags strongly: a weak one, or one that is no revision, never holds.
    `If-None-Match` is refused by any tag of the revision; * means that there be no task at all,
    which is never so where one can be changed. Of a tag only the revision counts.
    """
    wanted = _tags(request, b"if-match", "If-Match")
    unwanted = _tags(request, b"if-none-match", "If-None-Match")
    if wanted is None and unwanted is None:
        return None
    revisions: frozenset[int] | None = None
    if wanted is not None and wanted != _ANY:
        revisions = _revisions(tag for tag in wanted if not tag.startswith("W/"))
    if unwanted == _ANY:
        return Expected(frozenset())
    return Expected(revisions, frozenset() if unwanted is None else _revisions(unwanted))


def not_modified(request: Request, tag: str) -> bool:
    """Say whether the caller has the answer of this tag already (`If-None-Match`)."""
    tags = _tags(request, b"if-none-match", "If-None-Match")
    return tags is not None and (tags == _ANY or tag in {it.removeprefix("W/") for it in tags})


def traceparent(request: Request) -> str | None:
    """Give the caller's trace context (W3C), None where there is none that can be used."""
    lines = header_lines(request.scope, b"traceparent")
    if len(lines) != 1 or not _TRACE.fullmatch(lines[0]):
        return None
    return lines[0]


def manner(request: Request) -> Manner:
    """Read how a change is to be carried out."""
    return Manner(wait=not responds_async(request), traceparent=traceparent(request))


def _tags(request: Request, name: bytes, shown: str) -> Sequence[str] | None:
    lines = header_lines(request.scope, name)
    if not lines:
        return None
    text = ", ".join(lines).strip()
    if text == "*":
        return _ANY
    tags = [part.strip() for part in text.split(",")]
    if not all(map(_TAG.fullmatch, tags)):
        raise problems.of_header(
            shown, "is not a list of entity tags", IF_MATCH_RULE.replace("If-Match", shown)
        )
    return tags


def _revisions(tags: Iterable[str]) -> frozenset[int]:
    matches = [_REVISION.fullmatch(tag.removeprefix("W/")) for tag in tags]
    return frozenset(int(match[1]) for match in matches if match is not None)


def _limit(text: str | None) -> int | None:
    if text is None:
        return None
    if not _LIMIT.fullmatch(text):
        raise problems.of_parameter("limit", "is not a whole number", LIMIT_RULE)
    limit = int(text)
    if not 1 <= limit <= PAGE_ITEMS_MAX:
        raise problems.of_parameter("limit", f"is {limit}", LIMIT_RULE)
    return limit
