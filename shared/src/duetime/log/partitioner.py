"""Which partition a key belongs to: Kafka's murmur2, the same in every service and adapter.

Source: Apache Kafka's `Utils.murmur2` and `BuiltInPartitioner.partitionForKey`.
"""

import sys
from array import array
from collections.abc import Sequence
from struct import Struct, unpack
from typing import Final

_M: Final = 0x5BD1E995
_SEED: Final = 0x9747B28C
_MASK: Final = 0xFFFFFFFF
_WORDS: Final = Struct("<9I")  # of a task id, which nearly all keys are
_LANE_BYTES: Final = 8  # a product of 32 bits by 32 fits, so lanes never touch


def partition_of(key: bytes, partitions: int) -> int:
    """Give the partition (0 .. partitions - 1) of a key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def partitions_of(keys: Sequence[bytes], partitions: int) -> Sequence[int]:
    """Give the partition of each of many keys; of task ids in a fifth of the time."""
    usual = sys.byteorder == "little" and all(len(key) == _WORDS.size for key in keys)
    hashes = _murmur2_of_ids(keys) if usual else map(murmur2, keys)
    return [(each & 0x7FFFFFFF) % partitions for each in hashes]


def murmur2(key: bytes) -> int:
    """Give the unsigned 32-bit murmur2 hash of a key, seeded as Kafka seeds it."""
    length = len(key)
    h = _SEED ^ length
    whole = length & ~3
    words = _WORDS.unpack(key) if length == _WORDS.size else unpack(f"<{whole // 4}I", key[:whole])
    for word in words:
        k = word * _M & _MASK
        h = (h * _M ^ (k ^ k >> 24) * _M) & _MASK
    rest = key[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _MASK
    h ^= h >> 13
    h = h * _M & _MASK
    return h ^ h >> 15


def _murmur2_of_ids(keys: Sequence[bytes]) -> Sequence[int]:
    """Hash many keys of a task id's length at once, each in a lane of one large integer.

    The same steps as for one key. What a shift brings down from the lane above is masked away.
    """
    count = len(keys)
    words = array("I", b"".join(keys))
    mask = int.from_bytes(_MASK.to_bytes(_LANE_BYTES, "little") * count, "little")
    seed = (_SEED ^ _WORDS.size).to_bytes(_LANE_BYTES, "little")
    h = int.from_bytes(seed * count, "little")
    stride = _WORDS.size // words.itemsize
    for first in range(stride):
        lanes = array("Q", words[first::stride]).tobytes()
        k = int.from_bytes(lanes, "little") * _M & mask
        h = (h * _M ^ (k ^ (k >> 24 & mask)) * _M) & mask
    h ^= h >> 13 & mask
    h = h * _M & mask
    h ^= h >> 15 & mask
    return array("Q", h.to_bytes(_LANE_BYTES * count, "little"))
