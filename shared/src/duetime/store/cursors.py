"""Cursors: the sort key of a page's last element as opaque text, refused where it is not ours.

Knows how a sort key becomes a cursor and back; not what any list is ordered by.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from duetime.limits import CURSOR_CHARS_MAX
from duetime.store.port import CursorError

_CHECK_BYTES: Final = 6  # tells a torn or foreign cursor; it is no secret
_INTEGER_BITS: Final = 64


class Place(NamedTuple):
    """Where an element stands in a list: section, instant in microseconds, id."""

    section: int
    at: int
    id: str


def write_cursor(of_list: str, place: Place) -> str:
    """Give the cursor that stands behind `place` in the list of that name."""
    payload = msgspec.json.encode(place)
    return urlsafe_b64encode(_check(of_list, payload) + payload).decode().rstrip("=")


def read_cursor(of_list: str, cursor: str) -> Place:
    """Give the place a cursor stands for. Raises CursorError for any that this list never gave."""
    if len(cursor) > CURSOR_CHARS_MAX or not cursor.isascii():
        raise CursorError(_REFUSAL)
    try:
        content = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        place = msgspec.json.decode(content[_CHECK_BYTES:], type=Place)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as fault:
        raise CursorError(_REFUSAL) from fault
    # Written again it must be the same text: base64 and JSON have many spellings of one value.
    if write_cursor(of_list, place) != cursor or place.at.bit_length() >= _INTEGER_BITS:
        raise CursorError(_REFUSAL)
    return place


def _check(of_list: str, payload: bytes) -> bytes:
    return blake2b(
        payload, digest_size=_CHECK_BYTES, key=of_list.encode(errors="replace")[:64]
    ).digest()


_REFUSAL: Final = "the cursor is none that this list has given out"
