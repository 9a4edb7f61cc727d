"""Bodies of the usual shape, read in one step: what a flood of registrations is made of.

Knows which bodies keep every rule without a closer look; what it does not know for certain it does
not read, and the thorough way (`body`, `definitions`) says what is wrong, or that nothing is. So
both ways give the same task and the same fingerprint, and the tests hold them to it.

A typed decoder takes the last of two equal names in silence. Therefore texts with a backslash are
not read here, and names are counted: each stands once in each task that has it, or a value looks
like a name, and then nobody can tell quickly.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec
import orjson
from msgspec import UNSET, UnsetType

from duetime.api.definitions import Wish
from duetime.api.requests import key_fault
from duetime.api.schemas import ACTION_NAME_CHARS_MAX
from duetime.api.times import TimeError, instant_of, known_timezones, parse_time
from duetime.events.types import Action, Definition, LogAction, PythonAction
from duetime.limits import DESCRIPTION_CHARS_MAX
from duetime.recurrence.rules import Daily


class _Log(msgspec.Struct, gc=False, forbid_unknown_fields=True, tag_field="type", tag="log"):
    pass


class _Python(msgspec.Struct, gc=False, forbid_unknown_fields=True, tag_field="type", tag="python"):
    name: str


class _Body(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    description: str
    time: str
    recurring: bool
    timezone: str | UnsetType = UNSET
    action: _Log | _Python | UnsetType = UNSET
    idempotency_key: str | UnsetType = UNSET


class Quick(NamedTuple):
    """A task that keeps the rules, and the key that its caller gave it, if one."""

    wish: Wish
    key: str


_MANY: Final = msgspec.json.Decoder(list[_Body])
_NAMES: Final = (b'"description"', b'"time"', b'"recurring"')
_OPTIONAL: Final = (b'"timezone"', b'"action"', b'"idempotency_key"')
_LOG_ACTION: Final = LogAction()
_DAILY: Final = Daily()
_MICROSECOND_UTC: Final = 27  # characters of 2030-01-31T09:30:00.000000Z
_MICROSECOND_OFFSET: Final = 32  # and with +00:00


def cut_quickly(body: bytes) -> Sequence[_Body] | None:
    """Cut a batch into its tasks; None where that takes a closer look."""
    if b"\\" in body:
        return None
    try:
        bodies = _MANY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    count = len(bodies)
    if any(body.count(name) != count for name in _NAMES):
        return None
    named = [
        sum(each.timezone is not UNSET for each in bodies),
        sum(each.action is not UNSET for each in bodies),
        sum(each.idempotency_key is not UNSET for each in bodies),
    ]
    if any(body.count(name) != there for name, there in zip(_OPTIONAL, named, strict=True)):
        return None
    called = sum(type(each.action) is _Python for each in bodies)
    if body.count(b'"type"') != named[1] or body.count(b'"name"') != called:
        return None
    return bodies


def read_one_quickly(text: bytes) -> Wish | None:
    """Read the body of a single registration; None where it takes a closer look."""
    cut = cut_quickly(b"[%b]" % text)
    if cut is None or len(cut) != 1 or cut[0].idempotency_key is not UNSET:
        return None
    quick = read_quickly(cut[0])
    return None if quick is None else quick.wish


def read_quickly(body: _Body) -> Quick | None:
    """Read one task; None where it takes a closer look."""
    description, timezone = body.description, body.timezone
    if not description.isprintable() or not 0 < len(description) <= DESCRIPTION_CHARS_MAX:
        return None
    if description.isspace():
        return None
    zone = "UTC" if isinstance(timezone, UnsetType) else timezone
    if zone != "UTC" and zone not in known_timezones():
        return None
    key = ""
    if not isinstance(body.idempotency_key, UnsetType):
        key = body.idempotency_key
        if key_fault(key) is not None:
            return None
    action = _action(body.action)
    try:
        time = _time(body.time)
        if time.tzinfo is None:
            time = instant_of(time, zone)
    except (TimeError, ValueError):
        return None
    if action is None:
        return None
    definition = Definition(
        description=description,
        time=time,
        timezone=zone,
        recurrence=_DAILY if body.recurring else None,
        action=action,
    )
    return Quick(Wish(None, _fingerprint(body), definition), key)


def _action(body: _Log | _Python | UnsetType) -> Action | None:
    if isinstance(body, _Python):
        if not 0 < len(body.name) <= ACTION_NAME_CHARS_MAX:
            return None
        return PythonAction(name=body.name)
    return _LOG_ACTION


def _time(text: str) -> datetime:
    """Read a time as `parse_time` does. Raises ValueError, TimeError among them."""
    length = len(text)
    usual = length == _MICROSECOND_OFFSET and text.endswith("+00:00")
    if usual or (length == _MICROSECOND_UTC and text.endswith("Z")):
        marks = text[4] + text[7] + text[10] + text[13] + text[16] + text[19]
        if marks == "--T::." and text.isascii():
            return datetime.fromisoformat(f"{text[:26]}+00:00")
    return parse_time(text)


def _fingerprint(body: _Body) -> str:
    """Digest what the body says, as `definitions` does: without the key, names in order."""
    said: dict[str, Any] = {}
    action = body.action
    if isinstance(action, _Python):
        said["action"] = {"name": action.name, "type": "python"}
    elif isinstance(action, _Log):
        said["action"] = {"type": "log"}
    said["description"] = body.description
    said["recurring"] = body.recurring
    said["time"] = body.time
    if body.timezone is not UNSET:
        said["timezone"] = body.timezone
    return blake2b(orjson.dumps(said), digest_size=16).hexdigest()
