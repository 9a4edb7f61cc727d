"""The position record: how far a partition's timer has folded `tasks` and `executions`.

The last record of every transaction of a timer in `schedule`. Knows its key and its bytes; not what
folding means. The timers go on from it; the api judges by it whether they keep up.
"""

from typing import Final

import msgspec


class FoldedTo(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The position record: how far `tasks` and `executions` are folded into the changelog.

    `schedule`: up to where the changelog's own unreadable records have copies among the dead
    letters.
    """

    tasks: int = 0
    executions: int = 0
    schedule: int = 0


POSITION_KEY: Final = b"_position"

_ENCODER: Final = msgspec.json.Encoder()
_POSITION: Final = msgspec.json.Decoder(FoldedTo)


def encode_position(position: FoldedTo) -> bytes:
    """Give the bytes of the position record."""
    return _ENCODER.encode(position)


def decode_position(value: bytes) -> FoldedTo:
    """Read the position record. Raises msgspec.MsgspecError for anything else."""
    return _POSITION.decode(value)
