"""Hypothesis strategies for everything that the wire contract can say.

Knows the types of `duetime.events` by their fields, so a new field is tried without being listed.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from duetime.events.codec import VERSIONS
from duetime.events.ids import instant
from duetime.events.types import AnyEvent

TIMEZONES: Final = (
    *("UTC", "America/New_York", "Europe/Berlin", "Europe/London", "Asia/Kolkata"),
    *("Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Asia/Tokyo"),
)
_Struct = TypeVar("_Struct", bound=msgspec.Struct)

# JSON has no lone surrogates, and no reader of ours would get one past the edge.
texts: Final = st.text(st.characters(codec="utf-8"), max_size=20)
keys: Final = texts.filter(lambda text: text != "" and not text.startswith("_"))
instants: Final = st.integers(0, 200 * 366 * 86_400_000_000).map(instant)
values: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | texts
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def events() -> st.SearchStrategy[AnyEvent]:
    """Give any event of any type."""
    return st.one_of([struct(kind) for kind in VERSIONS])


def struct(kind: type[_Struct]) -> st.SearchStrategy[_Struct]:
    """Give any value of a Struct."""
    fields = msgspec.structs.fields(kind)
    return st.builds(kind, **{field.name: _field(field.name, field.type) for field in fields})


def seconds(least: float, most: float) -> st.SearchStrategy[timedelta]:
    """Give a span in whole milliseconds."""
    return st.integers(round(least * 1_000), round(most * 1_000)).map(
        lambda milliseconds: timedelta(milliseconds=milliseconds)
    )


def _field(name: str, kind: Any) -> st.SearchStrategy[Any]:
    if name == "timezone":
        return st.sampled_from(TIMEZONES)
    if name == "task_id":
        return keys
    return _of(kind)


def _of(kind: Any) -> st.SearchStrategy[Any]:
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: texts,
        int: st.integers(-(2**53), 2**53),
        bool: st.booleans(),
        float: st.floats(allow_nan=False, allow_infinity=False),
        datetime: instants,
        NoneType: st.none(),
        Any: values,
    }
    if kind in plain:
        return plain[kind]
    origin = get_origin(kind)
    if origin is Annotated:
        return _of(get_args(kind)[0])
    if origin in (Union, UnionType):
        return reduce(or_, [_of(member) for member in get_args(kind)])
    if origin is dict:
        of_key, of_value = (_of(member) for member in get_args(kind))
        return st.dictionaries(of_key, of_value, max_size=3)
    if origin is tuple:
        return st.lists(_of(get_args(kind)[0]), max_size=10).map(tuple)
    if issubclass(kind, StrEnum):
        return st.sampled_from(list(kind))
    assert issubclass(kind, msgspec.Struct), f"no strategy for {kind}"
    return struct(kind)
