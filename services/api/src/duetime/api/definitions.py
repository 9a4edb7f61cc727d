"""From a body to a task's definition: new, or over the one that stands.

Knows how the fields of a request become the domain's values and which it keeps; not what time it
is: whether a time is allowed is the domain's to say.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

import msgspec
import orjson
from pydantic import BaseModel, ValidationError

from duetime.api import problems
from duetime.api.answers import action_members, recurrence_members
from duetime.api.schemas import READ_ONLY, LogActionBody, PythonActionBody, TaskBody
from duetime.api.times import TimeError, instant_of
from duetime.events.types import Action, Definition, LogAction, PythonAction
from duetime.recurrence.rules import Daily, Recurrence

_FIELDS: Final = frozenset(TaskBody.model_fields)


class Wish(msgspec.Struct, frozen=True, gc=False):
    """A body that keeps the rules: its fields, and its canonical digest.

    One that was read in one step (`quick`) has no fields left, only what they define.
    """

    body: TaskBody | None
    fingerprint: str
    definition: Definition | None = None

    @property
    def fields(self) -> TaskBody:
        """The fields of a body that was read thoroughly."""
        assert self.body is not None
        return self.body


def read_wish(value: Any) -> Wish:
    """Check a body, field by field. Raises ProblemError (422) naming every field at fault."""
    if isinstance(value, dict) and not READ_ONLY.isdisjoint(value):
        value = {name: member for name, member in value.items() if name not in READ_ONLY}
    try:
        body = TaskBody.model_validate(value)
    except ValidationError as refused:
        raise problems.of_validation(refused) from None
    return Wish(body, _fingerprint(value))


def patched_wish(patch: Mapping[str, Any], current: Definition) -> Wish:
    """Merge a patch (RFC 7396) into what stands. Raises ProblemError (422).

    What the patch sets to null stands at its default again. Whether the task recurs is said by
    `recurring` or by `recurrence`; the one that the patch does not name follows.
    """
    patch = {name: member for name, member in patch.items() if name not in READ_ONLY}
    # Merged away, a null under a misspelt name would be taken without a word.
    unknown = [name for name, member in patch.items() if member is None and name not in _FIELDS]
    if unknown:
        raise problems.unknown_fields(unknown)
    base = definition_members(current)
    if "recurrence" in patch and "recurring" not in patch:
        base["recurring"] = patch["recurrence"] is not None
    elif "recurring" in patch and "recurrence" not in patch and not patch["recurring"]:
        del base["recurrence"]
    merged = _merged(base, patch)
    for name, field in TaskBody.model_fields.items():
        if not field.is_required() and name not in merged:
            merged[name] = _plain(field.default)
    return read_wish(merged)


def definition_members(definition: Definition) -> dict[str, Any]:
    """Give a definition as the fields of a body that would make it."""
    return {
        "description": definition.description,
        "time": definition.time.isoformat(),
        "recurring": definition.recurrence is not None,
        "timezone": definition.timezone,
        "recurrence": recurrence_members(definition.recurrence),
        "action": action_members(definition.action),
        "timeout_seconds": definition.timeout_seconds,
    }


def new_definition(wish: Wish, known_actions: Collection[str] | None) -> Definition:
    """Give the definition of a new task. Raises ProblemError (422)."""
    if wish.definition is not None:
        _expect_known(wish.definition.action, known_actions)
        return wish.definition
    body = wish.fields
    if body.recurrence is not None and not body.recurring:
        raise problems.of_field(
            "recurring",
            "is false although there is a `recurrence`",
            rule="`recurring` is true exactly when there is a recurrence",
        )
    action = _action(body)
    _expect_known(action, known_actions)
    return Definition(
        description=body.description,
        time=_instant(body, body.timezone),
        timezone=body.timezone,
        recurrence=Daily() if body.recurring else None,
        action=action,
        timeout_seconds=body.timeout_seconds,
    )


def replaced_definition(
    wish: Wish, current: Definition, known_actions: Collection[str] | None
) -> Definition:
    """Give the definition after a PUT: the plain fields anew, what is not named as it stands.

    `recurring: false` drops the recurrence, also where the body carries the old one back.
    Raises ProblemError (422).
    """
    body = wish.fields
    named = body.model_fields_set
    timezone = body.timezone if "timezone" in named else current.timezone
    action = _action(body) if "action" in named else current.action
    if action != current.action:
        _expect_known(action, known_actions)
    return Definition(
        description=body.description,
        time=_instant(body, timezone),
        timezone=timezone,
        recurrence=_replaced_recurrence(body, current),
        action=action,
        timeout_seconds=(
            body.timeout_seconds if "timeout_seconds" in named else current.timeout_seconds
        ),
    )


def _replaced_recurrence(body: TaskBody, current: Definition) -> Recurrence | None:
    if not body.recurring:
        return None
    if body.recurrence is not None:
        return Daily()
    return current.recurrence or Daily()


def _instant(body: TaskBody, timezone: str) -> datetime:
    try:
        return instant_of(body.time, timezone)
    except TimeError as reason:
        raise problems.of_field("time", str(reason)) from None


def _action(body: TaskBody) -> Action:
    match body.action:
        case LogActionBody():
            return LogAction()
        case PythonActionBody(name=name, args=args):
            return PythonAction(name=name, args=args)


def _expect_known(action: Action, known_actions: Collection[str] | None) -> None:
    if known_actions is None or not isinstance(action, PythonAction):
        return
    if action.name in known_actions:
        return
    names = ", ".join(sorted(known_actions)) or "none"
    raise problems.of_field(
        "action.name",
        "is not the name of a registered Python action",
        rule=f"`name` is one that was registered at start; known are: {names}",
        suggestion=problems.nearest(action.name, sorted(known_actions)) or "",
    )


def _merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, member in patch.items():
        if member is None:
            merged.pop(name, None)
        elif isinstance(member, dict):
            below = merged.get(name)
            merged[name] = _merged(below if isinstance(below, dict) else {}, member)
        else:
            merged[name] = member
    return merged


def _plain(default: Any) -> Any:
    return default.model_dump() if isinstance(default, BaseModel) else default


def _fingerprint(value: Mapping[str, Any]) -> str:
    """Digest what the body says: order of names and white space do not count."""
    canonical = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return blake2b(canonical, digest_size=16).hexdigest()
